"""What all objects of the bank have."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

Metadata = dict[str, str]


class Object(msgspec.Struct, kw_only=True):
    """What all of them have. `object` says which one it is."""

    KIND: ClassVar[str] = ""
    PREFIX: ClassVar[str] = ""
    id: str
    object: str = ""
    created: int = 0
    livemode: bool = False

    def __post_init__(self) -> None:
        self.object = self.KIND


def told(thing: Object) -> dict[str, Any]:
    """An object as it is answered."""
    content: dict[str, Any] = msgspec.to_builtins(thing)
    return content
