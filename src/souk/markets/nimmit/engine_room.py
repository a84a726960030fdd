"""Jobs of the engine that failed for good, under Nimmit's paths: `/admin/jobs` is where its clients' jobs are."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, operation
from souk.modules import admin

TAGS: Final = ("admin",)


@operation("GET", "/admin/jobs/dead-letters", who=admin.STAFF, tags=TAGS)
async def list_failed_jobs(tx: Tx, query: admin.DeadLettersQuery) -> CursorPage[admin.DeadLetter]:
    """List what the engine could not do, the latest first."""
    return await admin.dead_letters(tx, query)


@operation(
    "POST", "/admin/jobs/dead-letters/{letter_id}/replay", who=admin.STAFF, idempotent=True, refusals=(admin.NoSuchDeadLetter,), tags=TAGS
)
async def replay_failed_job(tx: Tx, by: Actor, letter_id: UUID) -> None:
    """Let the engine try one again, now, with all its attempts."""
    await admin.run_again(tx, by, letter_id)
