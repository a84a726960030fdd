"""Moments that are sent must say where on Earth their clock stands: one without its offset can be compared with nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import inspect as kinds


@lru_cache(maxsize=2048)
def without_offset(kind: Any) -> tuple[str, ...]:
    """Where a type lets moments in that have no offset from UTC: the paths of its fields, as they are sent."""
    return tuple(_found(kinds.type_info(kind), "", ()))


def _found(kind: kinds.Type, path: str, above: tuple[type, ...]) -> Iterator[str]:
    if isinstance(kind, kinds.DateTimeType):
        if kind.tz is not True:
            yield path
    elif isinstance(kind, kinds.StructType):
        if kind.cls not in above:
            for field in kind.fields:
                yield from _found(field.type, f"{path}.{field.encode_name}".lstrip("."), (*above, kind.cls))
    else:
        for part in _parts(kind):
            yield from _found(part, path, above)


def _parts(kind: kinds.Type) -> tuple[kinds.Type, ...]:
    """What a type is made of."""
    match kind:
        case kinds.Metadata():
            return (kind.type,)
        case kinds.UnionType():
            return kind.types
        case kinds.DictType():
            return (kind.value_type,)
        case kinds.CollectionType():
            return (kind.item_type,)
        case _:
            return ()
