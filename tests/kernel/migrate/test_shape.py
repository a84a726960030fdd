"""The declared schema and the migrated one are compared object by object, and what differs is said in words."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg
import pytest

from souk.kernel.migrate import Misnamed, Source, declare, differences, kernel_sources, migrate, shape

SECRET = "s"
Write = Callable[..., Source]

FIRST = """
create type state as enum ('open', 'done');
create domain percent as int check (value between 0 and 100);
create table orders (
    id bigint generated always as identity primary key,
    state state not null default 'open',
    note text,
    fee percent,
    during tstzrange,
    exclude using gist (during with &&)
);
create index orders_open on orders (state) where state = 'open';
create table log (at timestamptz not null) partition by range (at);
create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
create table journal (what text);
create function check_order() returns trigger language plpgsql as $$ begin return new; end $$;
create constraint trigger checked after insert on orders deferrable initially deferred for each row execute function check_order();
create view open_orders as select id from orders where state = 'open';
"""
SECOND = "alter table orders add column total bigint not null default 0 check (total >= 0); select append_only('journal');"
TOTAL = "    total bigint not null default 0 check (total >= 0),\n"
DECLARED = FIRST.replace("    during tstzrange,\n", f"    during tstzrange,\n{TOTAL}") + "select append_only('journal');"


async def compared(dsn: str, sources: list[Source]) -> list[str]:
    await migrate(dsn, "sample", sources, secret=SECRET)
    await declare(dsn, "declared", sources, secret=SECRET)
    return differences(await shape(dsn, "declared"), await shape(dsn, "sample"))


async def test_a_schema_that_was_migrated_step_by_step_equals_the_one_declared(dsn: str, source: Write) -> None:
    assert await compared(dsn, [*kernel_sources()[:1], source("shop", FIRST, SECOND, declared=DECLARED)]) == []


async def test_a_declaration_may_include_migrations_that_still_say_it_all(dsn: str, source: Write) -> None:
    second = "create table more (id int); select append_only('journal');"
    declared = "-- All of it.\n\\ir migrations/0001_step.sql\n\\ir migrations/0002_step.sql\n"
    assert await compared(dsn, [*kernel_sources()[:1], source("shop", FIRST, second, declared=declared)]) == []


async def test_a_single_migration_is_its_own_declaration_and_a_second_needs_one(dsn: str, source: Write) -> None:
    assert await compared(dsn, [source("shop", FIRST)]) == []
    with pytest.raises(Misnamed, match=r"schema\.sql is missing"):
        await declare(dsn, "declared", [source("shop", FIRST, "select 1")], secret=SECRET)


CHANGES = [
    ("create table more (id int)", "table more"),
    ("drop table journal", "table journal"),
    ("alter table orders alter column note set not null", "column orders.note"),
    ("alter table orders alter column state set default 'done'", "column orders.state"),
    ("alter table orders alter column note type varchar(5)", "column orders.note"),
    ("alter table orders drop column note; alter table orders add column note text", "column orders.note"),
    ("alter table orders add constraint short check (length(note) < 9)", "constraint orders.short"),
    ("alter table orders drop constraint orders_during_excl", "constraint orders.orders_during_excl"),
    ("drop index orders_open; create index orders_open on orders (state)", "index orders_open"),
    ("alter type state add value 'lost'", "enum state"),
    ("alter domain percent set not null", "domain percent"),
    ("create or replace function check_order() returns trigger language plpgsql as $$ begin return null; end $$", "function check_order()"),
    ("drop trigger checked on orders", "trigger orders.checked"),
    ("alter table orders disable trigger checked", "trigger orders.checked"),
    ("create or replace view open_orders as select id from orders", "view open_orders"),
    ("create table log_2027 partition of log for values from ('2027-01-01') to ('2028-01-01')", "parent of log_2027"),
    ("grant truncate on orders to {role}", "rights on orders"),
    ("grant update (what) on journal to {role}", "rights on journal.what"),
    ("revoke execute on function check_order() from public", "rights on check_order()"),
    ("grant create on schema sample to {role}", "rights on schema"),
    ("alter table orders enable row level security", "table orders"),
    ("create policy mine on orders using (true)", "policy orders.mine"),
    ("alter table orders set (fillfactor = 50)", "table orders"),
    ("create statistics pair on id, state from orders", "statistics pair"),
    ("alter sequence orders_id_seq increment by 2", "sequence orders_id_seq"),
]


async def test_every_kind_of_change_behind_the_migrations_back_is_seen(dsn: str, source: Write) -> None:
    shop = [source("shop", FIRST)]
    assert await compared(dsn, shop) == []
    declared = await shape(dsn, "declared")
    role = f"{urlsplit(dsn).path[1:]}_sample"
    unseen = []
    for change, name in CHANGES:
        admin = await asyncpg.connect(dsn)
        await admin.execute("drop schema sample cascade")
        await admin.close()
        await migrate(dsn, "sample", shop, secret=SECRET)
        admin = await asyncpg.connect(dsn)
        await admin.execute(f"set search_path to sample, extensions; {change.format(role=role)}")
        await admin.close()
        if not any(line.startswith(f"{name} ") for line in differences(declared, await shape(dsn, "sample"))):
            unseen.append(change)
    assert unseen == []


def test_differences_read_as_sentences() -> None:
    lines = differences({"table a": "table", "column a.b": "1: int"}, {"table c": "table", "column a.b": "1: text"})
    assert lines == [
        "column a.b differs\n    declared: 1: int\n    migrated: 1: text",
        "table a is declared, and not in the migrated schema: table",
        "table c is in the migrated schema, and not declared: table",
    ]
