"""The engine room over HTTP."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, operation
from souk.kernel.http.guards import who
from souk.modules.admin import letters
from souk.modules.admin.letters import DeadLetter, DeadLettersQuery, GivingUp, NoSuchDeadLetter, Queue

STAFF: Final = who("admin.staff")
"""Sees what the market's machines could not do, with all that they were given, and lets them try again."""
TAGS: Final = ("admin",)


@operation("GET", "/admin/jobs", who=STAFF, tags=TAGS)
async def list_dead_letters(tx: Tx, query: DeadLettersQuery) -> CursorPage[DeadLetter]:
    """List jobs that failed for good, the latest first."""
    return await letters.dead_letters(tx, query)


@operation("GET", "/admin/queue", who=STAFF, tags=TAGS)
async def read_queue(tx: Tx) -> Queue:
    """See how much waits, runs and failed."""
    return await letters.queue(tx)


@operation("POST", "/admin/jobs/{job_id}/replay", who=STAFF, idempotent=True, refusals=(NoSuchDeadLetter,), tags=TAGS)
async def replay_job(tx: Tx, by: Actor, job_id: UUID) -> None:
    """Run one of them again, now, with all its attempts."""
    await letters.run_again(tx, by, job_id)


@operation(
    "POST",
    "/admin/jobs/{job_id}/give-up",
    who=STAFF,
    idempotent=True,
    refusals=(NoSuchDeadLetter,),
    example={"reason": "The order was settled by hand."},
    tags=TAGS,
)
async def give_up_job(tx: Tx, by: Actor, job_id: UUID, body: GivingUp) -> None:
    """Give one of them up for good."""
    await letters.give_up(tx, by, job_id, body.reason)
