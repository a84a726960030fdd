"""The database goes away at every moment there is: what was not committed may run again, what was being committed is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, DatabaseExhausted, DatabaseUnavailable, OutcomeUnknown, Pool, Query, TooSlow, Tx
from souk.kernel.db.query import Shape
from tests.kernel.db.conftest import Proxy


def query(shape: Shape, kind: object, sql: str) -> Query[object]:
    return Query(shape, kind, sql, __name__)


ADD = query("count", None, "insert into things (id, name) values ($1, $2)")
NAMES = query("values", str, "select name from things order by name")

Kill = Callable[[], Awaitable[int]]


def adding(name: str, tries: list[str], between: Callable[[], Awaitable[object]] | None = None) -> Callable[[Tx], Awaitable[None]]:
    """Work of two statements; the first time, something happens between them."""

    async def work(tx: Tx) -> None:
        tries.append("try")
        await tx.run(ADD, uuid4(), f"{name} 1")
        if between is not None and len(tries) == 1:
            await between()
        await tx.run(ADD, uuid4(), f"{name} 2")

    return work


@pytest.fixture
def behind(proxy: Proxy, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Callable[[], Awaitable[Database]]:
    """A database behind the proxy, three of its connections warm."""

    async def start() -> Database:
        await proxy.up()
        pool = Pool(proxy.dsn, size=3, answer=1)
        closing(pool.close)
        database = Database(pool, Clock())
        for connection in [await pool.take() for _ in range(3)]:
            await connection.run(NAMES, ())
            pool.give_back(connection)
        return database

    return start


async def test_reading_goes_on_after_a_restart(database: Database, kill_sessions: Kill) -> None:
    await database.read(lambda tx: tx.run(NAMES))
    await kill_sessions()
    assert await database.read(lambda tx: tx.run(NAMES)) == []


async def test_a_transaction_cut_off_before_its_commit_runs_again_from_the_start(database: Database, kill_sessions: Kill) -> None:
    tries: list[str] = []
    await database.write(adding("thing", tries, kill_sessions))
    assert len(tries) == 2
    assert await database.read(lambda tx: tx.run(NAMES)) == ["thing 1", "thing 2"]


async def test_a_restart_does_not_spoil_the_next_attempt_with_the_other_dead_connections(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()

    async def everything_breaks() -> None:
        await proxy.down()
        await proxy.up()

    tries: list[str] = []
    await database.write(adding("thing", tries, everything_breaks))
    assert len(tries) == 2


async def test_a_commit_that_the_server_heard_but_never_answered_has_an_unknown_outcome(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()
    proxy.cut_after = "commit"
    with pytest.raises(OutcomeUnknown):
        await database.write(adding("thing", []))
    proxy.cut_after = ""
    assert await database.read(lambda tx: tx.run(NAMES)) == ["thing 1", "thing 2"]


async def test_a_commit_that_never_reached_the_server_has_an_unknown_outcome_too(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()
    proxy.cut_before = "commit"
    with pytest.raises(OutcomeUnknown):
        await database.write(adding("thing", []))
    proxy.cut_before = ""
    assert await database.read(lambda tx: tx.run(NAMES)) == []


@pytest.mark.parametrize(("when", "happened"), [("cut_after", ["thing"]), ("cut_before", [])])
async def test_a_change_by_one_statement_is_a_commit_as_well(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy, when: str, happened: list[str]
) -> None:
    database = await behind()
    for _ in range(3):
        await database.write(lambda tx: tx.finish(query("count", None, "select 1")))
    await database.write(lambda tx: tx.finish(ADD, uuid4(), "warm"))
    setattr(proxy, when, "sync")
    with pytest.raises(OutcomeUnknown):
        await database.write(lambda tx: tx.finish(ADD, uuid4(), "thing"))
    setattr(proxy, when, "")
    assert await database.read(lambda tx: tx.run(NAMES)) == [*happened, "warm"]


async def test_a_change_whose_statement_was_never_sent_runs_again(database: Database, kill_sessions: Kill) -> None:
    async def too_late(tx: Tx) -> None:
        await tx.run(NAMES)
        if not killed:
            killed.append(await kill_sessions())
            await asyncio.sleep(0.05)  # the driver sees the connection end before the next statement
        await tx.finish(ADD, uuid4(), "thing")

    killed: list[int] = []
    await database.write(too_late)
    assert await database.read(lambda tx: tx.run(NAMES)) == ["thing"]


async def test_while_the_database_is_down_every_request_is_refused_and_afterwards_served(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()
    await proxy.down()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await database.read(lambda tx: tx.run(NAMES))
        with pytest.raises(DatabaseUnavailable):
            await database.write(lambda tx: tx.finish(ADD, uuid4(), "lost"))
    assert database.pool.open == 0
    await proxy.up()
    await database.write(lambda tx: tx.finish(ADD, uuid4(), "found"))
    assert await database.read(lambda tx: tx.run(NAMES)) == ["found"]


async def test_those_who_wait_for_a_connection_while_the_database_goes_down_are_told_at_once(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()
    lent = [await database.pool.take() for _ in range(3)]
    waiting = [asyncio.create_task(database.read(lambda tx: tx.run(NAMES))) for _ in range(5)]
    await asyncio.sleep(0)
    await proxy.down()
    for connection in lent:
        database.pool.drop(connection)
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 2)
    assert {type(result) for result in results} == {DatabaseUnavailable}
    assert database.pool.open == 0


async def test_a_server_that_falls_silent_is_not_waited_for_for_ever(behind: Callable[[], Awaitable[Database]], proxy: Proxy) -> None:
    database = await behind()
    database.pool.close_idle(0)
    database.pool.answer = 0.1
    await database.write(lambda tx: tx.finish(ADD, uuid4(), "warm"))
    proxy.mute_at = "begin"
    with pytest.raises(TooSlow):
        await database.write(adding("thing", []))
    proxy.mute_at = "commit"
    with pytest.raises(OutcomeUnknown):
        await database.write(adding("thing", []))
    proxy.mute_at = ""
    assert await database.read(lambda tx: tx.run(NAMES)) == ["warm"]
    assert database.pool.busy == 0


async def test_cut_off_again_and_again_it_is_refused_rather_than_tried_for_ever(database: Database, kill_sessions: Kill) -> None:
    tries: list[str] = []

    async def unlucky(tx: Tx) -> None:
        tries.append("try")
        await tx.run(NAMES)
        await kill_sessions()
        await tx.run(NAMES)

    with pytest.raises(DatabaseUnavailable):
        await database.write(unlucky)
    assert len(tries) == 2
    assert database.pool.busy == 0


async def test_a_server_that_takes_its_leave_while_nobody_asks_is_noticed_at_the_next_question(
    behind: Callable[[], Awaitable[Database]], proxy: Proxy
) -> None:
    database = await behind()
    await proxy.last_words()
    await asyncio.sleep(0.05)  # the driver has heard them; the connections still look open
    await database.write(lambda tx: tx.finish(ADD, uuid4(), "thing"))
    assert await database.read(lambda tx: tx.run(NAMES)) == ["thing"]


async def test_a_server_without_room_is_said_to_be_so(database: Database) -> None:
    full = query("value", str, "do $$ begin raise disk_full using message = 'could not extend file'; end $$")
    with pytest.raises(DatabaseExhausted) as refused:
        await database.write(lambda tx: tx.finish(full))
    assert dict(refused.value.headers())["Retry-After"] == "30"
    assert database.pool.busy == 0
