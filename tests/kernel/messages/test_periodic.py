"""Work by the clock: once per cluster, once after a long pause."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Tx
from souk.kernel.messages import periodic
from tests.kernel.messages.stage import Stage, note, until

NOON = datetime(2027, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: NOON)


@periodic("*/10 * * * *")
async def sweep(tx: Tx) -> None:
    await note(tx, tx.now.strftime("%H:%M"))


async def at(stage: Stage, hours: int, minutes: int, days: int = 0) -> None:
    stage.clock.move_to(timedelta(days=days, hours=hours - 12, minutes=minutes))
    await stage.drain()


async def test_it_runs_each_time_that_it_is_due_from_the_next_time_on(stage: Stage) -> None:
    stage.open(sweep)
    for minutes in (0, 5, 10, 11, 19, 20):
        await at(stage, 12, minutes)
    assert await stage.effects() == ["12:10", "12:20"]


async def test_after_a_long_pause_it_runs_once(stage: Stage) -> None:
    stage.open(sweep)
    await at(stage, 12, 0)
    await at(stage, 18, 3, days=20)
    assert await stage.effects() == ["18:03"]


async def test_many_workers_start_it_once(stage: Stage) -> None:
    stage.open(sweep)
    await stage.drain()
    others = [stage.beside(sweep) for _ in range(4)]
    for minutes in range(10, 50, 10):
        stage.clock.move_to(timedelta(minutes=minutes))
        await asyncio.gather(*(each.drain() for each in others))
    assert await stage.effects() == ["12:10", "12:20", "12:30", "12:40"]


async def test_while_an_earlier_run_waits_it_stands_for_the_next(stage: Stage) -> None:
    stage.open(sweep)
    await stage.drain()
    for minutes in range(10, 50, 10):
        stage.clock.move_to(timedelta(minutes=minutes))
        await stage.worker()._schedule.start_due()
    assert await stage.waiting() == ["messages.keep_event_days", "periodic:messages.sweep"]


async def test_a_run_that_fails_is_tried_again_like_any_job(stage: Stage) -> None:
    tries: list[int] = []

    @periodic("0 * * * *", name="fragile")
    async def fragile(tx: Tx) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError
        await note(tx, "done")

    stage.open(fragile)
    await at(stage, 12, 0)
    await at(stage, 13, 0)
    assert await stage.effects() == []
    await at(stage, 13, 30)
    assert await stage.effects() == ["done"]


async def test_a_schedule_that_is_never_due_does_no_harm(stage: Stage) -> None:
    @periodic("0 0 31 feb *")
    async def never(tx: Tx) -> None:
        await note(tx, "never")

    stage.open(never)
    await at(stage, 12, 0, days=900)
    assert await stage.effects() == []


async def test_a_worker_that_runs_starts_what_becomes_due(stage: Stage) -> None:
    done = asyncio.Event()

    @periodic("0 * * * *", name="hourly")
    async def hourly(tx: Tx) -> None:
        done.set()

    stage.open(hourly)
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: stage.ask(bool, "select exists (select from periodic_runs)"))
    stage.clock.move_to(timedelta(hours=1))
    async with asyncio.timeout(10):
        await done.wait()
    worker.stop()
    await running
