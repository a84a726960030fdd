"""Jobs that failed for good: reactions, timers of orders, mails. What staff do about one is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel import messages
from souk.kernel.db import Tx
from souk.kernel.errors import Refusal
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.kernel.record import Record
from souk.modules import audit


class NoSuchDeadLetter(Refusal, status=404, message="There is no such failed job any more: it was run again, or given up."):
    """It is not there, or somebody was quicker."""


class DeadLetter(Record):
    """A job that failed for good: what was to be done, with what, and why it could not."""

    id: UUID
    job: str
    payload: Any
    attempts: int
    error: str
    traceback: str
    asked_at: datetime
    died_at: datetime


class DeadLettersQuery(CursorPaging, kw_only=True):
    """Which of them are wanted."""

    job: Annotated[str, Meta(max_length=200, description="Only those of this name, such as orders.fire.")] | None = None


class GivingUp(Record):
    """Why it is not done after all."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class Queue(Record):
    """How much there is to do. What is due is counted up to 10,000."""

    due: int
    running: int
    dead: int
    oldest_seconds: float


class Last(msgspec.Struct, frozen=True):
    """The one that was shown last."""

    died_at: datetime
    id: UUID


async def dead_letters(tx: Tx, query: DeadLettersQuery) -> CursorPage[DeadLetter]:
    """List them, the latest first."""
    last = query.after(Last)
    after = (last.died_at, last.id) if last is not None else None
    found = await messages.dead_letters(tx, after=after, job=query.job, limit=query.limit + 1)
    page = cursor_page(found, query, lambda each: Last(each.died_at, each.id))
    return CursorPage([_shown(each) for each in page.items], page.next_cursor, query)


def _shown(letter: messages.DeadJob) -> DeadLetter:
    payload = msgspec.json.decode(letter.payload)
    return DeadLetter(letter.id, letter.name, payload, letter.attempts, letter.error, letter.traceback, letter.asked_at, letter.died_at)


async def run_again(tx: Tx, by: Actor, job: UUID) -> None:
    """Let one run again at once, with all its attempts."""
    if not await messages.replay(tx, job):
        raise NoSuchDeadLetter
    await audit.record(tx, "job.replayed", "job", job, by=by)


async def give_up(tx: Tx, by: Actor, job: UUID, reason: str) -> None:
    """Do not do it after all."""
    if not await messages.drop(tx, job):
        raise NoSuchDeadLetter
    await audit.record(tx, "job.given_up", "job", job, by=by, why=reason)


async def queue(tx: Tx) -> Queue:
    """How much waits, runs and failed."""
    depth = await messages.queue_depth(tx)
    return Queue(depth.due, depth.leased, depth.dead, depth.oldest_seconds)


EXAMPLES: Final = {
    DeadLetter: {
        "id": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a10",
        "job": "orders.fire",
        "payload": {"process": "lesson", "orderId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "step": "confirm"},
        "attempts": 10,
        "error": "RuntimeError: nobody knows how long it took",
        "traceback": "Traceback (most recent call last): …",
        "askedAt": "2026-11-21T09:30:00Z",
        "diedAt": "2026-11-21T21:30:00Z",
    },
}
