"""What is asked: Stripe's parameters, which arrive as text from a form or as values from a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from souk.modules.payments.sandbox.errors import invalid, missing

Params = Mapping[str, Any]

LARGEST: Final = 99_999_999
"""Stripe takes eight digits."""
MOST: Final = 100


class Page(msgspec.Struct, kw_only=True):
    """Some of a list, newest first."""

    object: str = "list"
    data: list[Any]
    has_more: bool = False
    url: str = ""


def text(params: Params, name: str) -> str:
    """A parameter that must be there."""
    found = params.get(name)
    if found is None or found == "":
        raise missing(name)
    return str(found)


def perhaps(params: Params, name: str) -> str | None:
    """A parameter that may be there."""
    found = params.get(name)
    return None if found is None or found == "" else str(found)


def whole(params: Params, name: str, default: int | None = None) -> int:
    """A whole number."""
    found = params.get(name, default)
    if found is None:
        raise missing(name)
    try:
        return int(str(found))
    except ValueError:
        raise invalid(name, "not an integer", "parameter_invalid_integer") from None


def amount(params: Params, name: str = "amount", default: int | None = None) -> int:
    """An amount in minor units, above zero."""
    found = whole(params, name, default)
    if found < 1:
        raise invalid(name, "must be at least 1", "parameter_invalid_integer")
    if found > LARGEST:
        raise invalid(name, "has more than eight digits", "amount_too_large")
    return found


def currency(params: Params) -> str:
    """A currency, in lower case as Stripe writes it."""
    found = text(params, "currency").lower()
    if not (found.isascii() and found.isalpha() and len(found) == 3):
        raise invalid("currency", found, "parameter_invalid_empty")
    return found


def flag(params: Params, name: str) -> bool:
    """Yes or no."""
    return params.get(name) in (True, "true")


def one_of(params: Params, name: str, allowed: tuple[str, ...]) -> str:
    """One of a few words, the first when none is given."""
    found = str(params.get(name) or allowed[0])
    if found not in allowed:
        raise invalid(name, f"must be one of {', '.join(allowed)}")
    return found


def inside(params: Params, name: str) -> Params:
    """A parameter that has parameters of its own."""
    found = params.get(name) or {}
    if not isinstance(found, Mapping):
        raise invalid(name, "must be a hash")
    return found


def metadata(params: Params, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the caller wants to find again. An empty value removes what was there."""
    merged = {**(before or {}), **{str(name): str(value) for name, value in inside(params, "metadata").items()}}
    return {name: value for name, value in merged.items() if value}
