"""One transaction, opened late and ended at the edge: what is sent, what is retried, what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Contended, Database, Pool, TooSlow, Tx, Unstorable, Violated
from souk.kernel.errors import Refusal
from tests.kernel.db.conftest import Proxy
from tests.kernel.db.noting import Notes, note, query

ADD = query("count", None, "insert into things (id, name) values ($1, $2)")
ADD_TO = query("count", None, "update things set amount = amount + $2 where id = $1")
AMOUNT = query("value", int, "select amount from things where id = $1")
NAMES = query("values", str, "select name from things order by name")
NOTES = query("values", str, "select note from posted order by id")
SLEEP = query("count", None, "select pg_sleep($1)")


class Refused(Refusal, status=409, message="No.", code="REFUSED_BY_A_TEST"):
    """A rule that says no."""


@pytest.fixture
def watched(proxy: Proxy, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Callable[[], Awaitable[Database]]:
    """A database behind the proxy, with an outbox of notes, its connection warm."""

    async def start() -> Database:
        await proxy.up()
        pool = Pool(proxy.dsn, size=1)
        closing(pool.close)
        database = Database(pool, Clock(), lambda _tx: Notes())
        await database.read(lambda tx: tx.run(NAMES))
        await database.read(lambda tx: tx.run(NOTES))
        for _ in range(2):
            await database.write(lambda tx: tx.finish(ADD, uuid4(), "warm"))
            await database.write(lambda tx: noted(tx, "warm"))
        proxy.trips()
        return database

    return start


async def noted(tx: Tx, text: str) -> None:
    note(tx, text)
    await tx.finish(ADD, uuid4(), text)


class TestRoundTrips:
    async def test_a_refused_command_sends_nothing(self, watched: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
        database = await watched()

        async def refuse(tx: Tx) -> None:
            note(tx, "never")
            raise Refused

        with pytest.raises(Refused):
            await database.write(refuse)
        assert proxy.trips() == []

    async def test_a_read_is_one_round_trip_and_no_transaction(self, watched: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
        database = await watched()
        await database.read(lambda tx: tx.run(NAMES))
        assert proxy.trips() == ["sync"]

    async def test_a_change_by_one_statement_is_one_round_trip(self, watched: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
        database = await watched()
        await database.write(lambda tx: tx.finish(ADD, uuid4(), "alone"))
        assert proxy.trips() == ["sync"]

    async def test_the_outbox_rides_along_in_the_same_round_trip(self, watched: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
        database = await watched()
        await database.write(lambda tx: noted(tx, "carried"))
        assert proxy.trips() == ["sync"]
        assert await database.read(lambda tx: tx.run(NOTES)) == ["warm", "warm", "carried"]

    async def test_statements_are_parsed_once_a_connection(self, watched: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
        database = await watched()
        for _ in range(5):
            await database.read(lambda tx: tx.run(NAMES))
        assert [text for text in proxy.said if text.startswith("parse")] == []

    async def test_a_transaction_of_two_statements_begins_with_the_first(
        self, watched: Callable[[], Awaitable[Database]], proxy: Proxy
    ) -> None:
        database = await watched()

        async def two(tx: Tx) -> None:
            await tx.run(NAMES)
            await tx.finish(ADD, uuid4(), "second")

        await database.write(two)
        assert proxy.trips() == ["begin", "sync", "sync", "commit"]


class TestOutbox:
    async def test_what_waits_is_written_even_when_no_statement_finished(self, pool: Pool) -> None:
        database = Database(pool, Clock(), lambda _tx: Notes())

        async def only_notes(tx: Tx) -> Tx:
            note(tx, "by itself")
            return tx

        tx = await database.write(only_notes)
        assert isinstance(tx.outbox, Notes)
        assert tx.outbox.told
        assert await database.read(lambda tx: tx.run(NOTES)) == ["by itself"]

    async def test_a_rollback_leaves_nothing_and_wakes_nobody(self, pool: Pool) -> None:
        database = Database(pool, Clock(), lambda _tx: Notes())
        kept: list[Tx] = []

        async def fail(tx: Tx) -> None:
            kept.append(tx)
            await tx.run(ADD, uuid4(), "undone")
            note(tx, "undone")
            raise Refused

        with pytest.raises(Refused):
            await database.write(fail)
        assert await database.read(lambda tx: tx.run(NAMES)) == []
        assert await database.read(lambda tx: tx.run(NOTES)) == []
        assert isinstance(kept[0].outbox, Notes)
        assert not kept[0].outbox.told


async def in_a_block(database: Database, key: UUID) -> None:
    async with database.begin() as tx:
        await tx.run(ADD, key, "undone")
        await tx.run(ADD, key, "undone")


class TestEnding:
    async def test_nothing_can_follow_the_statement_that_finished_alone(self, database: Database) -> None:
        async def go_on(tx: Tx) -> None:
            await tx.finish(ADD, uuid4(), "last")
            await tx.run(NAMES)

        with pytest.raises(RuntimeError, match="finished by its last statement"):
            await database.write(go_on)

    async def test_a_last_statement_that_was_refused_was_not_the_last(self, database: Database) -> None:
        key = uuid4()

        async def insist(tx: Tx) -> list[str]:
            with pytest.raises(Violated, match="things_pkey") as refused:
                await tx.finish(ADD, key, "again")
            assert "already exists" in refused.value.detail
            await tx.finish(ADD, uuid4(), "other")
            return []

        await database.write(lambda tx: tx.finish(ADD, key, "first"))
        await database.write(insist)
        assert await database.read(lambda tx: tx.run(NAMES)) == ["first", "other"]

    async def test_an_error_that_was_swallowed_does_not_pass_for_a_commit(self, database: Database) -> None:
        key = uuid4()

        async def swallow(tx: Tx) -> None:
            await tx.run(ADD, key, "first")
            with pytest.raises(Exception, match="things_pkey"):
                await tx.run(ADD, key, "again")

        with pytest.raises(RuntimeError, match="nothing was committed"):
            await database.write(swallow)
        assert await database.read(lambda tx: tx.run(NAMES)) == []
        assert database.pool.busy == 0

    async def test_a_block_commits_at_its_end_and_rolls_back_on_an_error(self, database: Database) -> None:
        async with database.begin() as tx:
            await tx.run(ADD, uuid4(), "kept")
        with pytest.raises(Violated):
            await in_a_block(database, uuid4())
        assert await database.read(lambda tx: tx.run(NAMES)) == ["kept"]

    async def test_a_cancelled_transaction_is_undone_and_its_connection_replaced(self, database: Database) -> None:
        inside = asyncio.Event()

        async def linger(tx: Tx) -> None:
            await tx.run(ADD, uuid4(), "undone")
            inside.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(database.write(linger))
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await database.read(lambda tx: tx.run(NAMES)) == []
        assert database.pool.busy == 0

    async def test_business_time_is_one_moment_for_the_whole_transaction(self, database: Database, clock: Clock) -> None:
        async with database.begin() as tx:
            before = tx.now
            clock.move_to(timedelta(days=2))
            assert tx.now == before
        async with database.begin() as tx:
            assert tx.now >= before + timedelta(days=2)


async def add_counter(database: Database, key: UUID) -> None:
    await database.write(lambda tx: tx.finish(ADD, key, "counter"))


async def amount_of(database: Database, key: UUID) -> object:
    return await database.read(lambda tx: tx.run(AMOUNT, key))


class TestConflicts:
    async def test_a_serialisation_failure_is_run_again_from_the_start(
        self, database: Database, set_for_role: Callable[[str, str], Awaitable[None]]
    ) -> None:
        await set_for_role("default_transaction_isolation", "repeatable read")
        key = uuid4()
        await database.write(lambda tx: tx.finish(ADD, key, "counter"))
        both_have_read = asyncio.Barrier(2)
        tries: list[str] = []

        async def add(tx: Tx) -> None:
            first_time = len(tries) < 2
            tries.append("try")
            await tx.run(AMOUNT, key)
            if first_time:
                await both_have_read.wait()
            await tx.run(ADD_TO, key, 1)

        await asyncio.gather(database.write(add), database.write(add))
        assert await database.read(lambda tx: tx.run(AMOUNT, key)) == 2
        assert len(tries) >= 3, "the one that lost began again; under load it may lose twice"

    async def test_a_deadlock_is_run_again_from_the_start(self, database: Database) -> None:
        keys = [uuid4(), uuid4()]
        for key in keys:
            await add_counter(database, key)
        both_hold_one = asyncio.Barrier(2)
        tries: list[str] = []

        async def add(tx: Tx, order: list[UUID]) -> None:
            first_time = len(tries) < 2
            tries.append("try")
            await tx.run(ADD_TO, order[0], 1)
            if first_time:
                await both_hold_one.wait()
            await tx.run(ADD_TO, order[1], 1)

        await asyncio.gather(database.write(lambda tx: add(tx, keys)), database.write(lambda tx: add(tx, keys[::-1])))
        assert [await amount_of(database, key) for key in keys] == [2, 2]
        assert len(tries) >= 3, "the one that lost began again; under load it may lose twice"

    async def test_a_conflict_that_does_not_go_away_is_refused(
        self, database: Database, set_for_role: Callable[[str, str], Awaitable[None]]
    ) -> None:
        await set_for_role("default_transaction_isolation", "repeatable read")
        key = uuid4()
        await database.write(lambda tx: tx.finish(ADD, key, "counter"))
        tries: list[str] = []

        async def overtaken(tx: Tx) -> None:
            tries.append("try")
            await tx.run(AMOUNT, key)
            await database.write(lambda other: other.finish(ADD_TO, key, 1))
            await tx.run(ADD_TO, key, 1)

        with pytest.raises(Contended):
            await database.write(overtaken)
        assert len(tries) == 5


class TestTimeOuts:
    async def test_a_slow_statement_is_refused(self, database: Database, set_for_role: Callable[[str, str], Awaitable[None]]) -> None:
        await set_for_role("statement_timeout", "100ms")
        with pytest.raises(TooSlow):
            await database.write(lambda tx: tx.run(SLEEP, 5))
        with pytest.raises(TooSlow):
            await database.write(lambda tx: tx.finish(SLEEP, 5))
        with pytest.raises(TooSlow):
            await database.read(lambda tx: tx.run(SLEEP, 5))
        assert database.pool.busy == 0
        assert database.pool.open == 1

    async def test_waiting_too_long_for_a_lock_is_refused(
        self, database: Database, set_for_role: Callable[[str, str], Awaitable[None]]
    ) -> None:
        await set_for_role("lock_timeout", "100ms")
        key = uuid4()
        await database.write(lambda tx: tx.finish(ADD, key, "counter"))
        async with database.begin() as tx:
            await tx.run(ADD_TO, key, 1)
            with pytest.raises(TooSlow):
                await database.write(lambda other: other.run(ADD_TO, key, 1))

    async def test_a_transaction_that_lay_idle_is_refused_and_not_run_again(
        self, pool: Pool, set_for_role: Callable[[str, str], Awaitable[None]]
    ) -> None:
        await set_for_role("idle_in_transaction_session_timeout", "200ms")
        database = Database(pool, Clock(), idle=0.2)
        tries: list[str] = []

        async def dawdle(tx: Tx) -> None:
            tries.append("try")
            await tx.run(NAMES)
            await asyncio.sleep(0.5)  # what is tested is the passing of time itself
            await tx.run(NAMES)

        with pytest.raises(TooSlow):
            await database.write(dawdle)
        assert tries == ["try"]


class TestValues:
    @pytest.mark.parametrize(
        ("name", "says"), [("nul \0 byte", "character"), ("lone \ud800 surrogate", "character")], ids=["NUL", "surrogate"]
    )
    async def test_text_that_cannot_be_stored_is_refused(self, database: Database, name: str, says: str) -> None:
        with pytest.raises(Unstorable, match=says):
            await database.write(lambda tx: tx.run(ADD, uuid4(), name))

    async def test_numbers_out_of_range_are_refused(self, database: Database) -> None:
        key = uuid4()
        await database.write(lambda tx: tx.finish(ADD, key, "counter"))
        with pytest.raises(Unstorable, match="out of range"):
            await database.write(lambda tx: tx.run(ADD_TO, key, 2**63))
        with pytest.raises(Unstorable, match="out of range"):
            await database.write(lambda tx: tx.run(query("count", None, "update things set amount = $1 * 2, small = $1"), 2**15))

    async def test_an_argument_of_the_wrong_type_is_a_bug_and_no_refusal(self, database: Database) -> None:
        with pytest.raises(Exception, match="expected str, got int") as caught:
            await database.write(lambda tx: tx.run(ADD, uuid4(), 5))
        assert not isinstance(caught.value, Refusal)

    async def test_two_statements_at_once_are_a_bug_and_no_broken_connection(self, database: Database) -> None:
        async def both(tx: Tx) -> None:
            await asyncio.gather(tx.run(NAMES), tx.run(NAMES))

        with contextlib.suppress(asyncpg.InterfaceError):
            await database.read(both)  # both make a connection; whether they then meet on it is chance
        assert database.pool.busy == 0
        with pytest.raises(asyncpg.InterfaceError, match="another operation is in progress"):
            await database.read(both)
        assert database.pool.busy == 0
        assert await database.read(lambda tx: tx.run(NAMES)) == []

    async def test_an_error_of_the_work_itself_is_not_taken_for_a_broken_database(self, database: Database) -> None:
        async def missing_file(_tx: Tx) -> None:
            raise FileNotFoundError("the logo")

        with pytest.raises(FileNotFoundError):
            await database.write(missing_file)


async def test_a_statement_goes_on_after_a_migration_changed_its_answer(database: Database, admin_dsn: str) -> None:
    everything = query("many", tuple, "select * from posted")
    await database.read(lambda tx: tx.run(everything))
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute("alter table sample.posted add column more text")
    await admin.close()
    started = time.monotonic()
    assert await database.read(lambda tx: tx.run(everything)) == []
    await database.write(lambda tx: tx.run(everything))
    assert time.monotonic() - started < 5
