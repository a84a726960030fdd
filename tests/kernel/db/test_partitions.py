"""A row that finds its partition made while it waited is written there, not refused."""

from __future__ import annotations

import asyncio

import asyncpg

from souk.kernel.db import Database, Tx, count

ADD = count("insert into days (at) values ($1)")
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into days%'"


async def test_a_change_that_waited_for_a_partition_is_run_again(database: Database, admin_dsn: str) -> None:
    admin, watching = await asyncpg.connect(admin_dsn), await asyncpg.connect(admin_dsn)
    try:
        await admin.execute("""
            create table sample.days (at int) partition by range (at);
            create table sample.days_default partition of sample.days default;
            grant insert, select on sample.days to public;
        """)
        tries = 0

        async def add(tx: Tx) -> None:
            nonlocal tries
            tries += 1
            await tx.run(ADD, 7)

        async with admin.transaction():
            await admin.execute("create table sample.days_7 (at int)")
            await admin.execute("alter table sample.days attach partition sample.days_7 for values from (7) to (8)")
            adding = asyncio.create_task(database.write(add))
            while not adding.done() and not await watching.fetchval(WAITING):  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        await adding
        assert await admin.fetchval("select count(*) from sample.days_7") == 1
        assert tries == 2
    finally:
        await admin.close()
        await watching.close()
