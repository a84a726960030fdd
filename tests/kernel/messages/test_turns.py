"""Whose turn it is: priorities that age, lanes, timers on business time, and how deep the queue is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg

from souk.kernel.db import Tx
from souk.kernel.messages import Rhythm, job, queue_depth
from tests.kernel.messages.stage import Say, Stage, failing, note, say


async def test_what_is_more_urgent_goes_first(stage: Stage) -> None:
    stage.open(say)
    for what, priority in (("low", -10), ("normal", 0), ("high", 10)):
        await stage.enqueue(say, Say(what), priority=priority)
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["high", "normal", "low"]


async def test_a_low_priority_waits_no_longer_than_for_what_became_due_ten_minutes_later(stage: Stage) -> None:
    stage.open(say)
    start = stage.clock.now()
    await stage.enqueue(say, Say("low"), priority=-10, run_at=start)
    await stage.enqueue(say, Say("high, 9 minutes later"), priority=10, run_at=start + timedelta(minutes=9, seconds=59))
    await stage.enqueue(say, Say("high, 10 minutes later"), priority=10, run_at=start + timedelta(minutes=10, seconds=1))
    stage.clock.move_to(timedelta(minutes=20))
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["high, 9 minutes later", "low", "high, 10 minutes later"]


async def test_jobs_of_one_order_run_one_by_one_and_first_come_first_served(stage: Stage) -> None:
    running: list[str] = []

    @job("step")
    async def step(tx: Tx, args: Say) -> None:
        assert not running
        running.append(args.what)
        await asyncio.sleep(0.005)
        await note(tx, args.what)
        running.remove(args.what)

    stage.open(step)
    for i in range(12):
        await stage.enqueue(step, Say(str(i)), order="stairs", priority=i % 3)
    await stage.drain()
    assert await stage.effects() == [str(i) for i in range(12)]


async def test_a_timer_waits_for_its_business_time_and_survives_a_jump_of_the_clock(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("in an hour"), run_at=stage.clock.now() + timedelta(hours=1))
    await stage.enqueue(say, Say("in a year"), run_at=stage.clock.now() + timedelta(days=365))
    assert await stage.drain() == 0
    stage.clock.move_to(timedelta(minutes=61))
    await stage.drain()
    assert await stage.effects() == ["in an hour"]
    stage.clock.move_to(timedelta(days=4000))
    await stage.drain()
    assert await stage.effects() == ["in an hour", "in a year"]


async def test_a_jump_of_the_clock_ends_no_lease(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("x"))
    (mine,) = await stage.worker().claims.claim(5)
    stage.clock.move_to(timedelta(days=30))
    other = stage.worker()
    assert await other.claims.recover() == 0
    assert mine.name not in [job.name for job in await other.claims.claim(5)]


async def test_the_queue_says_how_deep_it_is(stage: Stage) -> None:
    stage.open(say, fail := failing(attempts=1))
    await stage.enqueue(fail, Say("x"))
    await stage.drain()
    await stage.enqueue(say, Say("running"))
    await stage.worker().claims.claim(1)
    await stage.enqueue(say, Say("due"), run_at=stage.clock.now() - timedelta(minutes=2), priority=-10)
    await stage.enqueue(say, Say("later"), run_at=stage.clock.now() + timedelta(minutes=2), priority=10)
    depth = await stage.database.read(queue_depth)
    assert (depth.due, depth.leased, depth.dead) == (1, 1, 1)
    assert 120 <= depth.oldest_seconds < 180
    assert depth.watermark_gap >= 0
    assert depth.oldest_transaction_seconds >= 0


async def test_a_full_queue_is_not_read_whole_by_plans_made_while_it_was_empty(stage: Stage, admin_dsn: str) -> None:
    """A connection keeps its plans, and to one that has seen an empty queue, reading all of it looks cheap."""
    stage.open(say)
    stage.pool.size = 1
    admin = await asyncpg.connect(admin_dsn)
    try:
        await admin.execute("vacuum analyze sample.jobs")
        for _ in range(8):  # until the server keeps a general plan
            await stage.enqueue(say, Say("early"))
            await stage.drain()
        await admin.execute("vacuum analyze sample.jobs")
        await admin.execute(
            """insert into sample.jobs (id, name, payload, priority, asked_at, run_at, rank, attempts_allowed)
               select gen_random_uuid(), 'say', '{"what": "x"}', 0, t, t, t, 10
               from generate_series(1, 20000) n, lateral (select clock_timestamp() - n * interval '1 second' as t) at"""
        )
    finally:
        await admin.close()
    worker = stage.worker(rhythm=Rhythm(beat=60))
    rows_read = "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'jobs'"
    await stage.ask(str, "select pg_stat_force_next_flush()::text")
    before = await stage.ask(int, rows_read)
    for claimed in await worker.claims.claim(50):
        await worker._runner.run(claimed)
    await worker.claims.flushed()
    assert await stage.ask(int, "select count(*) from effects") == 58
    await stage.ask(str, "select pg_stat_force_next_flush()::text")
    await stage.ask(str, "select pg_stat_clear_snapshot()::text")
    assert await stage.ask(int, rows_read) - before < 1000
