"""A market's schema and role: what the runtime role may do, what it may not, and who may set it all up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import uvloop

from souk.kernel.migrate import CannotProvision, Source, kernel_sources, market_dsn, migrate, role_name

SECRET = "s"
TABLES = """
create table goods (id bigint generated always as identity primary key, name citext, span int8range, exclude using gist (span with &&));
create function number_of_goods() returns bigint language sql as 'select count(*) from goods';
create table journal (what text);
select append_only('journal');
"""

Write = Callable[..., Source]


async def run(dsn: str, *statements: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(statements[-1])]
    finally:
        await connection.close()


@pytest.fixture
def shop(source: Write) -> list[Source]:
    return [*kernel_sources()[:1], source("shop", TABLES)]


@pytest.fixture(params=["a superuser", "an administrator of one database"])
def administrator(request: pytest.FixtureRequest, server: str) -> Iterator[str]:
    """A new database, as somebody who may set markets up in it."""
    name = f"souk_test_{uuid4().hex[:12]}"
    parts = urlsplit(server)
    if request.param == "a superuser":
        uvloop.run(run(server, f"create database {name}", "select 1"))
        admin_dsn = urlunsplit(parts._replace(path=f"/{name}"))
    else:
        uvloop.run(run(server, f"create role {name}_admin login createrole createdb password 'p w'", "select 1"))
        user = f"{name}_admin:{quote('p w')}@{parts.netloc.rpartition('@')[2]}"
        uvloop.run(run(urlunsplit(parts._replace(netloc=user)), f"create database {name}", "select 1"))
        admin_dsn = urlunsplit(parts._replace(netloc=user, path=f"/{name}"))
    yield admin_dsn
    uvloop.run(run(server, f"drop database {name} with (force)", "select 1"))
    roles = uvloop.run(run(server, f"select rolname from pg_roles where rolname like '{name}%' order by rolname desc"))
    for (role,) in roles:
        uvloop.run(run(server, f"drop role {role}", "select 1"))


async def test_the_runtime_role_has_rows_and_nothing_else(administrator: str, shop: list[Source]) -> None:
    await migrate(administrator, "sample", shop, secret=SECRET)
    await migrate(administrator, "sample", shop, secret=SECRET)
    runtime = market_dsn(administrator, "sample", SECRET)

    assert await run(runtime, "insert into goods (name) values ('Tea') returning id") == [(1,)]
    assert await run(runtime, "update goods set name = 'TEA'", "select id from goods where name = 'tea'") == [(1,)]
    assert await run(runtime, "select number_of_goods()") == [(1,)]
    assert await run(runtime, "delete from goods", "select count(*) from goods") == [(0,)]
    assert await run(runtime, "select similarity('a', 'a')::int, unaccent('é')") == [(1, "e")]
    assert len(await run(runtime, "select file from migrations")) == 2
    for forbidden in (
        "create table more (id int)",
        "create table public.more (id int)",
        "create table extensions.more (id int)",
        "create schema more",
        "alter table goods add column more int",
        "drop table goods",
        "truncate goods",
        "insert into migrations (source, file, checksum) values ('a', 'b', 'c')",
        "update migrations set checksum = ''",
        "delete from migrations",
        "create role more",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(runtime, forbidden)


async def test_what_is_append_only_can_be_neither_changed_nor_removed_not_even_by_its_owner(administrator: str, shop: list[Source]) -> None:
    await migrate(administrator, "sample", shop, secret=SECRET)
    runtime = market_dsn(administrator, "sample", SECRET)
    assert await run(runtime, "insert into journal values ('said') returning what") == [("said",)]
    for change in ("update {}journal set what = ''", "delete from {}journal", "truncate {}journal"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run(runtime, change.format(""))
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed or removed"):
            await run(administrator, change.format("sample."))


async def test_every_session_of_the_role_starts_with_the_markets_settings(administrator: str, shop: list[Source]) -> None:
    await migrate(administrator, "sample", shop, secret=SECRET)
    rows = await run(market_dsn(administrator, "sample", SECRET), "select name, setting from pg_settings where source = 'database user'")
    assert {str(name): setting for name, setting in rows} == {
        "search_path": "sample, extensions",
        "statement_timeout": "10000",
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "30000",
        "jit": "off",
        "TimeZone": "UTC",
    }


async def test_extensions_that_stand_elsewhere_are_found_where_they_are(dsn: str, shop: list[Source]) -> None:
    await run(dsn, "create extension citext schema public", "select 1")
    await migrate(dsn, "sample", shop, secret=SECRET)
    assert await run(market_dsn(dsn, "sample", SECRET), "select 'A'::citext = 'a'::citext") == [(True,)]


async def test_a_new_secret_changes_the_password(dsn: str, shop: list[Source], server: str) -> None:
    await migrate(dsn, "sample", shop, secret="old")
    before = await run(dsn, f"select rolpassword from pg_authid where rolname = '{role_name(urlsplit(dsn).path[1:], 'sample')}'")
    await migrate(dsn, "sample", shop, secret="new")
    after = await run(dsn, f"select rolpassword from pg_authid where rolname = '{role_name(urlsplit(dsn).path[1:], 'sample')}'")
    assert before != after
    assert str(after[0][0]).startswith("SCRAM-SHA-256$4096:")


def test_role_names_carry_the_database_and_are_never_cut_short() -> None:
    assert role_name("souk", "grome") == "souk_grome"
    long = [role_name("d" * 60, market) for market in ("grome", "grid")]
    assert len(set(long)) == 2
    assert {len(name) for name in long} == {63}


@pytest.mark.parametrize("name", ["", "Grome", "gro-me", "9lives", "public", "extensions", "pg_grome", "a" * 41, 'x"; drop'])
async def test_names_that_cannot_be_schemas_are_refused(dsn: str, name: str) -> None:
    with pytest.raises(CannotProvision, match="cannot be a market's name"):
        await migrate(dsn, name, [], secret=SECRET)


async def test_somebody_without_the_rights_is_told_which_are_missing(server: str, dsn: str) -> None:
    name = urlsplit(dsn).path[1:]
    await run(server, f"create role {name}_weak login password 'weak'", "select 1")
    weak = urlunsplit(urlsplit(dsn)._replace(netloc=f"{name}_weak:weak@{urlsplit(dsn).netloc.rpartition('@')[2]}"))
    with pytest.raises(CannotProvision, match="has to own the database and have CREATEROLE"):
        await migrate(weak, "sample", [], secret=SECRET)
