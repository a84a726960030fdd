"""Naming every wrong field. The fast decoder judges; only what it refused is walked again here, slowly, to say all that is wrong.

The walk agrees with msgspec because every leaf is judged by msgspec itself. It is bounded in problems, depth and
values, and where it has nothing to say (a rule of `__post_init__`, a number no machine holds) msgspec's own sentence stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import inspect as kinds

from souk.kernel.errors import Refusal
from souk.kernel.http.refusals import Invalid, MalformedBody, Problem
from souk.kernel.http.wording import expected, given, nearest

MOST_PROBLEMS: Final = 50
MOST_VALUES: Final = 20_000
DEEPEST: Final = 60

RULES: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "tz")
LISTS: Final = (kinds.ListType, kinds.VarTupleType, kinds.SetType, kinds.FrozenSetType, kinds.CollectionType)
LEAVES: Final[dict[type[kinds.Type], Any]] = {
    kinds.NoneType: None,
    kinds.BoolType: bool,
    kinds.IntType: int,
    kinds.FloatType: float,
    kinds.StrType: str,
    kinds.BytesType: bytes,
    kinds.ByteArrayType: bytearray,
    kinds.DateTimeType: datetime,
    kinds.DateType: date,
    kinds.TimeType: time,
    kinds.TimeDeltaType: timedelta,
    kinds.UUIDType: UUID,
    kinds.DecimalType: Decimal,
    kinds.DictType: dict[Any, Any],
    **dict.fromkeys(LISTS, list[Any]),
}

_hints: Final[dict[int, tuple[kinds.Type, Any]]] = {}
"""The type of each leaf, by the identity of its description, which is kept so that no other can take its place."""


def body_refusal(body: bytes, kind: Any) -> Refusal:
    """Why a body was not accepted: it is no JSON, or some of its fields are wrong."""
    try:
        return Invalid(fields=problems(body, kind))
    except Unreadable as error:
        return MalformedBody(reason=str(error))


class Unreadable(ValueError):
    """The bytes are no JSON text."""


def problems(body: bytes, kind: Any) -> list[Problem]:
    """Everything that is wrong with a JSON text as a `kind`; nothing when it is right. Raises `Unreadable` when it is no JSON."""
    value: Any = msgspec.UNSET
    try:
        with suppress(msgspec.ValidationError):  # JSON, but with a number that no machine holds: the next line says where
            value = msgspec.json.decode(body)
        msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        own = [_said(error)]
        return own if value is msgspec.UNSET else walk(value, kind) or own
    except msgspec.DecodeError as error:
        if not body.strip():
            raise Unreadable("it is empty") from None
        raise Unreadable(str(error).removeprefix("JSON is malformed: ")) from None
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    return []


def value_problems(value: Any, kind: Any, *, strict: bool = True) -> list[Problem]:
    """Everything that is wrong with a decoded value; `strict=False` reads text as numbers, dates and flags, as in a query."""
    try:
        msgspec.convert(value, kind, strict=strict, str_keys=True)
    except msgspec.ValidationError as error:
        return walk(value, kind, strict=strict) or [_said(error)]
    return []


def walk(value: Any, kind: Any, *, strict: bool = True) -> list[Problem]:
    """What the walk alone finds, without asking msgspec about the whole."""
    found = _Walk(strict=strict)
    found.value(value, _type_info(kind), "", 0)
    return found.problems[:MOST_PROBLEMS]


@lru_cache(maxsize=2048)
def _type_info(kind: Any) -> kinds.Type:
    return kinds.type_info(kind)


def _said(error: msgspec.ValidationError) -> Problem:
    """What msgspec itself says, its path in our notation."""
    text, _, path = str(error).rpartition(" - at ")
    where = re.search(r"`\$\.?(.*)`$", path)
    return Problem(where[1] if where else "", _lower(text or str(error)))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


class _Walk:
    """One walk through one value."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.problems: list[Problem] = []
        self.left = MOST_VALUES

    def value(self, value: Any, kind: kinds.Type, path: str, depth: int) -> None:
        """Judge a value: containers by their parts, everything else by msgspec."""
        self.left -= 1
        if self.left < 0 or depth > DEEPEST or len(self.problems) >= MOST_PROBLEMS:
            return
        described = kind
        if isinstance(kind, kinds.Metadata):
            kind = kind.type
        if isinstance(kind, kinds.UnionType):
            self.union(value, kind, path, depth)
        elif isinstance(kind, kinds.StructType) and not kind.array_like and isinstance(value, dict):
            self.struct(value, kind, path, depth)
        elif isinstance(kind, kinds.DictType) and isinstance(value, dict):
            self.mapping(value, kind, path, depth)
        elif isinstance(kind, LISTS) and isinstance(value, list):
            self.items(value, kind, path, depth)
        elif isinstance(kind, kinds.TupleType) and isinstance(value, list) and len(value) == len(kind.item_types):
            for i, (item, item_kind) in enumerate(zip(value, kind.item_types, strict=True)):
                self.value(item, item_kind, f"{path}[{i}]", depth + 1)
        elif not self.accepted(value, kind):
            self.wrong(path, f"must be {expected(described)}{given(value, kind, strict=self.strict)}")

    def wrong(self, path: str, problem: str) -> None:
        self.problems.append(Problem(path, problem))

    def accepted(self, value: Any, kind: kinds.Type) -> bool:
        if isinstance(kind, (kinds.AnyType, kinds.RawType)):
            return True
        try:
            msgspec.convert(value, _hint(kind), strict=self.strict, str_keys=True)
        except msgspec.ValidationError:
            return False
        return True

    def struct(self, value: Mapping[str, Any], kind: kinds.StructType, path: str, depth: int) -> None:
        fields = {field.encode_name: field for field in kind.fields}
        known = [*fields, kind.tag_field] if kind.tag_field else list(fields)
        for name in value:
            if name not in fields and name != kind.tag_field and kind.forbid_unknown_fields:
                self.wrong(_join(path, str(name)), f"is not known here{nearest(str(name), known)}")
        tag = kind.tag_field
        if tag is not None and tag in value and value[tag] != kind.tag:
            self.wrong(_join(path, tag), f"must be {kind.tag}")
        for name, field in fields.items():
            if name in value:
                self.value(value[name], field.type, _join(path, name), depth + 1)
            elif field.required:
                self.wrong(_join(path, name), f"is required: {expected(field.type)}")

    def mapping(self, value: Mapping[str, Any], kind: kinds.DictType, path: str, depth: int) -> None:
        self.length(value, kind, path)
        for key, item in value.items():
            try:
                msgspec.convert({key: None}, dict.__class_getitem__((_hint(kind.key_type), Any)), strict=self.strict, str_keys=True)
            except msgspec.ValidationError:
                self.wrong(_join(path, key), f"this key must be {expected(kind.key_type)}")
            self.value(item, kind.value_type, _join(path, key), depth + 1)

    def items(self, value: list[Any], kind: Any, path: str, depth: int) -> None:
        self.length(value, kind, path)
        for i, item in enumerate(value):
            self.value(item, kind.item_type, f"{path}[{i}]", depth + 1)

    def length(self, value: Any, kind: Any, path: str) -> None:
        if len(value) < (kind.min_length or 0) or (kind.max_length is not None and len(value) > kind.max_length):
            self.wrong(path, f"must be {expected(kind)}; this has {len(value)}")

    def union(self, value: Any, kind: kinds.UnionType, path: str, depth: int) -> None:
        members = [member.type if isinstance(member, kinds.Metadata) else member for member in kind.types]
        inside = [member for member in members if _holds(member, value)]
        if len(inside) > 1:
            self.tagged(value, inside, path, depth)
        elif inside:
            self.value(value, inside[0], path, depth)
        elif not any(self.accepted(value, member) for member in members):
            self.wrong(path, f"must be {expected(kind)}{given(value, kind, strict=self.strict)}")

    def tagged(self, value: Mapping[str, Any], members: list[Any], path: str, depth: int) -> None:
        """Several Structs are possible: the tag says which is meant."""
        field = members[0].tag_field
        for member in members:
            if member.tag == value.get(field):
                self.value(value, member, path, depth)
                return
        known = ", ".join(str(member.tag) for member in members)
        self.wrong(_join(path, field), f"must be one of {known}" if field in value else f"is required: one of {known}")


