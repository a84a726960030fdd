"""Statements against the schema they are meant for: each one is prepared and planned as the market's runtime role, run by none.

Seen: text that the server refuses, rights the role does not have, parameters that leave a gap, calls with another number of
arguments, columns in another order or of another name than the Struct's fields, types that do not fit, enums with other
labels, a field that may not be None read from what may be null, and constants that no code uses.

What may be null: a plain column is what its table says (the server tells which column an answer comes from), unless its table
stands on the optional side of an outer join in the plan. Set operations prove nothing. An expression may be null, unless it
is a count, a literal, or a `coalesce` that ends in one. Where the author knows better, the column is named `"total!"`; the
mark says so and is not part of the name.

Not seen: whether an argument's type fits (the driver refuses that), what JSON holds (its decoder refuses that), and a `!`
that is not true.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import msgspec

from souk.kernel.db.query import PARAMETER, Query

TEXT: Final = ("text", "varchar", "bpchar", "citext", "name")
DRIVER: Final[dict[str, tuple[type, ...]]] = {
    "bool": (bool,),
    **dict.fromkeys(("int2", "int4", "int8", "oid", "xid8"), (int,)),
    **dict.fromkeys(("float4", "float8"), (float,)),
    "numeric": (Decimal,),
    **dict.fromkeys(TEXT, (str,)),
    "uuid": (UUID,),
    "timestamptz": (datetime,),
    "date": (date,),
    "time": (time_of_day,),
    "interval": (timedelta,),
    "bytea": (bytes,),
}
"""What the driver answers for each type. `timestamp` is missing on purpose: time is `timestamptz`."""

CAST: Final = re.compile(r"(.*)::[\w \"\[\].]+", re.DOTALL)
LITERAL: Final = re.compile(r"'([^']|'')*'|-?\d[\d.]*|true|false")
CALL: Final = re.compile(r"(\w+)\(")
QUOTED: Final = re.compile(r"'([^']|'')*'")
ALWAYS_THERE: Final = ("count", "row_number", "rank", "dense_rank", "now", "clock_timestamp")
AFTER_A_CALL: Final = re.compile(r"( FILTER \(.*\))?( OVER (\w+|\([^()]*\)))?", re.DOTALL)

SET_OPERATION: Final = re.compile(r"\b(union|intersect|except)\b", re.IGNORECASE)
OPTIONAL_SIDES: Final = {"Left": ("Inner",), "Right": ("Outer",), "Full": ("Inner", "Outer")}


class Column(msgspec.Struct, frozen=True):
    """A column of an answer, and the table column it comes from, if any."""

    name: str
    table: int
    number: int
    type: int


class Origin(msgspec.Struct, frozen=True):
    """A column of a table."""

    table: str
    never_null: bool


class PgType(msgspec.Struct, frozen=True):
    """A type of the server."""

    name: str
    kind: str
    element: int
    labels: tuple[str, ...]


async def check_statements(dsn: str, queries: Iterable[Query[Any]], *, schema: str = "") -> list[str]:
    """What is wrong with the statements on the schema that this (runtime role's) DSN sees; a line each.

    `schema` is for an administrator's statements, whose DSN does not lead to the market's schema by itself.
    """
    raw = await asyncpg.connect(dsn, statement_cache_size=0, server_settings={"search_path": schema} if schema else {})
    try:
        catalogue = await _Catalogue.read(raw)
        return [f"{query.home}: {complaint}" for query in queries for complaint in await catalogue.check(raw, query)]
    finally:
        await raw.close()


class _Catalogue:
    """What the catalogue knows of types and columns, read once."""

    def __init__(self, types: dict[int, PgType], origins: dict[tuple[int, int], Origin]) -> None:
        self.types = types
        self.origins = origins

    @classmethod
    async def read(cls, raw: asyncpg.Connection[Any]) -> _Catalogue:
        types = await raw.fetch(
            """select t.oid, t.typname::text, t.typtype::text, case when t.typcategory = 'A' then t.typelem else 0::oid end,
               array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid) from pg_type t"""
        )
        origins = await raw.fetch(
            "select attrelid, attnum, c.relname::text, attnotnull from pg_attribute a join pg_class c on c.oid = attrelid"
        )
        return cls(
            {oid: PgType(name, kind, element, tuple(labels)) for oid, name, kind, element, labels in types},
            {(table, number): Origin(name, never_null) for table, number, name, never_null in origins},
        )

    async def check(self, raw: asyncpg.Connection[Any], query: Query[Any]) -> list[str]:
        numbers = {int(number) for number in PARAMETER.findall(query.sql)}
        if numbers != set(range(1, query.parameters + 1)):
            return [f"its parameters leave a gap: {sorted(numbers)}"]
        try:
            columns, parameters = await describe(raw, query.sql)
            plan = await explain(raw, query)
        except asyncpg.PostgresError as error:
            return [f"the server refuses it: {str(error).splitlines()[0]}"]
        if parameters != query.parameters:
            return [f"it has {query.parameters} parameters and the server finds {parameters}"]
        if query.shape == "count":
            return []
        return list(self._compare(query, columns, plan))

    def _compare(self, query: Query[Any], columns: list[Column], plan: dict[str, Any]) -> Iterator[str]:
        fields = fields_of(query)
        names = [column.name.removesuffix("!") for column in columns]
        if fields is None:
            if len(columns) != 1:
                yield f"it answers one value, but has the columns {names}"
                return
            fields = {names[0]: query.kind}
        elif names != list(fields):
            yield f"its columns {names} are not the fields {list(fields)} of {query.kind.__name__}, in that order"
            return
        may_be_none = fields_of(query) is None and query.shape in ("value", "one")
        outputs = plan.get("Output", [])
        for i, (column, (name, hint)) in enumerate(zip(columns, fields.items(), strict=True)):
            if complaint := self.misfit(self.types[column.type], hint):
                yield f"{name}: {complaint}"
            output = outputs[i] if len(outputs) >= len(columns) else ""  # what it only sorts by stands behind
            if not may_be_none and not is_optional(hint) and not self._never_null(column, query.sql, plan, output):
                yield f'{name} may be null, but its type has no None (where it never is: as "{name}!")'

    def _never_null(self, column: Column, sql: str, plan: dict[str, Any], output: str) -> bool:
        if column.name.endswith("!"):
            return True
        if SET_OPERATION.search(sql):
            return False
        origin = self.origins.get((column.table, column.number))
        if origin is None:
            return never_null(output)
        return origin.never_null and origin.table not in optional_tables(plan)

    def misfit(self, found: PgType, hint: Any) -> str | None:
        """Why a value of that type does not become what the hint says; None when it does."""
        hint = bare_hint(hint)
        if found.name in ("json", "jsonb"):
            return None if _reads_json(hint) else f"{found.name} does not become {hint}"
        if found.element:
            if get_origin(hint) not in (list, tuple, frozenset):
                return f"an array does not become {hint}"
            return self.misfit(self.types[found.element], get_args(hint)[0])
        return _misfit_enum(found, hint) if found.kind == "e" else _misfit_scalar(found, hint)


def _misfit_scalar(found: PgType, hint: Any) -> str | None:
    if get_origin(hint) is Literal:
        hint = type(get_args(hint)[0])
    if found.name not in DRIVER:
        return f"there is no rule for the type {found.name}"
    fits = isinstance(hint, type) and issubclass(hint, DRIVER[found.name])
    if not fits or (hint is bool and found.name != "bool"):
        return f"{found.name} does not become {getattr(hint, '__name__', hint)}"
    return None


def _misfit_enum(found: PgType, hint: Any) -> str | None:
    if get_origin(hint) is Literal:
        labels = set(get_args(hint))
    elif isinstance(hint, type) and issubclass(hint, str) and issubclass(hint, Enum):
        labels = {member.value for member in hint}
    else:
        return f"the enum {found.name} does not become {hint}: a StrEnum does"
    if labels != set(found.labels):
        return f"the enum {found.name} has the labels {sorted(found.labels)}, {getattr(hint, '__name__', hint)} has {sorted(labels)}"
    return None


def _reads_json(hint: Any) -> bool:
    if hint is msgspec.Raw or hint is dict:
        return True
    if get_origin(hint) in (list, tuple, frozenset, dict, Union, UnionType):
        return True
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def fields_of(query: Query[Any]) -> dict[str, Any] | None:
    """The fields a row becomes, or None where it is one value."""
    kind = query.kind
    if query.shape in ("value", "values") or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    hints = get_type_hints(kind)
    return {name: hints[name] for name in kind.__struct_fields__}


def is_optional(hint: Any) -> bool:
    """Whether None is a value of it."""
    return hint is None or hint is type(None) or (get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint))


def bare_hint(hint: Any) -> Any:
    """Without `| None` and without `NewType`."""
    if get_origin(hint) in (Union, UnionType):
        kept = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(kept) == 1:
            return bare_hint(kept[0])
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


# What the server says of a statement


class _Listener:
    """Stands between the connection and asyncpg, which does not hand out where columns come from, and keeps what the server says."""

    def __init__(self, listened: Any) -> None:
        self._listened = listened
        self.heard = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listened, name)

    def data_received(self, chunk: bytes) -> None:
        self.heard += chunk
        self._listened.data_received(chunk)


async def describe(raw: asyncpg.Connection[Any], sql: str) -> tuple[list[Column], int]:
    """The columns of a statement's answer with their origin, and the number of its parameters."""
    transport, protocol = raw._transport, raw._protocol  # type: ignore[attr-defined]  # noqa: SLF001 - see _Listener
    listener = _Listener(protocol)
    transport.set_protocol(listener)
    try:
        statement = await raw.prepare(sql)
    finally:
        transport.set_protocol(protocol)
    return _row_description(bytes(listener.heard)), len(statement.get_parameters())


