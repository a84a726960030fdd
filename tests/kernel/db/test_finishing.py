"""The last statement and what rides on it; reading that may not write; rehearsals that leave nothing."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, NoRow, Pool, Query, Rider, Tx
from souk.kernel.db.tx import ReadsOnly
from tests.kernel.db.noting import Notes, note, query

ADD = query("count", None, "insert into things (id, name) values ($1, $2)")
NAMES = query("values", str, "select name from things order by name")
NOTES = query("values", str, "select note from posted order by id")
RENAMED = query("only", UUID, "update things set name = $2 where id = $1 returning id")
ADD_FOR = query("only", UUID, "insert into things (id, name) values (must_exist((select id from things where id = $1)), $2) returning id")


@pytest.fixture
def noting(pool: Pool) -> Database:
    """A database whose transactions carry notes."""
    return Database(pool, Clock(), lambda _tx: Notes())


class TestMessagesAndRefusals:
    """A message must never outlive the refusal of the change that it tells of."""

    async def test_what_rides_on_a_statement_that_finds_nothing_is_taken_back(self, noting: Database) -> None:
        async def rename(tx: Tx) -> object:
            note(tx, "renamed")
            return await tx.finish(RENAMED, uuid4(), "new")

        with pytest.raises(NoRow):
            await noting.write(rename)
        assert await noting.read(lambda tx: tx.run(NOTES)) == []

    async def test_what_must_exist_fails_the_whole_statement(self, noting: Database) -> None:
        async def add(tx: Tx) -> object:
            note(tx, "added")
            return await tx.finish(ADD_FOR, uuid4(), "new")

        assert ADD_FOR.certain
        with pytest.raises(NoRow):
            await noting.write(add)
        assert await noting.read(lambda tx: tx.run(NOTES)) == []

    @pytest.mark.parametrize(
        ("sql", "certain"),
        [
            ("insert into things (id) values ($1)", True),
            ("insert into things (id) values ($1) returning id", True),
            ("insert into things (id) values ($1) on conflict do nothing", False),
            ("insert into things (id) values ($1) on conflict (id) do update set name = 'x' where things.name = 'y'", False),
            ("insert into things (id) select $1", False),
            ("insert into things (id) select v from (values ($1)) as v", False),
            ("update things set name = 'x'", False),
            ("with a as (select 1) insert into things (id) values ($1)", False),
            ("select must_exist($1)", False),
        ],
    )
    def test_only_a_plain_insert_is_certain_to_do_something(self, sql: str, certain: bool) -> None:  # noqa: FBT001 - a table
        assert query("count", None, sql).certain is certain

    def test_a_function_that_is_called_to_change_something_does_it_or_fails(self) -> None:
        posting: Query[UUID] = Query("only", UUID, "select must_exist($1)", __name__, calls=True)
        assert posting.certain
        assert posting.changes
        carrying = posting.carrying(Rider("noted as (insert into posted (note) values ($1))"))
        assert carrying.certain
        assert carrying.changes


class TestReading:
    async def test_a_reading_transaction_refuses_to_change_anything(self, noting: Database) -> None:
        with pytest.raises(ReadsOnly):
            await noting.read(lambda tx: tx.run(ADD, uuid4(), "by itself"))
        assert await noting.read(lambda tx: tx.run(NAMES)) == []

    @pytest.mark.parametrize(
        ("sql", "changes"),
        [
            ("select updated_at from inserts", False),
            ("select * from things where name = 'delete' order by name", False),
            ("select * from things for update skip locked", True),
            ("with gone as (delete from things returning id) select * from gone", True),
            ("update things set name = 'x'", True),
            ("merge into things using posted on true when matched then do nothing", True),
        ],
    )
    def test_what_may_write_is_known_from_the_statement(self, sql: str, changes: bool) -> None:  # noqa: FBT001 - a table
        assert query("many", int, sql).changes is changes


class TestRehearsal:
    async def test_a_rehearsal_answers_and_leaves_nothing(self, noting: Database) -> None:
        async def add(tx: Tx) -> object:
            note(tx, "added")
            await tx.finish(ADD, uuid4(), "tried")
            return "would do"

        assert await noting.rehearse(add) == "would do"
        assert await noting.read(lambda tx: tx.run(NAMES)) == []
        assert await noting.read(lambda tx: tx.run(NOTES)) == []
