"""The queue: jobs a second, from commit to handler, a killed worker's job, and how late timers are."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from statistics import median, quantiles
from typing import Any, Final

import asyncpg
import msgspec
import uvloop

from bench.filled import SECRET, database, sources
from bench.load import WrongAnswer
from bench.machine import SERVER_CORE, Program, python, running
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.work import DAWDLE, MARKET, Ask, dawdle, mark, nothing
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Job, Notifier, Outbox, enqueue
from souk.kernel.migrate import market_dsn, migrate

AT_ONCE: Final = 1000
JOBS: Final = 20_000
ASKED: Final = 300
TIMERS_A_SECOND: Final = 1000
TIMER_SECONDS: Final = 10
READY: Final = "worker: ready"


class Queue(msgspec.Struct, frozen=True):
    """A market that has nothing but the jobs that are measured."""

    admin_dsn: str
    dsn: str

    async def ask(self, sql: str) -> list[Any]:
        """A question past everything, to check what workers did."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(f"set search_path to {MARKET.name}")
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Database]:
        """The market as a process sees it that asks for jobs and runs none."""
        catalogue = Catalogue(MARKET.modules)
        pool = Pool(self.dsn)
        opened = Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
        try:
            with catalogue.bell.heard_by(Notifier(opened).ring):
                yield opened
        finally:
            await pool.close()


def cases(run: Run) -> list[Figure]:
    """Every figure of the queue."""
    with database(run.server) as admin_dsn:
        uvloop.run(_migrated(admin_dsn))
        queue = Queue(admin_dsn, market_dsn(admin_dsn, MARKET.name, SECRET))
        return [*throughput(queue, run), *promptness(queue), *survival(queue), *timers(queue)]


async def _migrated(admin_dsn: str) -> None:
    await migrate(admin_dsn, MARKET.name, sources(MARKET), secret=SECRET)


@contextmanager
def worker(queue: Queue, *words: object, **environ: str) -> Iterator[Program]:
    """A worker on a core of its own."""
    with running(python("bench.work", queue.dsn, *words), ready=READY, cores=[SERVER_CORE], environ=environ) as program:
        yield program


async def ask_for(queue: Queue, work: Job[Ask], how_many: int, *, due: Callable[[int], timedelta] | None = None) -> float:
    """Enqueue so many; answer the machine's time from which `due` counts."""
    async with queue.opened() as opened:
        began = opened.clock.now()
        for first in range(0, how_many, AT_ONCE):
            async with opened.begin() as tx:
                for number in range(first, min(first + AT_ONCE, how_many)):
                    await enqueue(tx, work, Ask(number), run_at=began + due(number) if due else None)
        return began.timestamp()


async def emptied(queue: Queue, patience: float = 60) -> None:
    """Wait until nothing is left to do."""
    end = time.monotonic() + patience
    while (await queue.ask("select count(*) from jobs where name like 'bench.%'"))[0][0]:
        if time.monotonic() > end:
            raise WrongAnswer("jobs were left undone")
        await asyncio.sleep(0.2)


async def check(queue: Queue, marks: int) -> list[tuple[int, float]]:
    """Everything was done once: so many marks, no job left, none dead. The marks go."""
    await emptied(queue)
    rows: list[tuple[int, float]] = await queue.ask("select number, handled_at from marks order by number")
    dead = (await queue.ask("select count(*) from dead_jobs"))[0][0]
    if [number for number, _at in rows] != list(range(marks)) or dead:
        raise WrongAnswer(f"{marks} jobs should have left a mark, {len(rows)} did, {dead} are dead")
    await queue.ask("truncate marks, jobs")
    return rows


def throughput(queue: Queue, run: Run) -> Iterator[Figure]:
    """Jobs a second by one worker, with all of them waiting when it starts."""
    for name, work, marks, target in (("no-op jobs", nothing, 0, 4000), ("jobs that write a row", mark, JOBS, 0)):
        rates = []
        for _ in range(run.rounds):
            uvloop.run(ask_for(queue, work, JOBS))
            with worker(queue, JOBS) as program:
                program.wait_for(" s.\n", patience=60)
                done = re.search(r"worker: (\d+) in ([\d.]+) s", program.said())
            assert done is not None
            rates.append(int(done[1]) / float(done[2]))
            uvloop.run(check(queue, marks))
        reached = median(rates)
        judgement = judged(reached >= target) if target else ""
        yield Figure(name, rate(reached), "", f"≥ {target:,}/s" if target else "", judgement, note=f"one worker, {noise(rates)}")


def promptness(queue: Queue) -> Iterator[Figure]:
    """From the commit that asked to the handler's first line, in another process."""

    async def ask() -> list[float]:
        committed = []
        async with queue.opened() as opened:
            for number in range(ASKED):
                async with opened.begin() as tx:
                    await enqueue(tx, mark, Ask(number))
                committed.append(time.time())
                await asyncio.sleep(0.02)
            await emptied(queue)
        return committed

    with worker(queue):
        committed = uvloop.run(ask())
    waited = [max(0.0, handled - at) * 1000 for (_, handled), at in zip(uvloop.run(check(queue, ASKED)), committed, strict=True)]
    p50, p99 = percentiles(waited)
    yield Figure(
        "commit → handler, p50", f"{p50:.1f} ms", "", "≤ 100 ms", judged(p50 <= 100), f"{p99:.1f} ms", "another process, 50 a second"
    )


def survival(queue: Queue) -> Iterator[Figure]:
    """How long a job waits whose worker was killed with it."""
    uvloop.run(ask_for(queue, dawdle, 1))
    with worker(queue, **{DAWDLE: "1"}) as victim:
        victim.wait_for("worker: holding")
        with worker(queue):
            os.kill(victim.pid, signal.SIGKILL)
            killed = time.time()
            [(_, handled)] = uvloop.run(check(queue, 1))
    waited = handled - killed
    yield Figure("a killed worker's job runs again after", f"{waited:.1f} s", "", "≤ 15 s", judged(waited <= 15))


def timers(queue: Queue) -> Iterator[Figure]:
    """How late timers are, a thousand of them due each second."""
    total, ahead = TIMERS_A_SECOND * TIMER_SECONDS, 8.0

    def due(number: int) -> timedelta:
        return timedelta(seconds=ahead + number / TIMERS_A_SECOND)

    began = uvloop.run(ask_for(queue, mark, total, due=due))
    with worker(queue):
        rows = uvloop.run(check(queue, total))
    late = [handled - (began + due(number).total_seconds()) for number, handled in rows]
    p50, p99 = percentiles(late)
    early = min(late)
    if early < 0:
        raise WrongAnswer(f"a timer fired {-early:.3f} s early")
    note = f"{TIMERS_A_SECOND:,} due each second"
    yield Figure("timers late, p99", f"{p99:.2f} s", "", "≤ 2 s", judged(p99 <= 2), "", f"{note}; p50 {p50:.2f} s")


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th of a hundred."""
    cuts = quantiles(values, n=100)
    return cuts[49], cuts[98]