def _row_description(heard: bytes) -> list[Column]:
    """The first description among the server's messages: the statement's own, before those of types looked up for it."""
    at = 0
    while at < len(heard):
        kind, length = heard[at : at + 1], int.from_bytes(heard[at + 1 : at + 5], "big")
        if kind == b"T":
            return list(_columns(heard[at + 5 : at + 1 + length]))
        if kind == b"n":
            break
        at += 1 + length
    return []


def _columns(body: bytes) -> Iterator[Column]:
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        end = body.index(b"\0", at)
        table, number, kind = struct.unpack_from("!IhI", body, end + 1)
        yield Column(body[at:end].decode(), table, number, kind)
        at = end + 1 + 18


async def explain(raw: asyncpg.Connection[Any], query: Query[Any]) -> dict[str, Any]:
    """The plan for any arguments. Planning checks the role's rights, too; nothing is run."""
    arguments = f"({', '.join(['null'] * query.parameters)})" if query.parameters else ""
    transaction = raw.transaction()
    await transaction.start()
    try:
        await raw.execute("set local plan_cache_mode to force_generic_plan")
        await raw.execute(f"prepare examined as {query.sql}")
        text = await raw.fetchval(f"explain (verbose, format json) execute examined{arguments}")
    finally:
        await transaction.rollback()
        await raw.execute("deallocate all")
    plan: dict[str, Any] = msgspec.json.decode(text)[0].get("Plan", {})
    return plan


