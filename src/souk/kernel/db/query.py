"""SQL as typed constants: each statement knows what it answers, and registers itself so that a test can prepare them all.

    ORDER = one(Order, "select id, title, state from orders where id = $1")
    order = await tx.run(ORDER, order_id)        # Order | None

A row becomes its type by position: the columns stand in the order of the Struct's fields, which the test checks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from operator import itemgetter
from types import UnionType
from typing import Any, Final, Generic, Literal, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Shape = Literal["one", "only", "many", "value", "values", "count"]
Row = Sequence[Any]

QUERIES: Final[list[Query[Any]]] = []
"""Every statement of the program, in the order they were defined."""


class Query(Generic[T_co]):
    """One SQL statement and the type of its answer."""

    __slots__ = ("_carrying", "answer", "certain", "changes", "home", "kind", "parameters", "shape", "sql")

    def __init__(self, shape: Shape, kind: Any, sql: str, home: str, *, calls: bool = False) -> None:
        self.shape: Final = shape
        self.kind: Final = kind
        self.sql: Final = sql.strip().rstrip(";")
        self.home: Final = home
        self.parameters: Final = max((int(n) for n in PARAMETER.findall(sql)), default=0)
        self.answer: Final[Callable[[list[Row]], T_co]] = ANSWERS[shape](READERS[shape](kind), self)
        self.certain: Final = calls or CERTAIN.match(self.sql) is not None
        """Whether it does what it says or fails, and never quietly finds nothing to do: a plain `insert … values`, or `call`."""
        self.changes: Final = calls or CHANGES.search(self.sql) is not None
        """Whether it may write: such a statement is refused where only reading was asked for."""
        self._carrying: dict[Rider, Query[T_co]] = {}

    def __repr__(self) -> str:
        return f"<Query {self.home}: {' '.join(self.sql.split())[:60]}>"

    def carrying(self, rider: Rider) -> Query[T_co]:
        """This statement with the rider's CTEs in front: two things done in one round trip."""
        known = self._carrying.get(rider)
        if known is None:
            carrying = rider.ahead_of(self.sql, self.parameters)
            known = Query[T_co](self.shape, self.kind, carrying, self.home, calls=self.certain)
            self._carrying[rider] = known
        return known


class Rider:
    """Data-modifying CTEs that can ride on another statement. Their parameters are numbered from $1 here, and renumbered there."""

    __slots__ = ("ctes", "parameters")

    def __init__(self, ctes: str) -> None:
        self.ctes: Final = ctes.strip()
        self.parameters: Final = max((int(n) for n in PARAMETER.findall(ctes)), default=0)

    def ahead_of(self, sql: str, taken: int) -> str:
        """That statement, whose parameters are numbered up to `taken`, with these CTEs as its first."""
        renumbered = PARAMETER.sub(lambda m: f"${int(m[1]) + taken}", self.ctes)
        own = WITH.match(sql)
        return f"{own[1]} {renumbered}, {sql[own.end() :]}" if own else f"with {renumbered} {sql}"


