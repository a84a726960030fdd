"""The queue as a worker sees it: claim, renew, complete, give back, bury. Everything a worker writes about its claims."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Final
from uuid import UUID, uuid4

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.messages import sql
from souk.kernel.messages.sql import Claimed, Lost
from souk.kernel.telemetry.logs import log

BATCH: Final = 50
ERROR_LENGTH: Final = 2_000
TRACEBACK_LENGTH: Final = 20_000


class Rhythm(msgspec.Struct, frozen=True):
    """How a worker keeps time, in seconds. Leases run on the database's clock."""

    lease: float = 10.0
    beat: float = 1.0
    """How often it renews its leases, looks for jobs whose worker vanished, and for what the clock asks."""
    shortest: float = 0.05
    longest: float = 1.0
    """It looks for work that often when there was some just now, and when there was none for a while."""
    grace: float = 20.0
    """How long running jobs may go on when it stops."""
    backoff: float = 2.0
    backoff_most: float = 3600.0


class Claims:
    """One worker's claims."""

    def __init__(self, database: Database, rhythm: Rhythm, random: Random, settled: Callable[[Claimed], None]) -> None:
        self.held: dict[UUID, Claimed] = {}
        self.nothing_held = asyncio.Event()
        self.nothing_held.set()
        self._database = database
        self._rhythm = rhythm
        self._random = random
        self._settled = settled
        self._done: list[Claimed] = []
        self._flushing: asyncio.Task[None] | None = None

    async def claim(self, most: int) -> list[Claimed]:
        """Take what is due, the most urgent first. The attempt counts from here on."""
        now, token = self._database.clock.now(), uuid4()
        claimed = await self._database.write(lambda tx: tx.finish(sql.CLAIM, now, most, token, self._rhythm.lease))
        if claimed:
            self.nothing_held.clear()
            self.held.update((each.id, each) for each in claimed)
        return sorted(claimed, key=lambda each: each.rank)

    async def renew(self) -> None:
        """Hold on to everything that is held."""
        held = list(self.held.values())
        if held:
            await self._database.write(lambda tx: tx.finish(sql.RENEW, *_columns(held), self._rhythm.lease))

    def let_go(self, job: Claimed) -> None:
        """The job is completed, or no longer ours."""
        if self.held.get(job.id) is job:
            del self.held[job.id]
            if not self.held:
                self.nothing_held.set()
            self._settled(job)

    def complete_soon(self, job: Claimed) -> None:
        """Complete a job that wrote nothing. Many such are completed by one statement."""
        self._done.append(job)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def flushed(self) -> None:
        """Wait until everything that is done is completed, or could not be."""
        if self._flushing is not None:
            await self._flushing

    async def _flush(self) -> None:
        while self._done:
            done, self._done = self._done, []
            try:
                await self._database.write(lambda tx, done=done: tx.finish(sql.DONE, *_columns(done)))  # type: ignore[misc]
            except Exception:  # noqa: BLE001 - whatever it was: the leases run out, and the jobs, which did nothing, run again
                log.warning("jobs could not be completed, and will run again", jobs=len(done), exc_info=True)
            for job in done:
                self.let_go(job)

    async def retry(self, job: Claimed, error: str) -> bool:
        """Give it back for another attempt, after a pause. False when it is no longer ours."""
        wait = self.pause(job.attempts)
        return await self._database.write(lambda tx: give_back(tx, [job], wait=wait, error=error[:ERROR_LENGTH])) > 0

    async def bury(self, job: Claimed, error: str, traceback: str) -> bool:
        """Make it a dead letter. False when it is no longer ours."""
        letter = (clean(error)[:ERROR_LENGTH], clean(traceback)[-TRACEBACK_LENGTH:])
        return await self._database.write(lambda tx: bury(tx, [job], *letter)) > 0

    async def release(self, jobs: Sequence[Claimed], *, unused: bool) -> None:
        """Give jobs back so that others take them at once. Those never begun get their attempt back."""
        if jobs:
            await self._database.write(lambda tx: give_back(tx, jobs, unused=unused))
            for job in jobs:
                self.let_go(job)

    async def recover(self) -> int:
        """Give back what workers that vanished had claimed, or bury it when that was its last attempt."""
        return await self._database.write(self._recover)

    async def _recover(self, tx: Tx) -> int:
        lost = await tx.run(sql.LOST)
        for job in lost:
            if job.attempts >= job.attempts_allowed:
                await bury(tx, [job], f"its worker vanished with it, at attempt {job.attempts}", "")
            else:
                # Once is the worker's misfortune; again may be the job's own doing.
                await give_back(tx, [job], wait=self.pause(job.losses) if job.losses else 0.0, lost=True)
        return len(lost)

    async def unfinished(self) -> bool:
        """Whether something is due or running, here or elsewhere."""
        now = self._database.clock.now()
        return await self._database.read(lambda tx: tx.run(sql.UNFINISHED, now))

    def pause(self, attempts: int) -> float:
        """Full jitter: anything up to a bound that doubles with each attempt."""
        return self._random.uniform(0, min(self._rhythm.backoff_most, self._rhythm.backoff * 2 ** min(attempts - 1, 30)))


async def give_back(  # noqa: PLR0913 - one statement, four reasons to use it
    tx: Tx, jobs: Sequence[Claimed | Lost], *, wait: float | None = None, unused: bool = False, lost: bool = False, error: str | None = None
) -> int:
    """Back to waiting: at their old place, or `wait` seconds from now."""
    many = len(jobs)
    said = clean(error) if error is not None else None
    return await tx.run(sql.GIVE_BACK, *_columns(jobs), [wait] * many, [int(unused)] * many, [int(lost)] * many, [said] * many, tx.now)


async def bury(tx: Tx, jobs: Sequence[Claimed | Lost], error: str, traceback: str) -> int:
    """Out of the queue, to the dead letters."""
    return await tx.run(sql.BURY, *_columns(jobs), [error] * len(jobs), [traceback] * len(jobs))


def clean(text: str) -> str:
    """What PostgreSQL can store of a text."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _columns(jobs: Sequence[Claimed | Lost]) -> tuple[list[UUID], list[UUID]]:
    return [job.id for job in jobs], [job.token for job in jobs]
