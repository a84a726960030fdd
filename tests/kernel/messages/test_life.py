"""A worker from start to stop: how it wakes, what it holds on to, what it lets go, what it outlives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from souk.kernel.db import Tx
from souk.kernel.messages import JOBS, Notifier, Rhythm, dead_letters, enqueue, job, listen
from tests.kernel.messages.stage import EXPIRE, LEASED, Say, Stage, note, say, until

SLOW_TO_LOOK = Rhythm(beat=0.05, shortest=30, longest=30)


async def work_until(stage: Stage, true: Callable[[], Awaitable[bool]], **how: Any) -> None:
    """Let a worker run until something is true, then stop it."""
    worker = stage.worker(**how)
    running = asyncio.create_task(worker.run())
    try:
        await until(true)
    finally:
        worker.stop()
        await running


async def idle(stage: Stage) -> bool:
    return not await stage.waiting() and not await stage.see(LEASED)


async def test_a_worker_is_woken_at_once_by_a_commit_in_its_process(stage: Stage) -> None:
    stage.open(say)

    async def spoken() -> bool:
        return await stage.effects() == ["hello"]

    worker = stage.worker(rhythm=SLOW_TO_LOOK)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.3)
    await stage.enqueue(say, Say("hello"))
    await until(spoken, 5)
    worker.stop()
    await running


async def test_a_worker_is_woken_by_a_hint_from_another_process(stage: Stage) -> None:
    stage.open(say)
    other = stage.beside(say)
    notifier = Notifier(other.database)
    worker = stage.worker(rhythm=SLOW_TO_LOOK)
    running = asyncio.create_task(worker.run())
    listening = asyncio.create_task(listen(stage.database, {JOBS: worker.wake}))
    await until(lambda: stage.ask(bool, "select exists (select from pg_stat_activity where query ilike 'listen%' and state = 'idle')"))
    with other.catalogue.bell.heard_by(notifier.ring):
        for i in range(30):
            await other.enqueue(say, Say(str(i)))
        await until(lambda: idle(stage), 5)
        await stage.ask(bool, "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'")
        await other.enqueue(say, Say("while nobody listened: found when the connection stands again"))
        await until(lambda: idle(stage), 10)
    listening.cancel()
    worker.stop()
    await asyncio.gather(running, listening, return_exceptions=True)
    assert len(await stage.effects()) == 31


async def test_the_next_of_a_lane_follows_at_once(stage: Stage) -> None:
    stage.open(say)

    async def ask(tx: Tx) -> None:
        for i in range(20):
            await enqueue(tx, say, Say(str(i)), order="lane")

    worker = stage.worker(rhythm=SLOW_TO_LOOK)
    running = asyncio.create_task(worker.run())
    await stage.database.write(ask)
    await until(lambda: idle(stage), 5)
    worker.stop()
    await running
    assert await stage.effects() == [str(i) for i in range(20)]


async def test_without_any_hint_work_is_found_by_looking(stage: Stage) -> None:
    stage.open(say)
    other = stage.beside(say)
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await other.enqueue(say, Say("hello"))
    await until(lambda: idle(stage))
    worker.stop()
    await running
    assert await stage.effects() == ["hello"]


async def test_a_job_that_takes_longer_than_its_lease_is_held_on_to(stage: Stage) -> None:
    @job("long")
    async def long(tx: Tx, args: Say) -> None:
        await asyncio.sleep(1.5)
        await note(tx, "once")

    stage.open(long)
    await stage.enqueue(long, Say("x"))
    rhythm = Rhythm(lease=0.6, beat=0.05)
    await asyncio.gather(stage.drain(rhythm=rhythm), stage.beside(long).drain(rhythm=rhythm))
    assert await stage.effects() == ["once"]
    assert await stage.ask(int, "select count(*) from dead_jobs") == 0


async def test_a_job_whose_worker_vanished_runs_elsewhere_when_its_lease_is_over(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("hello"))
    vanished = stage.worker(rhythm=Rhythm(lease=0.3))
    assert len(await vanished.claims.claim(10)) == 1
    await stage.drain()
    assert await stage.effects() == ["hello"]


async def test_each_vanishing_uses_an_attempt_up_and_the_last_one_makes_a_dead_letter(stage: Stage) -> None:
    @job("deadly", attempts=3)
    async def deadly(tx: Tx, args: Say) -> None: ...

    stage.open(deadly)
    await stage.enqueue(deadly, Say("x"))
    for day in range(1, 4):
        stage.clock.move_to(timedelta(days=day))
        assert "deadly" in [job.name for job in await stage.worker().claims.claim(10)]
        await stage.change(EXPIRE)
        await stage.worker().claims.recover()
    (letter,) = [letter for letter in await stage.database.read(dead_letters) if letter.name == "deadly"]
    assert (letter.attempts, letter.error) == (3, "its worker vanished with it, at attempt 3")


async def test_a_worker_that_stops_lets_running_jobs_finish_and_gives_the_rest_back_unused(stage: Stage) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @job("work")
    async def work(tx: Tx, args: Say) -> None:
        begun.set()
        await go_on.wait()
        await note(tx, args.what)

    stage.open(work)
    for i in range(5):
        await stage.enqueue(work, Say(str(i)))
    worker = stage.worker(concurrency=2)
    worker._mean = 0.001  # as after many quick jobs: it holds more than it runs
    running = asyncio.create_task(worker.run())
    await begun.wait()
    await until(lambda: stage.ask(bool, "select count(*) = 5 from jobs where token is not null"))
    worker.stop()
    await until(lambda: stage.ask(bool, "select count(*) = 3 from jobs where token is null and attempts = 0"))
    go_on.set()
    await running
    assert sorted(await stage.effects()) == ["0", "1"]
    assert len(await stage.waiting()) == 3


async def test_a_job_that_does_not_end_within_the_grace_is_given_to_others_at_once(stage: Stage) -> None:
    begun = asyncio.Event()

    @job("stubborn")
    async def stubborn(tx: Tx, args: Say) -> None:
        await note(tx, "half done")
        begun.set()
        await asyncio.sleep(30)

    stage.open(stubborn)
    await stage.enqueue(stubborn, Say("x"))
    worker = stage.worker(rhythm=Rhythm(grace=0.1))
    running = asyncio.create_task(worker.run())
    await begun.wait()
    worker.stop()
    await running
    assert await stage.waiting() == ["stubborn"]
    assert await stage.effects() == []
    assert await stage.ask(int, "select attempts from jobs") == 1, "it had begun"


async def test_a_worker_that_is_cancelled_lets_everything_go(stage: Stage) -> None:
    begun = asyncio.Event()

    @job("stubborn")
    async def stubborn(tx: Tx, args: Say) -> None:
        begun.set()
        await asyncio.sleep(30)

    stage.open(stubborn)
    await stage.enqueue(stubborn, Say("x"))
    running = asyncio.create_task(stage.worker().run())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await stage.waiting() == ["stubborn"]


async def test_a_worker_is_at_work_only_once(stage: Stage) -> None:
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.05)
    with pytest.raises(RuntimeError, match="at work already"):
        await worker.drain()
    worker.stop()
    await running


async def test_draining_waits_for_what_other_workers_run_and_says_when_that_takes_too_long(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("x"))
    await stage.worker().claims.claim(1)
    with pytest.raises(TimeoutError, match="still due after"):
        await stage.worker().drain(patience=0.3)


async def test_draining_runs_what_jobs_ask_for_as_well(stage: Stage) -> None:
    @job("more")
    async def more(tx: Tx, args: Say) -> None:
        await note(tx, args.what)
        if len(args.what) < 20:
            await enqueue(tx, more, Say(args.what + "x"))

    stage.open(more)
    await stage.enqueue(more, Say("x"))
    assert await stage.drain() == 20
    assert len(await stage.effects()) == 20


async def test_a_worker_outlives_a_database_that_goes_away_and_comes_back(stage: Stage, admin_dsn: str) -> None:
    stage.open(say)
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await stage.enqueue(say, Say("before"))
    await until(lambda: idle(stage))
    admin = await asyncpg.connect(admin_dsn)
    try:
        name = await admin.fetchval("select current_database()")
        await admin.execute(f"alter database {name} connection limit 0")
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.5)
        assert not running.done()
        await admin.execute(f"alter database {name} connection limit -1")
    finally:
        await admin.close()
    await stage.enqueue(say, Say("after"))
    await until(lambda: idle(stage))
    worker.stop()
    await running
    assert await stage.effects() == ["before", "after"]
