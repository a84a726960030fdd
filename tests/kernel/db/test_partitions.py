"""A row that finds its partition made while it waited is written there, not refused."""

from __future__ import annotations

import asyncio

import asyncpg

from souk.kernel.db import Database, Tx, count

ADD = count("insert into days (at) values ($1)")


async def test_a_change_that_waited_for_a_partition_is_run_again(database: Database, admin_dsn: str, runtime_dsn: str) -> None:
    admin = await asyncpg.connect(admin_dsn)
    await admin.execute("""
        create table days (at int) partition by range (at);
        create table days_default partition of days default;
        grant insert, select on days to public;
    """)
    tries = 0

    async def add(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        await tx.run(ADD, 7)

    making = admin.transaction()
    await making.start()
    await admin.execute("create table days_7 partition of days for values from (7) to (8)")
    adding = asyncio.create_task(database.write(add))
    watching = await asyncpg.connect(admin_dsn)
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into days%'"
    while not await watching.fetchval(waiting):  # noqa: ASYNC110 - another process is watched, which sets no event
        await asyncio.sleep(0.01)
    await making.commit()
    await adding
    assert await admin.fetchval("select count(*) from days_7") == 1
    assert tries == 2
    for connection in (admin, watching):
        await connection.close()
