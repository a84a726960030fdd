"""One attempt of one job: its effects and its completion commit together, or a failure is recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from traceback import format_exception
from typing import Any, Final, Protocol

from souk.kernel.db import Database, Tx
from souk.kernel.db.tx import NOTHING_ELSE
from souk.kernel.messages.catalogue import Bound
from souk.kernel.messages.claims import Claims
from souk.kernel.messages.outbox import outbox_of
from souk.kernel.messages.sql import Claimed
from souk.kernel.telemetry.logs import log
from souk.kernel.telemetry.metrics import Outcome

UNKNOWN_ATTEMPTS: Final = 10
"""How often at least a name is looked for that this code does not know: other workers may run newer code already."""


class GiveUp(Exception):
    """Raised by a handler that knows it can never succeed: the job becomes a dead letter at once."""


class UnknownWork(LookupError):
    """This code has no job, reaction or periodic work of that name."""


class Watch(Protocol):
    """Who hears how jobs went: metrics and traces."""

    def span(self, job: Claimed) -> AbstractContextManager[Any]:
        """What surrounds one attempt."""
        ...

    def ran(self, job: str, outcome: Outcome, seconds: float) -> None:
        """One attempt ended."""


class Unwatched:
    """Nobody hears."""

    def span(self, job: Claimed) -> AbstractContextManager[Any]:
        del job
        return nullcontext()

    def ran(self, job: str, outcome: Outcome, seconds: float) -> None:
        del job, outcome, seconds


class Runner:
    """Runs claimed jobs."""

    def __init__(self, database: Database, work: Mapping[str, Bound], claims: Claims, watch: Watch) -> None:
        self._database = database
        self._work = work
        self._claims = claims
        self._watch = watch

    async def run(self, job: Claimed) -> float:
        """Make one attempt, and answer how long it took. Only a cancellation comes out of it."""
        began = time.monotonic()
        try:
            outcome = await self._attempt(job)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_stopped():
                raise
            outcome = await self._failed(job, error)
        seconds = time.monotonic() - began
        self._watch.ran(job.name, outcome, seconds)
        return seconds

    async def _attempt(self, job: Claimed) -> Outcome:
        bound = self._work.get(job.name)
        if bound is None:
            raise UnknownWork(f"this code knows no job, reaction or periodic work called {job.name!r}: it is from newer or older code")
        with self._watch.span(job):
            async with asyncio.timeout(bound.work.patience):
                wrote = await (self._outside if bound.outside else self._inside)(bound, job)
        if wrote:
            self._claims.let_go(job)
        else:
            self._claims.complete_soon(job)
        return Outcome.DONE

    async def _inside(self, bound: Bound, job: Claimed) -> bool:
        async def work(tx: Tx) -> bool:
            outbox_of(tx).completes(job.id, job.token)
            await bound.call(tx, job.payload)
            return await _complete(tx)

        return await self._database.write(work)

    async def _outside(self, bound: Bound, job: Claimed) -> bool:
        record: Callable[[Tx], Any] | None = await bound.call(self._database, job.payload)
        if record is None:
            return False

        async def work(tx: Tx) -> bool:
            outbox_of(tx).completes(job.id, job.token)
            await record(tx)
            return await _complete(tx)

        return await self._database.write(work)

    async def _failed(self, job: Claimed, error: BaseException) -> Outcome:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        allowed = max(job.attempts_allowed, UNKNOWN_ATTEMPTS) if isinstance(error, UnknownWork) else job.attempts_allowed
        last = job.attempts >= allowed or isinstance(error, GiveUp)
        log.warning("job failed", job=job.name, job_id=str(job.id), attempt=job.attempts, dead=last, error=said)
        try:
            if last:
                ours = await self._claims.bury(job, said, "".join(format_exception(error)))
            else:
                ours = await self._claims.retry(job, said)
        except Exception:  # noqa: BLE001 - it cannot be recorded now: the lease runs out, and the attempt was counted when it was claimed
            log.warning("a failed job could not be given back; its lease will run out", job=job.name, job_id=str(job.id), exc_info=True)
            ours = False
        self._claims.let_go(job)
        if not ours:
            return Outcome.LOST
        return Outcome.DEAD if last else Outcome.RETRIED


def is_stopped() -> bool:
    """Whether a cancellation is meant for this task; a handler may also meet one of something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _complete(tx: Tx) -> bool:
    """Send the completion with whatever waits in the outbox. False when there was nothing at all to write."""
    outbox = outbox_of(tx)
    if outbox.untouched():
        return False
    if outbox.loaded:
        await tx.finish(NOTHING_ELSE)
    return True
