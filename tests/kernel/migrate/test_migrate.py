"""Migrations run once, in order, whole or not at all, and refuse what does not fit what the database has had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.migrate import Applied, Edited, Failed, Misnamed, OutOfOrder, Source, Unknown, market_dsn, migrate, pending, plan

SECRET = "s"
SHOP = ("create table goods (id int primary key)", "alter table goods add column name text not null default ''")


async def fetch(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


def names(applied: list[Applied]) -> list[str]:
    return [str(each.migration) for each in applied]


Write = Callable[..., Source]


async def test_what_is_missing_runs_in_order_and_only_once(dsn: str, source: Write) -> None:
    sources = [source("shop", *SHOP), source("chat", "create table lines (good int references goods)")]
    heard: list[Applied] = []
    applied = await migrate(dsn, "sample", sources, secret=SECRET, heard=heard.append)
    assert names(applied) == ["shop/0001_step.sql", "shop/0002_step.sql", "chat/0001_step.sql"]
    assert heard == applied
    assert await migrate(dsn, "sample", sources, secret=SECRET) == []
    again = source("chat", "create table lines (good int references goods)", "create table rooms (id int)")
    assert names(await migrate(dsn, "sample", [sources[0], again], secret=SECRET)) == ["chat/0002_step.sql"]


async def test_a_plan_tells_what_would_run_and_changes_nothing(dsn: str, source: Write) -> None:
    shop = source("shop", *SHOP)
    assert [str(m) for m in await plan(dsn, "sample", [shop])] == ["shop/0001_step.sql", "shop/0002_step.sql"]
    assert await fetch(dsn, "select nspname from pg_namespace where nspname in ('sample', 'extensions')") == []
    await migrate(dsn, "sample", [shop], secret=SECRET)
    assert await plan(dsn, "sample", [shop]) == []
    assert [str(m) for m in await plan(dsn, "sample", [source("shop", *SHOP, "select 1")])] == ["shop/0003_step.sql"]


async def test_many_processes_that_start_at_once_run_each_migration_once(dsn: str, source: Write) -> None:
    shop = source("shop", *SHOP, "create table counted (n int)", "insert into counted select 1; select pg_sleep(0.05)")
    all_applied = await asyncio.gather(*(migrate(dsn, market, [shop], secret=SECRET) for market in ["sample"] * 6 + ["other"] * 2))
    ran = sorted(f"{each.market} {each.migration}" for applied in all_applied for each in applied)
    assert ran == [f"{market} shop/000{n}_step.sql" for market in ("other", "sample") for n in (1, 2, 3, 4)]
    assert await fetch(dsn, "select n from sample.counted") == [(1,)]


async def test_markets_are_apart(dsn: str, source: Write) -> None:
    for market in ("sample", "other"):
        await migrate(dsn, market, [source("shop", *SHOP)], secret=SECRET)
    as_other = market_dsn(dsn, "other", SECRET)
    assert await fetch(as_other, "select count(*) from goods") == [(0,)]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await fetch(as_other, "select * from sample.goods")


async def test_a_migration_that_fails_is_undone_with_its_record_and_names_its_line(dsn: str, source: Write) -> None:
    broken = source("shop", SHOP[0], "alter table goods add column a int;\n\ninsert into nowhere values (1);")
    with pytest.raises(Failed, match=r'shop/0002_step\.sql:3: relation "nowhere" does not exist.*mend the file'):
        await migrate(dsn, "sample", [broken], secret=SECRET)
    assert await fetch(dsn, "select column_name::text from information_schema.columns where table_name = 'goods'") == [("id",)]
    assert names(await migrate(dsn, "sample", [source("shop", *SHOP)], secret=SECRET)) == ["shop/0002_step.sql"]


@pytest.mark.parametrize("ending", ["commit", "rollback", "commit; begin"])
async def test_a_migration_may_not_end_its_transaction(dsn: str, source: Write, ending: str) -> None:
    with pytest.raises(Failed, match="ends its transaction"):
        await migrate(dsn, "sample", [source("shop", f"create table goods (id int); {ending}")], secret=SECRET)


async def test_an_edited_migration_is_refused(dsn: str, source: Write) -> None:
    await migrate(dsn, "sample", [source("shop", *SHOP)], secret=SECRET)
    edited = source("shop", SHOP[0] + " -- a better comment", SHOP[1])
    for attempt in (migrate(dsn, "sample", [edited], secret=SECRET), plan(dsn, "sample", [edited])):
        with pytest.raises(Edited, match=r"shop/0001_step\.sql was edited .* new migration"):
            await attempt


async def test_line_endings_are_no_edit(dsn: str, source: Write) -> None:
    await migrate(dsn, "sample", [source("shop", "create table goods\n(id int)")], secret=SECRET)
    shop = source("shop", "")
    (shop.folder / "0001_step.sql").write_bytes(b"create table goods\r\n(id int)")
    assert await migrate(dsn, "sample", [shop], secret=SECRET) == []


async def test_a_migration_that_this_code_does_not_have_is_refused(dsn: str, source: Write) -> None:
    shop = source("shop", *SHOP)
    await migrate(dsn, "sample", [shop], secret=SECRET)
    (shop.folder / "0002_step.sql").unlink()
    with pytest.raises(Unknown, match=r"shop/0002_step\.sql, which does not exist here"):
        await migrate(dsn, "sample", [shop], secret=SECRET)
    (shop.folder / "0001_step.sql").unlink()
    with pytest.raises(Unknown, match=r"shop/0001_step\.sql"):
        await plan(dsn, "sample", [shop])


async def test_the_tables_of_a_module_that_was_switched_off_stay(dsn: str, source: Write) -> None:
    shop, chat = source("shop", *SHOP), source("chat", "create table lines (id int)")
    await migrate(dsn, "sample", [shop, chat], secret=SECRET)
    assert await migrate(dsn, "sample", [shop], secret=SECRET) == []
    assert await fetch(dsn, "select count(*) from sample.lines") == [(0,)]


async def test_an_older_migration_that_appears_late_is_refused(dsn: str, source: Write) -> None:
    shop = source("shop", *SHOP)
    await migrate(dsn, "sample", [shop], secret=SECRET)
    connection = await asyncpg.connect(dsn)
    await connection.execute("delete from sample.migrations where file like '0001%'")
    await connection.close()
    with pytest.raises(OutOfOrder, match=r"shop/0001_step\.sql was never applied .* shop/0002|0002_step"):
        await migrate(dsn, "sample", [shop], secret=SECRET)


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("0003_gap.sql", "should be number 0002"),
        ("0001_twice.sql", "should be number 0002"),
        ("2_short.sql", "is not a migration"),
        ("0002_Big-Name.sql", "is not a migration"),
        ("notes.txt", "is not a migration"),
    ],
)
async def test_files_out_of_sequence_are_refused_with_a_remedy(dsn: str, source: Write, file: str, complaint: str) -> None:
    shop = source("shop", SHOP[0])
    (shop.folder / file).write_text("select 1")
    with pytest.raises(Misnamed, match=f"{file}.*{complaint}|{complaint}"):
        await plan(dsn, "sample", [shop])


async def test_a_running_market_counts_what_it_still_waits_for(dsn: str, source: Write) -> None:
    shop = source("shop", *SHOP)
    await migrate(dsn, "sample", [shop], secret=SECRET)
    pool = Pool(market_dsn(dsn, "sample", SECRET))
    database = Database(pool, Clock())
    try:
        assert await database.read(lambda tx: pending(tx, [shop])) == 0
        newer = source("shop", *SHOP, "select 1", "select 2")
        assert await database.read(lambda tx: pending(tx, [newer])) == 2
    finally:
        await pool.close()


def test_a_url_without_a_database_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="names no database"):
        market_dsn("postgres://me@here:5432", "sample", SECRET)


def test_a_market_url_keeps_everything_but_user_and_password() -> None:
    url = market_dsn("postgres://admin:p%40ss@a.example:6432,b.example:6432/souk-eu?sslmode=verify-full&user=x", "sample", SECRET)
    parts = urlsplit(url)
    assert parts.netloc.startswith("souk-eu_sample:")
    assert parts.netloc.endswith("@a.example:6432,b.example:6432")
    assert (parts.path, parts.query) == ("/souk-eu", "sslmode=verify-full")
    assert url != market_dsn("postgres://admin@a.example/souk-eu", "sample", "another secret")
