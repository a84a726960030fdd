"""`Worker`: claims what is due and runs it, several at a time, until it is told to stop.

It promises: a job's effects in the database happen exactly once; one whose worker vanished runs again elsewhere, soon after its
lease ended; one that fails is tried again and ends as a dead letter; a database that goes away and comes back finds it at work.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Final

from souk.kernel.db import Database
from souk.kernel.messages.catalogue import Catalogue
from souk.kernel.messages.claims import BATCH, Claims, Rhythm
from souk.kernel.messages.running import Runner, Unwatched, Watch
from souk.kernel.messages.schedule import Schedule
from souk.kernel.messages.sql import Claimed
from souk.kernel.telemetry.logs import log

AHEAD: Final = 0.1
"""Seconds of work to hold in advance: enough to keep busy, little enough to leave to others and to what is more urgent."""

MOST_PATIENT: Final = 5.0
GLANCE: Final = 0.02
"""Seconds between two looks at what other workers still run."""


class Worker:
    """Runs one market's jobs, reactions, timers and periodic work."""

    def __init__(  # noqa: PLR0913 - everything has a default; tests and the assembly set what they need
        self,
        database: Database,
        catalogue: Catalogue,
        *,
        concurrency: int = 8,
        resources: Mapping[type, object] | None = None,
        rhythm: Rhythm = Rhythm(),  # noqa: B008 - frozen
        random: Random | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.concurrency = concurrency
        self.rhythm = rhythm
        self._bell = catalogue.bell
        self._random = random or Random()  # noqa: S311 - spreads retries, guards nothing
        self.claims = Claims(database, rhythm, self._random, self._settled)
        self._runner = Runner(database, catalogue.bind({**(resources or {}), Database: database}), self.claims, watch or Unwatched())
        self._schedule = Schedule(database, catalogue.periodic)
        self._waiting: asyncio.Queue[Claimed] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._stopping = False
        self._staffed = False
        self._more = False
        self._mean = AHEAD

    async def run(self) -> None:
        """Work until `stop` is called. Cancelled, it lets everything go at once."""
        with self._bell.heard_by(self._wake.set):
            async with self._staff():
                await self._claiming()
                await self._release([self._waiting.get_nowait() for _ in range(self._waiting.qsize())], unused=True)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.rhythm.grace):
                        await self.claims.nothing_held.wait()

    def stop(self) -> None:
        """Claim nothing more, let running jobs finish within the grace, give back the rest."""
        self._stopping = True
        self._wake.set()

    def wake(self, _hint: str = "") -> None:
        """Look for work now. For `listen`."""
        self._wake.set()

    async def drain(self, patience: float = 60.0) -> int:
        """Run everything that is due until nothing is, here or in other workers, and say how many attempts that took."""
        attempts = 0
        async with self._staff():
            try:
                async with asyncio.timeout(patience):
                    await self._schedule.start_due()
                    while True:
                        claimed = await self._claim(BATCH)
                        attempts += claimed
                        if claimed:
                            await self.claims.nothing_held.wait()
                        elif await self.claims.unfinished():
                            await asyncio.sleep(GLANCE)
                        else:
                            return attempts
            except TimeoutError:
                raise TimeoutError(f"work was still due after {patience:g} s and {attempts} attempts") from None

    # Claiming

    async def _claiming(self) -> None:
        pause, failures = self.rhythm.shortest, 0
        while not self._stopping:
            self._wake.clear()
            most = self._room()
            try:
                claimed = await self._claim(most) if most else 0
            except Exception as error:  # noqa: BLE001 - the database may be away; a worker outlives that
                failures += 1
                self._complain(error, failures)
                await self._rest(min(MOST_PATIENT, self.rhythm.shortest * 2 ** min(failures, 10)))
                continue
            failures = 0
            self._more = claimed == most
            if claimed:
                pause = self.rhythm.shortest
            if not most or not self._more:
                await self._rest(pause)
                pause = min(pause * 2, self.rhythm.longest)

    async def _claim(self, most: int) -> int:
        claimed = await self.claims.claim(most)
        for job in claimed:
            self._waiting.put_nowait(job)
        return len(claimed)

    def _room(self) -> int:
        """How much to claim: as much as a moment's work, and nothing while more than half of that is held."""
        held = len(self.claims.held)
        enough = max(self.concurrency, min(2 * BATCH, int(self.concurrency * AHEAD / max(self._mean, 1e-6))))
        return min(BATCH, enough - held) if held <= enough // 2 or held < self.concurrency else 0

    async def _rest(self, seconds: float) -> None:
        """Until something wakes it; otherwise that long, more or less, so that workers do not march in step."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds * self._random.uniform(0.8, 1.0)):
                await self._wake.wait()

    def _settled(self, job: Claimed) -> None:
        """A job has ended: there is room for more, and the next in its lane may run."""
        if self._more or job.laned:
            self._wake.set()

    # Running

    @asynccontextmanager
    async def _staff(self) -> AsyncIterator[None]:
        """The tasks that run jobs and keep the leases. What they still hold at the end is given back."""
        if self._staffed:
            raise RuntimeError("this worker is at work already; make another one")
        self._staffed = True
        tasks = [asyncio.create_task(self._beating()), *(asyncio.create_task(self._hand()) for _ in range(self.concurrency))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.claims.flushed()
            self._waiting = asyncio.Queue()
            await self._release(list(self.claims.held.values()), unused=False)
            self._staffed = False

    async def _hand(self) -> None:
        while True:
            job = await self._waiting.get()
            seconds = await self._runner.run(job)
            self._mean += (seconds - self._mean) * 0.05

    async def _beating(self) -> None:
        """Renew leases, recover what others lost, start what the clock asks for."""
        renewed = asyncio.get_running_loop().time()
        failures = 0
        while True:
            await asyncio.sleep(self.rhythm.beat)
            try:
                now = asyncio.get_running_loop().time()
                if now - renewed >= self.rhythm.lease / 3:
                    await self.claims.renew()
                    renewed = now
                if await self.claims.recover():
                    self._wake.set()
                await self._schedule.start_due()
                failures = 0
            except Exception as error:  # noqa: BLE001 - the next beat tries again
                failures += 1
                self._complain(error, failures)

    def _complain(self, error: Exception, failures: int) -> None:
        if failures == 1 or failures % 20 == 0:
            log.warning("the queue cannot be reached; trying again", error=f"{type(error).__name__}: {error}", failures=failures)

    async def _release(self, jobs: list[Claimed], *, unused: bool) -> None:
        try:
            await self.claims.release(jobs, unused=unused)
        except Exception:  # noqa: BLE001 - then others take them over when the leases end
            log.warning("claimed jobs could not be given back; their leases will run out", jobs=len(jobs), exc_info=True)
