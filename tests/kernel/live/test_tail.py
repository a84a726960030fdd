"""The tail hands on what was said anywhere in the market: all of it, each once, however late it commits."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from souk.kernel.db import Database, Pool, Tx
from souk.kernel.live import room
from souk.kernel.live.log import Said
from souk.kernel.live.tail import BATCH, Tail
from souk.kernel.messages import NEWS, News, emit, listen
from tests.kernel.db.test_pgbouncer import PGBOUNCER, run_pgbouncer
from tests.kernel.live.speaking import TAKE_A_NUMBER, Closing, CrowdTold, Ears, NoteWritten, Stage, Undone, until, write_at_random
from tests.kernel.messages.stage import query
from tests.plugins.needs import need

PID = query("only", int, "select pg_backend_pid()")


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


def note(number: int) -> NoteWritten:
    return NoteWritten(uuid4(), number)


def has_all(ears: Ears, many: int) -> bool:
    return len(ears.numbers) >= many


async def heard_from_now(database: Database) -> tuple[Ears, Tail]:
    ears = Ears()
    tail = Tail(database, ears.say)
    await tail.read()
    return ears, tail


async def test_it_begins_with_the_present(stage: Stage) -> None:
    await stage.emit(note(1))
    ears, tail = await heard_from_now(stage.database)
    await stage.emit(note(2))
    await tail.read()
    await tail.read()
    assert ears.numbers == [2]


async def test_what_was_said_has_all_its_rooms_and_comes_once(stage: Stage) -> None:
    ears, tail = await heard_from_now(stage.database)
    order, person = uuid4(), uuid4()
    await stage.emit(NoteWritten(order, 3, person))
    await tail.read()
    first, second = ears.said
    assert (first.namespace, first.name, first.rooms) == ("/", "note", (f"order:{order}", f"user:{person}"))
    assert (second.namespace, second.name, second.rooms) == ("/staff", "written", ("everyone",))
    assert first.id != second.id
    assert bytes(first.payload) == b'{"number": 3}'


async def test_what_commits_late_is_heard_then_and_once(stage: Stage, closing: Closing) -> None:
    """Numbers are drawn in one order and committed in another, with rollbacks in between."""
    ears, tail = await heard_from_now(stage.database)
    pool = Pool(stage.pool.dsn, size=8)
    closing(pool.close)
    beside = Stage(pool)
    async with AsyncExitStack() as opened:
        held = [await opened.enter_async_context(beside.database.begin()) for _ in range(6)]
        for number, tx in enumerate(held):
            await emit(tx, note(number))
            await tx.run(TAKE_A_NUMBER)
        await stage.emit(note(100))
        await tail.read()
        assert ears.numbers == [100]
    await tail.read()
    assert sorted(ears.numbers) == [0, 1, 2, 3, 4, 5, 100]
    await stage.emit(note(101))
    await tail.read()
    assert ears.numbers[-1] == 101
    assert len(ears.numbers) == 8


async def test_a_transaction_that_ended_in_a_rollback_is_not_waited_for(stage: Stage) -> None:
    ears, tail = await heard_from_now(stage.database)

    async def change(tx: Tx) -> None:
        await emit(tx, note(1))
        await tx.run(TAKE_A_NUMBER)
        await tx.finish(TAKE_A_NUMBER)
        raise Undone

    with pytest.raises(Undone):
        await stage.database.write(change)
    assert await stage.ask(int, "select last_value from pg_sequences where sequencename = 'said_seq_seq'"), "numbers were drawn for it"
    await stage.emit(note(2))
    await tail.read()
    assert ears.numbers == [2]


async def test_an_answer_is_heard_after_what_it_answers_though_its_transaction_is_older(stage: Stage) -> None:
    ears, tail = await heard_from_now(stage.database)
    async with stage.database.begin() as older:
        await older.run(TAKE_A_NUMBER)
        await stage.emit(note(1))
        await emit(older, note(2))
    await tail.read()
    assert ears.numbers == [1, 2]


async def test_a_burst_is_read_in_batches_and_none_of_it_is_lost(stage: Stage) -> None:
    longest = 0
    heard: list[str] = []

    def hear(said: Said) -> None:
        nonlocal longest
        longest = max(longest, len(said.rooms))
        heard.extend(said.rooms)

    tail = Tail(stage.database, hear)
    await tail.read()
    rooms = [[uuid4() for _ in range(1_700)] for _ in range(6)]
    for each in rooms:
        await stage.emit(CrowdTold(each))
    await tail.read()
    assert heard == [room("order", each) for some in rooms for each in some]
    assert longest <= BATCH


async def test_a_burst_and_something_late_do_not_get_into_each_other_s_way(stage: Stage) -> None:
    ears, tail = await heard_from_now(stage.database)
    async with stage.database.begin() as late:
        await late.run(TAKE_A_NUMBER)
        await tail.read()
        await stage.emit(CrowdTold([uuid4() for _ in range(2_500)]))
        await emit(late, note(7))
    await stage.emit(CrowdTold([uuid4() for _ in range(2_500)]))
    await tail.read()
    assert ears.numbers == [7]
    assert sum(len(said.rooms) for said in ears.said if said.name == "crowd") == 5_000


async def test_one_that_cannot_be_handed_on_does_not_silence_the_next(stage: Stage) -> None:
    heard: list[str] = []

    async def stumble(said: Said) -> None:
        heard.append(said.name)
        if len(heard) == 1:
            raise ConnectionError("a socket broke")

    tail = Tail(stage.database, stumble)
    await tail.read()
    await stage.emit(note(1))
    await tail.read()
    assert heard == ["note", "written"]


async def test_a_hearer_that_is_slower_than_the_writers_hears_everything_in_the_end(stage: Stage) -> None:
    ears = Ears()

    async def slowly(said: Said) -> None:
        await asyncio.sleep(0.004)
        await ears.say(said)

    tail = Tail(stage.database, slowly)
    await tail.read()
    reading = asyncio.create_task(News(stage.database, stage.catalogue.news).run(tail.read))
    for number in range(100):
        await stage.emit(note(number))
    await until(lambda: len(ears.said) == 200)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert ears.numbers == list(range(100))


async def test_every_process_hears_everything_though_writers_commit_in_any_order(stage: Stage, closing: Closing) -> None:
    """Two processes that are woken by hints, six writers that hold their transactions open for a while and sometimes roll back."""
    pools = [Pool(stage.pool.dsn, size=12) for _ in range(2)]
    for pool in pools:
        closing(pool.close)
    processes = [Stage(pool) for pool in pools]
    ears: list[Ears] = []
    running: list[asyncio.Task[None]] = []
    for process in processes:
        heard, tail = await heard_from_now(process.database)
        news = News(process.database, process.catalogue.news)
        running += [asyncio.create_task(news.run(tail.read)), asyncio.create_task(listen(process.database, {NEWS: news.wake}))]
        ears.append(heard)
    chance = random.Random(7)
    notes = [[note(writer * 100 + number) for number in range(40)] for writer in range(6)]
    written = await asyncio.gather(*(write_at_random(processes[i % 2], chance, each) for i, each in enumerate(notes)))
    committed = sorted(number for each in written for number in each)
    for heard in ears:
        await until(partial(has_all, heard, len(committed)))
    await asyncio.sleep(0.5)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for heard in ears:
        assert sorted(heard.numbers) == committed


async def test_nothing_is_lost_while_every_connection_is_cut_again_and_again(stage: Stage, admin_dsn: str, closing: Closing) -> None:
    ears, tail = await heard_from_now(stage.database)
    news = News(stage.database, stage.catalogue.news, pause=0.02)
    running = [asyncio.create_task(news.run(tail.read)), asyncio.create_task(listen(stage.database, {NEWS: news.wake}))]
    killer = await asyncpg.connect(admin_dsn)
    closing(killer.close)
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    writing = Pool(stage.pool.dsn, size=2)
    closing(writing.close)
    beside = Stage(writing)
    async with beside.database.begin() as open_all_the_while:
        await open_all_the_while.run(TAKE_A_NUMBER)
        spared = await open_all_the_while.run(PID)
        for number in range(30):
            await stage.emit(note(number))
            if number % 5 == 0:
                await killer.execute(f"{kill} and pid <> {spared}")
        await emit(open_all_the_while, note(99))
    await until(lambda: len(ears.numbers) >= 31)
    await asyncio.sleep(0.1)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    assert sorted(ears.numbers) == [*range(30), 99]


async def test_through_pgbouncer_it_hears_by_looking(stage: Stage, closing: Closing) -> None:
    """Three server connections serve two processes; there are no hints."""
    if PGBOUNCER is None:
        need("pgbouncer", "apt-get install pgbouncer")
    with (
        tempfile.TemporaryDirectory(prefix="souk-pgbouncer-") as folder,
        contextmanager(run_pgbouncer)(PGBOUNCER, urlsplit(stage.pool.dsn), Path(folder)) as dsn,
    ):
        writing, reading = (Pool(dsn, size=3, prepared=False) for _ in range(2))
        for pool in (writing, reading):
            closing(pool.close)
        beside = Stage(reading)
        ears, tail = await heard_from_now(beside.database)
        running = asyncio.create_task(News(beside.database, beside.catalogue.news).run(tail.read))
        for number in range(20):
            await Stage(writing).emit(note(number))
        await until(lambda: len(ears.numbers) == 20)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert ears.numbers == list(range(20))
