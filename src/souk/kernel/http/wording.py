"""The words in which a wrong field is explained: what is expected there, in a sentence a person can mend it with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Final

from msgspec import inspect as kinds

EXPECTED: Final = "expected"
"""`Meta(pattern=…, extra={"expected": "six digits"})`: what a pattern means, for those who cannot be asked to read it."""

NAMED: Final[dict[type[kinds.Type], str]] = {
    kinds.AnyType: "anything",
    kinds.RawType: "anything",
    kinds.NoneType: "null",
    kinds.BoolType: "true or false",
    kinds.BytesType: "base64 text",
    kinds.ByteArrayType: "base64 text",
    kinds.DateTimeType: "a date and time with its offset, such as 2026-11-21T09:30:00Z",
    kinds.DateType: "a date such as 2026-11-21",
    kinds.TimeType: "a time such as 09:30:00",
    kinds.TimeDeltaType: "a duration such as PT15M",
    kinds.UUIDType: "a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91",
    kinds.DecimalType: "a decimal number",
    kinds.StructType: "an object",
    kinds.TypedDictType: "an object",
    kinds.DataclassType: "an object",
}


def expected(kind: kinds.Type) -> str:
    """What is expected: "a whole number from 1 to 100", "text of at most 80 characters", "one of open, closed"."""
    if isinstance(kind, kinds.Metadata):
        return str((kind.extra or {}).get(EXPECTED) or expected(kind.type))
    if isinstance(kind, kinds.StructType) and kind.array_like:
        return "a list"
    if isinstance(kind, kinds.UnionType):
        return " or ".join(dict.fromkeys(expected(member) for member in kind.types))
    if isinstance(kind, kinds.EnumType):
        return _one_of(member.value for member in kind.cls)
    if isinstance(kind, kinds.LiteralType):
        return _one_of(kind.values)
    said = MEASURED.get(type(kind))
    return said(kind) if said else NAMED.get(type(kind), "another kind of value")


def _one_of(values: Iterable[Any]) -> str:
    names = [str(value) for value in values]
    return f"one of {', '.join(names[:20])}{' …' if len(names) > 20 else ''}" if len(names) > 1 else names[0]


def _number(kind: Any) -> str:
    name = "a whole number" if isinstance(kind, kinds.IntType) else "a number"
    if kind.ge is not None and kind.le is not None:
        name += f" from {kind.ge} to {kind.le}"
    else:
        bounds = (("of at least", kind.ge), ("above", kind.gt), ("of at most", kind.le), ("below", kind.lt))
        name += "".join(f" {word} {bound}" for word, bound in bounds if bound is not None)
    return name if kind.multiple_of is None else f"{name}, a multiple of {kind.multiple_of}"


def _text(kind: Any) -> str:
    pattern = f" of the form {kind.pattern}" if kind.pattern is not None else ""
    return "text" + _size(kind, "character") + pattern


def _list(kind: Any) -> str:
    return "a list" + _size(kind, "item")


def _object(kind: Any) -> str:
    return "an object" + _size(kind, "entry")


MEASURED: Final[dict[type[kinds.Type], Callable[[Any], str]]] = {
    kinds.IntType: _number,
    kinds.FloatType: _number,
    kinds.StrType: _text,
    kinds.TupleType: lambda kind: f"a list of {len(kind.item_types)}",
    kinds.DictType: _object,
    kinds.ListType: _list,
    kinds.VarTupleType: _list,
    kinds.SetType: _list,
    kinds.FrozenSetType: _list,
    kinds.CollectionType: _list,
}


def _size(kind: Any, unit: str) -> str:
    """` of 1 to 80 characters`, or nothing when any size will do."""
    least, most = kind.min_length, kind.max_length
    many = unit[:-1] + "ies" if unit.endswith("y") else unit + "s"
    if least and most is not None:
        return f" of {least} {unit if least == 1 else many}" if least == most else f" of {least} to {most} {many}"
    if most is not None:
        return f" of at most {most} {unit if most == 1 else many}"
    return f" of at least {least} {unit if least == 1 else many}" if least else ""


def given(value: Any, kind: kinds.Type, *, strict: bool) -> str:
    """What came instead, where that helps. Values themselves are never repeated: they may be secrets."""
    if isinstance(kind, kinds.UnionType) and isinstance(value, str) and any(isinstance(_bare(each), kinds.StrType) for each in kind.types):
        return ""
    if isinstance(value, str):
        if isinstance(kind, kinds.StrType):
            return f"; this has {len(value)}" if _outside(len(value), kind) else ""
        textual = isinstance(kind, (kinds.EnumType, kinds.LiteralType, kinds.UUIDType, kinds.DateTimeType, kinds.DateType))
        return "" if textual or not strict else ", not text"
    return ", not " + JSON_NAMES.get(type(value), "this") if not _numeric(value, kind) else ""


def _bare(kind: kinds.Type) -> kinds.Type:
    return kind.type if isinstance(kind, kinds.Metadata) else kind


JSON_NAMES: Final = {dict: "an object", list: "a list", bool: "true or false", int: "a number", float: "a number", type(None): "null"}


def _outside(size: int, kind: Any) -> bool:
    return size < (kind.min_length or 0) or (kind.max_length is not None and size > kind.max_length)


def _numeric(value: Any, kind: kinds.Type) -> bool:
    """Whether a number came where a number belongs: its bounds say enough."""
    return type(value) in (int, float) and isinstance(kind, (kinds.IntType, kinds.FloatType, kinds.DecimalType))


def nearest(name: str, known: list[str]) -> str:
    """The known names nearest to one that is not, or all of them when there are few."""
    close = get_close_matches(name[:100], known, n=1, cutoff=0.7)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if 0 < len(known) <= 20 else ""
