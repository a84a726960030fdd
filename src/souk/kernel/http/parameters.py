"""Query parameters: a raw query string becomes the Struct an operation declared. Text is read as what the field is
(number, flag, UUID, date, enum); a field that is a list takes its parameter repeated; a name nobody knows is refused.

An empty query costs nothing: the Struct of defaults was made at start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import inspect as kinds

from souk.kernel.http.naming import LISTS, value_problems
from souk.kernel.http.refusals import Invalid, Problem, invalid
from souk.kernel.http.request import Request
from souk.kernel.http.wording import nearest

OF_THE_LAYER: Final = frozenset({"fields", "dry_run"})
"""Parameters that HTTP itself reads; an operation does not declare them. Each is known only where it does something."""

FLAGS: Final = ("true", "false")
MOST_PARAMETERS: Final = 100


def query_reader(kind: type[msgspec.Struct], also: frozenset[str] = OF_THE_LAYER) -> Callable[[Request], Any]:
    """How an operation takes its query: everything that can be decided about the Struct is decided here."""
    read = reader(kind, also)
    shared = _defaults(kind)

    def take(request: Request) -> Any:
        return read(request.query) if request.query or shared is None else shared

    return take


def reader(kind: type[msgspec.Struct], also: frozenset[str] = OF_THE_LAYER) -> Callable[[bytes], Any]:
    """Reads a raw query string as a `kind`, or raises `Invalid` naming every wrong parameter. `also`: those HTTP itself reads."""
    fields = msgspec.structs.fields(kind)
    lists = frozenset(field.encode_name for field in fields if _is_list(kinds.type_info(field.type)))
    known = [field.encode_name for field in fields]

    def read(query: bytes) -> Any:
        given: dict[str, Any] = {}
        wrong: list[Problem] = []
        for name, text in pairs(query):
            if name in lists:
                given.setdefault(name, []).append(text)
            elif name in given:
                wrong.append(Problem(name, "was given more than once"))
            elif name in known:
                given[name] = text
            elif name == "dry_run" and name in also:
                wrong += [] if text in FLAGS else [Problem(name, "must be true or false")]
            elif name not in also:
                wrong.append(Problem(name, f"is not known here{nearest(name, known)}"))
        try:
            value = msgspec.convert(given, kind, strict=False, str_keys=True)
        except msgspec.ValidationError:
            raise Invalid(fields=[*wrong, *value_problems(given, kind, strict=False)]) from None
        if wrong:
            raise Invalid(fields=wrong)
        return value

    return read


def pairs(query: bytes) -> list[tuple[str, str]]:
    """The names and values of a query string, percent-decoded."""
    if query.count(b"&") >= MOST_PARAMETERS:
        raise invalid("", f"at most {MOST_PARAMETERS} parameters can be read")
    decode = _decoded if b"%" in query or b"+" in query else bytes.decode
    found = []
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if part:
            try:
                found.append((decode(name), decode(value)))
            except UnicodeDecodeError:
                raise invalid(name.decode("ascii", "replace"), "is not UTF-8") from None
    return found


def rehearsing(query: bytes) -> bool:
    """Whether a query that was read asks for a rehearsal."""
    return bool(query) and ("dry_run", "true") in pairs(query)


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def _defaults(kind: type[msgspec.Struct]) -> msgspec.Struct | None:
    """The value of an empty query, if it has one that can be shared."""
    if not kind.__struct_config__.frozen:
        raise TypeError(f"{kind.__name__} is shared between requests, so it must be frozen")
    try:
        return msgspec.convert({}, kind)
    except msgspec.ValidationError:
        return None


def _is_list(kind: kinds.Type) -> bool:
    if isinstance(kind, kinds.Metadata):
        return _is_list(kind.type)
    if isinstance(kind, kinds.UnionType):
        return any(_is_list(member) for member in kind.types)
    return isinstance(kind, LISTS)
