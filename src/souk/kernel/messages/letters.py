"""What staff and probes ask: the dead letters, one call to replay or drop one, and how long the queue is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import sql
from souk.kernel.messages.outbox import outbox_of
from souk.kernel.messages.sql import DeadJob, Depth


async def dead_letters(tx: Tx, *, after: tuple[datetime, UUID] | None = None, job: str | None = None, limit: int = 50) -> list[DeadJob]:
    """The jobs that failed for good, the latest first; those after one that is known, those of a name."""
    return await tx.run(sql.DEAD_JOBS, *(after or (None, None)), job, limit)


async def replay(tx: Tx, job: UUID) -> bool:
    """Let a dead job run again at once, with all its attempts. False when it is no dead letter any more."""
    outbox_of(tx).ring_when_committed()
    return await tx.run(sql.REPLAY, job, tx.now) > 0


async def drop(tx: Tx, job: UUID) -> bool:
    """Give a dead job up for good."""
    return await tx.run(sql.DROP_DEAD, job) > 0


async def queue_depth(tx: Tx) -> Depth:
    """What waits, what runs, what is dead, and for how long the oldest has waited."""
    return await tx.run(sql.DEPTH, tx.now)
