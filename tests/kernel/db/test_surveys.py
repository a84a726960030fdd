"""A survey: reading that may take long, all of it as of one moment, beside the connections that requests use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, TooSlow, Tx
from tests.kernel.db.noting import query

ADD = query("count", None, "insert into things (id, name) values ($1, $2)")
NAMES = query("values", str, "select name from things order by name")
SLEEP = query("count", None, "select pg_sleep(0.3)")


@pytest.fixture
def things(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Database:
    pool = Pool(runtime_dsn, size=1)
    closing(pool.close)
    return Database(pool, Clock())


async def test_it_sees_one_moment_whatever_is_written_meanwhile(things: Database) -> None:
    async def look(tx: Tx) -> tuple[object, object]:
        before = await tx.run(NAMES)
        await things.write(lambda other: other.run(ADD, uuid4(), "new"))
        return before, await tx.run(NAMES)

    assert await things.survey(look) == ([], [])
    assert await things.read(lambda tx: tx.run(NAMES)) == ["new"]


async def test_it_can_change_nothing(things: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await things.survey(lambda tx: tx.run(ADD, uuid4(), "sly"))
    assert await things.read(lambda tx: tx.run(NAMES)) == []


async def test_it_may_take_longer_than_a_request(things: Database, set_for_role: Callable[[str, str], Awaitable[None]]) -> None:
    await set_for_role("statement_timeout", "100ms")
    with pytest.raises(TooSlow):
        await things.read(lambda tx: tx.run(SLEEP))
    await things.survey(lambda tx: tx.run(SLEEP))
    with pytest.raises(TooSlow):
        await things.survey(lambda tx: tx.run(SLEEP), patience=0.1)


async def test_it_leaves_no_connection_behind_and_takes_none_of_the_pool(things: Database, admin_dsn: str) -> None:
    await things.survey(lambda tx: tx.run(NAMES))
    assert things.pool.open == 0
    administrator = await asyncpg.connect(admin_dsn)
    sessions = await administrator.fetchval(
        """select count(*) from pg_stat_activity
           where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"""
    )
    await administrator.close()
    assert sessions == 0
