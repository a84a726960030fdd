"""The checker of statements sees what it promises to see, and lets right statements pass."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum, auto
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, NewType
from uuid import UUID

import msgspec
import pytest

from souk.kernel.db import QUERIES, Query
from souk.kernel.db.checks import check_statements
from souk.kernel.db.usage import check_usage

ThingId = NewType("ThingId", UUID)


class Colour(StrEnum):
    RED = auto()
    GREEN = auto()


class TwoColours(StrEnum):
    RED = auto()
    BLUE = auto()


class Place(msgspec.Struct):
    city: str


class Thing(msgspec.Struct):
    id: ThingId
    name: str
    colour: Colour
    colours: tuple[Colour, ...]
    small: int | None
    place: Place | None
    marks: list[str]
    due: datetime | None
    rest: timedelta | None


class Name(msgspec.Struct):
    name: str


class MaybeName(msgspec.Struct):
    name: str | None


def made(shape: Any, kind: Any, sql: str) -> Query[Any]:
    return Query(shape, kind, sql, "here:1")


COLUMNS = "id, name, colour, colours, small, place, marks, due, rest"
RIGHT = {
    "a row as a Struct": ("one", Thing, f"select {COLUMNS} from things where id = $1"),
    "a changed row": ("only", Thing, f"update things set name = $2 where id = $1 returning {COLUMNS}"),
    "a row through a CTE": ("many", Name, "with t as (insert into things (id, name) values ($1, $2) returning *) select name from t"),
    "a row through a subquery": ("many", Name, "select name from (select * from things limit $1) t order by name"),
    "an inner join": ("many", Name, "select a.name from things a join things b using (id)"),
    "an outer join that the condition makes an inner one": (
        "many",
        Name,
        "select t.name from posted p left join things t on t.name = p.note where t.amount > 0",
    ),
    "the certain side of an outer join": ("many", Name, "select t.name from things t left join posted p on p.note = t.name"),
    "the uncertain side, as optional": ("many", MaybeName, "select t.name from posted p left join things t on t.name = p.note"),
    "the author's word": ("many", Name, 'select t.name as "name!" from posted p left join things t on t.name = p.note'),
    "a count": ("only", int, "select count(*) from things"),
    "a sum with a default": ("only", int, "select coalesce(sum(amount), 0)::bigint from things"),
    "a text with a default": ("many", str, "select coalesce(place->>'city', 'nowhere') from things"),
    "a literal": ("only", bool, "select true"),
    "a count of some": ("only", int, "select count(*) filter (where amount > 0) from things"),
    "a row number": ("many", int, "select row_number() over (order by name) from things"),
    "a value that may be missing": ("value", int, "select max(amount) from things"),
    "an enum as literals": ("values", Literal["red", "green"], "select colour from things"),
    "JSON as it is": ("value", msgspec.Raw, "select place from things"),
    "JSON as a list": ("value", list[Place], "select jsonb_agg(place) from things"),
    "no answer": ("count", None, "delete from things where id = any($1)"),
    "a lock": ("one", Name, "select name from things where id = $1 for update skip locked"),
}
WRONG = {
    "no such table": ("many", Name, "select name from nothing", "refuses it: .*nothing"),
    "no right": ("count", None, "truncate things", "refuses it"),
    "no right to change": ("count", None, "delete from migrations", "refuses it: permission denied"),
    "a gap": ("one", Name, "select name from things where id = $2", r"leave a gap: \[2\]"),
    "another order": ("one", Thing, "select name, id, colour, colours, small, place, marks, due, rest from things", "in that order"),
    "another name": ("one", Name, "select name as title from things", r"\['title'\] are not the fields \['name'\]"),
    "a column too many": ("one", Name, "select name, id from things", "are not the fields"),
    "two columns for one value": ("value", str, "select name, id from things", "one value, but has the columns"),
    "another type": ("value", int, "select name from things", "text does not become int"),
    "a whole number as a truth": ("value", bool, "select amount from things", "int8 does not become bool"),
    "a float for money": ("value", int, "select amount / 2.0 from things", "numeric does not become int"),
    "a time without a zone": ("value", datetime, "select due at time zone 'UTC' from things", "no rule for the type timestamp"),
    "other labels": ("value", TwoColours, "select colour from things", "has the labels .*green.*TwoColours has .*blue"),
    "an enum as any text": ("value", str, "select colour from things", "a StrEnum does"),
    "an array as one": ("value", str, "select marks from things", "an array does not become"),
    "elements of another type": ("value", list[int], "select marks from things", "text does not become int"),
    "JSON as text": ("value", str, "select place from things", "jsonb does not become"),
    "a nullable column": ("many", int, "select small from things", "small may be null"),
    "the uncertain side of a left join": ("many", Name, "select t.name from posted p left join things t on t.name = note", "may be null"),
    "the uncertain side of a right join": ("many", Name, "select t.name from things t right join posted p on t.name = note", "may be null"),
    "either side of a full join": ("many", Name, "select t.name from things t full join posted p on t.name = p.note", "name may be null"),
    "a CTE on the uncertain side": (
        "many",
        Name,
        "with t as materialized (select * from things) select t.name from posted p left join t on t.name = p.note",
        "name may be null",
    ),
    "an outer join inside a CTE": (
        "many",
        Name,
        "with j as materialized (select t.name from posted p left join things t on t.name = p.note) select name from j",
        "name may be null",
    ),
    "an aggregate of no rows": ("only", int, "select max(amount) from things", "max may be null"),
    "a count and more": ("many", int, "select count(*) + small from things group by small", "may be null"),
    "a default that may be null": ("many", int, "select coalesce(small, amount + small) from things", "may be null"),
    "a union": ("many", Name, "select name from things union all select null", "name may be null"),
    "a subquery": ("many", str, "select (select note from posted limit 1) from things", "may be null"),
}


@pytest.mark.parametrize("case", RIGHT)
async def test_a_right_statement_passes(runtime_dsn: str, case: str) -> None:
    assert await check_statements(runtime_dsn, [made(*RIGHT[case])]) == []


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_statement_is_seen(runtime_dsn: str, case: str) -> None:
    shape, kind, sql, complaint = WRONG[case]
    complaints = await check_statements(runtime_dsn, [made(shape, kind, sql)])
    assert len(complaints) == 1
    assert complaints[0].startswith("here:1: ")
    assert re.search(complaint, complaints[0])


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """Write a package, import its modules, and say what is wrong with the use of its statements."""
    before = len(QUERIES)
    name = f"tried_{tmp_path.name}"
    sys.path.insert(0, str(tmp_path))

    def check(**files: str) -> list[str]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for file, text in files.items():
            (folder / f"{file}.py").write_text(dedent(text))
        for file in files:
            importlib.import_module(f"{name}.{file}")
        return [text.replace(name, "package") for text in check_usage(folder, QUERIES[before:])]

    yield check
    sys.path.remove(str(tmp_path))
    del QUERIES[before:]
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


SQL = """
from souk.kernel.db import count, only