def optional_tables(plan: dict[str, Any]) -> set[str]:
    """The tables whose rows an outer join of the plan may leave out."""
    ctes = {node["Subplan Name"].removeprefix("CTE "): node for node in nodes(plan) if "Subplan Name" in node}
    found: set[str] = set()
    waiting = [
        child
        for node in nodes(plan)
        for child in node.get("Plans", [])
        if child.get("Parent Relationship") in OPTIONAL_SIDES.get(node.get("Join Type", ""), ())
    ]
    seen: set[str] = set()
    while waiting:
        for node in nodes(waiting.pop()):
            found |= {node["Relation Name"]} if "Relation Name" in node else set()
            cte = node.get("CTE Name")
            if cte is not None and cte in ctes and cte not in seen:
                seen.add(cte)
                waiting.append(ctes[cte])
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def never_null(expression: str) -> bool:
    """Whether an expression, as a plan spells it, always has a value. What it does not know may be null."""
    text = QUOTED.sub("''", expression.strip())
    if LITERAL.fullmatch(text):
        return True
    if cast := CAST.fullmatch(text):
        return never_null(cast[1])
    if text.startswith("(") and _closing(text, 0) == len(text) - 1:
        return never_null(text[1:-1])
    call = CALL.match(text)
    if call is None:
        return False
    end = _closing(text, call.end() - 1)
    if call[1].lower() == "coalesce":
        return end == len(text) - 1 and never_null(_last_argument(text[call.end() : end]))
    return call[1] in ALWAYS_THERE and AFTER_A_CALL.fullmatch(text[end + 1 :]) is not None


def _closing(text: str, at: int) -> int:
    """Where the parenthesis that opens at this place closes."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return -1


def _last_argument(arguments: str) -> str:
    depth = 0
    for i in range(len(arguments) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(arguments[i], 0)
        if depth == 0 and arguments[i] == ",":
            return arguments[i + 1 :]
    return arguments