def _hint(kind: kinds.Type) -> Any:
    """The Python type that msgspec made this description from, without what is inside it."""
    known = _hints.get(id(kind))
    if known is None:
        known = _hints[id(kind)] = (kind, _type_of(kind))
    return known[1]


def _type_of(kind: Any) -> Any:
    if isinstance(kind, kinds.Metadata):
        return _type_of(kind.type)
    if isinstance(kind, kinds.LiteralType):
        return Literal[kind.values]
    if isinstance(kind, kinds.TupleType):
        return tuple[(Any,) * len(kind.item_types)]  # type: ignore[misc]  # its length is known when it runs
    if type(kind) not in LEAVES:
        return kind.cls
    leaf = LEAVES[type(kind)]
    rules = {rule: getattr(kind, rule, None) for rule in RULES if getattr(kind, rule, None) is not None}
    return Annotated[leaf, msgspec.Meta(**rules)] if rules and not isinstance(kind, (*LISTS, kinds.DictType)) else leaf


def _holds(kind: kinds.Type, value: Any) -> bool:
    """Whether a value is of the container a member of a union is, so that what is wrong must be inside."""
    if isinstance(value, dict):
        return isinstance(kind, kinds.DictType) or (isinstance(kind, kinds.StructType) and not kind.array_like)
    return isinstance(value, list) and isinstance(kind, LISTS)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