ADD = count(
    "insert into things values ($1, $2)"
)
HOW_MANY = only(int, "select count(*) from things")
"""


def test_statements_that_are_used_as_they_are_pass(package: Callable[..., list[str]]) -> None:
    commands = """
        from . import sql
        from .sql import ADD
        async def add(tx, *more):
            await tx.run(ADD, 1, 2)
            await tx.run(ADD, *more)
            return await tx.finish(sql.HOW_MANY)
    """
    assert package(sql=SQL, commands=commands) == []


def test_a_statement_that_is_only_imported_is_used_nowhere(package: Callable[..., list[str]]) -> None:
    commands = """
        from .sql import ADD, HOW_MANY
        __all__ = ["HOW_MANY"]
        async def add(tx):
            await tx.run(ADD, 1, 2)
    """
    assert package(sql=SQL, commands=commands) == ["package.sql:7: HOW_MANY is used nowhere"]


def test_a_call_with_another_number_of_arguments_is_seen(package: Callable[..., list[str]]) -> None:
    commands = """
        from .sql import ADD, HOW_MANY
        async def add(tx):
            await tx.run(ADD, 1)
            await tx.run(HOW_MANY)
    """
    assert package(sql=SQL, commands=commands) == ["commands.py:4: ADD has 2 parameters and is called with 1 arguments"]


def test_a_statement_without_a_name_is_seen(package: Callable[..., list[str]]) -> None:
    sql = """
        from souk.kernel.db import count
        ALL = [count("select 1")]
    """
    assert package(sql=sql) == ["package.sql:3: a statement is a constant of its module, with a name of its own"]


def test_statements_of_one_name_in_two_modules_are_told_apart(package: Callable[..., list[str]]) -> None:
    other = """
        from souk.kernel.db import count

        ADD = count("insert into things values ($1)")
    """
    commands = """
        from . import other, sql
        from .sql import HOW_MANY
        async def add(tx):
            await tx.run(sql.ADD, 1, 2)
            await tx.run(other.ADD, 1, 2)
            return await tx.run(HOW_MANY)
    """
    assert package(sql=SQL, other=other, commands=commands) == ["commands.py:6: ADD has 1 parameters and is called with 2 arguments"]
