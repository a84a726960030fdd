"""Typed statements: each shape answers its type, whatever the columns are made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum, auto
from typing import NewType
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from souk.kernel.db import Database, NoRow, Query, Rider, Tx
from souk.kernel.db.query import PARAMETER, QUERIES, Shape, one

ThingId = NewType("ThingId", UUID)


class Colour(StrEnum):
    RED = auto()
    GREEN = auto()


class Place(msgspec.Struct, frozen=True):
    city: str
    floor: int = 0


class Thing(msgspec.Struct, frozen=True):
    id: ThingId
    name: str
    colour: Colour
    colours: tuple[Colour, ...]
    amount: int
    place: Place | None
    marks: list[str]
    due: datetime | None


def query(shape: Shape, kind: object, sql: str) -> Query[object]:
    """A statement of this file only: it is not part of the program, so it registers nowhere."""
    return Query(shape, kind, sql, __name__)


COLUMNS = "id, name, colour, colours, amount, place, marks, due"
ADD = query(
    "only",
    Thing,
    f"insert into things ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}",
)
THING = query("one", Thing, f"select {COLUMNS} from things where id = $1")
FULL = (Colour.GREEN, [Colour.RED, Colour.GREEN], 2**40, Place("Dhaka", 3), ["a", "b"], datetime(2026, 3, 29, 1, 30, tzinfo=UTC))
BARE: tuple[object, ...] = (Colour.RED, [], -1, None, [], None)


@pytest.mark.parametrize("cells", [FULL, BARE], ids=["every field filled", "every optional field empty"])
async def test_what_is_written_is_read_back_as_the_same_value(database: Database, cells: tuple[object, ...]) -> None:
    key = uuid4()
    written = await database.write(lambda tx: tx.run(ADD, key, "thing", *cells))
    colour, colours, amount, place, marks, due = cells
    assert written == Thing(ThingId(key), "thing", colour, tuple(colours), amount, place, marks, due)  # type: ignore[arg-type]
    assert await database.read(lambda tx: tx.run(THING, key)) == written


async def test_each_shape_answers_none_one_or_many(database: Database) -> None:
    keys = sorted(uuid4() for _ in range(3))

    async def story(tx: Tx) -> None:
        for key in keys:
            await tx.run(ADD, key, f"thing {keys.index(key)}", *FULL)
        assert await tx.run(THING, uuid4()) is None
        assert [t.id for t in await tx.run(query("many", Thing, f"select {COLUMNS} from things order by id"))] == keys  # type: ignore[attr-defined]
        assert await tx.run(query("values", Colour, "select colour from things")) == [Colour.GREEN] * 3
        assert await tx.run(query("value", Place, "select place from things limit 1")) == Place("Dhaka", 3)
        assert await tx.run(query("value", Colour, "select colour from things where false")) is None
        assert await tx.run(query("value", Colour, "select max(colour) from things where false")) is None
        assert await tx.run(query("values", list[Colour], "select colours from things limit 1")) == [[Colour.RED, Colour.GREEN]]
        assert await tx.run(query("only", int, "select count(*) from things")) == 3
        assert await tx.run(query("count", None, "update things set amount = 1 where id = any($1)"), keys[:2]) == 2
        assert await tx.run(query("count", None, "delete from things where false")) == 0
        assert await tx.run(query("value", timedelta, "select interval '90 minutes'")) == timedelta(minutes=90)

    await database.write(story)


async def test_the_absence_of_the_only_row_is_a_bug_that_names_the_statement(database: Database) -> None:
    with pytest.raises(NoRow, match="from things"):
        await database.read(lambda tx: tx.run(query("only", int, "select amount from things")))


async def test_unknown_colours_are_refused_by_the_schema_and_unknown_json_by_its_type(database: Database) -> None:
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await database.write(lambda tx: tx.run(ADD, uuid4(), "thing", "blue", [], 0, None, [], None))
    with pytest.raises(msgspec.ValidationError):
        await database.read(lambda tx: tx.run(query("value", Place, """select '{"floor": "high"}'::jsonb""")))


def test_keyword_only_fields_are_refused_when_the_statement_is_defined() -> None:
    class Loose(msgspec.Struct, kw_only=True):
        name: str

    with pytest.raises(TypeError, match="by position"):
        query("one", Loose, "select name from things")


def test_a_statement_registers_itself_and_knows_its_home() -> None:
    made = one(int, "select amount from things")
    QUERIES.remove(made)
    assert made.home.startswith(__name__)
    assert "select amount" in repr(made)


NOTE = Rider("noted as (insert into posted (note) values ($1))")


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from things where name <> $1",
        "with n as (select $1::text as t) select length(t) from n",
        "with recursive n as (select 1 as i, $1::text as t union all select i + 1, t from n where i < 3) select count(*) from n",
        "-- with a comment\nwith n as (select $1::text as t) select length(t) from n",
        "/* with\nanother */ with n as (select $1::text as t) select length(t) from n",
    ],
)
async def test_a_rider_rides_on_every_kind_of_statement(database: Database, sql: str) -> None:
    carried = query("only", int, sql).carrying(NOTE)
    assert isinstance(await database.write(lambda tx: tx.run(carried, "question", "rode along")), int)
    assert await database.read(lambda tx: tx.run(query("values", str, "select note from posted"))) == ["rode along"]


def test_a_statement_keeps_what_it_carried_so_that_it_is_prepared_once() -> None:
    statement = query("count", None, "select 1")
    assert statement.carrying(NOTE) is statement.carrying(NOTE)
    assert PARAMETER.findall(statement.carrying(NOTE).sql) == ["1"]