CHANGES: Final = re.compile(
    r"\b(insert\s+into|update\s+(?!of\b|skip\b|nowait\b)\w+\s|delete\s+from|merge\s+into|for\s+(?:no\s+key\s+)?(?:update|share))\b",
    re.IGNORECASE,
)
CERTAIN: Final = re.compile(
    r"insert\s+into\b(?:(?!\bon\s+conflict\b|\bselect\b).)*?\bvalues\s*\((?!.*\bon\s+conflict\b)", re.IGNORECASE | re.DOTALL
)
PARAMETER: Final = re.compile(r"\$(\d+)")
WITH: Final = re.compile(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*(with(?:\s+recursive)?)\b", re.IGNORECASE | re.DOTALL)
"""The head of a statement that has CTEs of its own, after any comment."""


def one(kind: type[T], sql: str) -> Query[T | None]:
    """At most one row, or None."""
    return _register(Query("one", kind, sql, _caller()))


def only(kind: type[T], sql: str) -> Query[T]:
    """Exactly one row; its absence is a bug, not a refusal."""
    return _register(Query("only", kind, sql, _caller()))


def call(kind: type[T], sql: str) -> Query[T]:
    """Exactly one row, from a function of the schema that changes something or fails."""
    return _register(Query("only", kind, sql, _caller(), calls=True))


def many(kind: type[T], sql: str) -> Query[list[T]]:
    """Any number of rows."""
    return _register(Query("many", kind, sql, _caller()))


def value(kind: type[T], sql: str) -> Query[T | None]:
    """The single column of at most one row."""
    return _register(Query("value", kind, sql, _caller()))


def values(kind: type[T], sql: str) -> Query[list[T]]:
    """The single column of every row."""
    return _register(Query("values", kind, sql, _caller()))


def count(sql: str) -> Query[int]:
    """A statement without an answer of its own: how many rows it touched."""
    return _register(Query("count", None, sql, _caller()))


def _register(query: Query[T]) -> Query[T]:
    QUERIES.append(query)
    return query


def _caller() -> str:
    frame = sys._getframe(2)
    return f"{frame.f_globals['__name__']}:{frame.f_lineno}"


# Rows to values


class NoRow(LookupError):
    """A statement that always answers one row answered none."""


def row_reader(kind: Any) -> Callable[[Row], Any]:
    """How a row becomes `kind`: decided once, when the statement is defined."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_reader(kind)
    return cell_reader(kind)


def cell_reader(kind: Any) -> Callable[[Row], Any]:
    """How the single column of a row becomes `kind`. A Struct is read from JSON here."""
    read = value_reader(kind)
    if read is None:
        return itemgetter(0)
    return lambda row: None if row[0] is None else read(row[0])


def _struct_reader(kind: type[msgspec.Struct]) -> Callable[[Row], Any]:
    hints = get_type_hints(kind)
    readers = [(i, read) for i, name in enumerate(kind.__struct_fields__) if (read := value_reader(hints[name]))]
    if len(kind.__match_args__) < len(kind.__struct_fields__):
        raise TypeError(f"{kind.__name__} is read from rows by position, so its fields cannot be keyword-only")
    if not readers:
        return lambda row: kind(*row)

    def read_row(row: Row) -> msgspec.Struct:
        cells = list(row)
        for i, read in readers:
            cell = cells[i]
            if cell is not None:
                cells[i] = read(cell)
        return kind(*cells)

    return read_row


def value_reader(hint: Any) -> Callable[[Any], Any] | None:
    """What turns a cell into `hint`, or None where the driver already answers that type.

    JSON columns arrive as `msgspec.Raw` and are decoded straight into their type.
    """
    hint = _without_none(hint)
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint is msgspec.Raw:
        return None
    origin = get_origin(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _json_reader(hint)
    if origin in (list, tuple, frozenset):
        return _list_reader(hint, origin)
    if origin is dict or hint is dict or origin in (Union, UnionType):
        return _json_reader(hint)
    return None


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        kept = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(kept) == 1:
            return kept[0]
    return hint


def _json_reader(hint: Any) -> Callable[[Any], Any]:
    return msgspec.json.Decoder(hint).decode


def _list_reader(hint: Any, origin: type) -> Callable[[Any], Any]:
    """An array column arrives as a list, a JSON column as Raw: one field may be either."""
    decode = msgspec.json.Decoder(hint).decode
    read = value_reader(get_args(hint)[0])

    def read_list(cell: Any) -> Any:
        if isinstance(cell, msgspec.Raw):
            return decode(cell)
        return origin(read(item) for item in cell) if read else origin(cell)

    return read_list


def _one(read: Any, _query: Any) -> Callable[[list[Row]], Any]:
    return lambda rows: read(rows[0]) if rows else None


def _only(read: Any, query: Any) -> Callable[[list[Row]], Any]:
    def answer(rows: list[Row]) -> Any:
        if not rows:
            raise NoRow(f"no row from {query!r}")
        return read(rows[0])

    return answer


def _many(read: Any, _query: Any) -> Callable[[list[Row]], Any]:
    return lambda rows: [read(row) for row in rows]


def _count(_read: Any, query: Any) -> Callable[[list[Row]], Any]:
    def answer(_rows: list[Row]) -> int:
        raise TypeError(f"{query!r} is counted from the server's status, not from rows")

    return answer


ANSWERS: Final[dict[Shape, Callable[[Any, Any], Callable[[list[Row]], Any]]]] = {
    "one": _one,
    "only": _only,
    "many": _many,
    "value": _one,
    "values": _many,
    "count": _count,
}

READERS: Final[dict[Shape, Callable[[Any], Any]]] = {
    "one": row_reader,
    "only": row_reader,
    "many": row_reader,
    "value": cell_reader,
    "values": cell_reader,
    "count": lambda _kind: None,
}
