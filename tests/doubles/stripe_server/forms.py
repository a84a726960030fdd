"""Parameters as they arrive: a form's flat names (`a[b][0]=c`) made deep, and judged by a TypedDict of the SDK."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import cache
from types import SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions
from typing_extensions import is_typeddict


class WrongParameter(Exception):
    """A parameter that Stripe would refuse."""

    def __init__(self, code: str, param: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What a form says, as dicts in dicts. Lists are dicts still: only their type tells that they are lists."""
    whole: dict[str, Any] = {}
    for name, text in pairs:
        head, *rest = re.split(r"\]?\[|\]$", name.removesuffix("]"))
        place = whole
        for step in rest:
            place = place.setdefault(head, {})
            if not isinstance(place, dict):
                raise WrongParameter("parameter_invalid", name, f"Invalid {name}")
            head = step
        place[head] = text
    return whole


@cache
def fields(kind: Any) -> dict[str, Any]:
    """The parameters that a TypedDict knows. What the SDK takes for itself never travels."""
    own = {name: annotation for name, annotation in kind.__annotations__.items() if name not in RequestOptions.__annotations__}
    return get_type_hints(SimpleNamespace(__annotations__=own), vars(sys.modules[kind.__module__]))


def checked(value: Any, wanted: Any, name: str = "") -> Any:
    """The value as its type has it, or WrongParameter."""
    if is_typeddict(wanted):
        return _hash(value, wanted, name)
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        return _first_that_fits(value, wanted, name)
    if origin is Literal:
        return _of_type(value, value in get_args(wanted), name, "one of " + ", ".join(map(repr, get_args(wanted))))
    if origin is list:
        return _list(value, get_args(wanted)[0], name)
    return _texts(value, get_args(wanted)[1], name) if origin is dict else _plain(value, wanted, name)


def _hash(value: Any, wanted: Any, name: str) -> dict[str, Any]:
    _of_type(value, isinstance(value, dict), name, "a hash")
    known = fields(wanted)
    whole = {key: f"{name}[{key}]" if name else key for key in {*known, *value}}
    for key in value:
        if key not in known:
            raise WrongParameter("parameter_unknown", whole[key], f"Received unknown parameter: {whole[key]}")
    for key in sorted(wanted.__required_keys__ & known.keys()):
        if key not in value:
            raise WrongParameter("parameter_missing", whole[key], f"Missing required param: {whole[key]}.")
    return {key: checked(inner, known[key], whole[key]) for key, inner in value.items()}


def _texts(value: Any, inner: Any, name: str) -> dict[str, Any]:
    """Metadata and its like: names of the caller's own. An empty text removes one."""
    _of_type(value, isinstance(value, dict), name, "a hash")
    return {key: text if text == "" else checked(text, inner, f"{name}[{key}]") for key, text in value.items()}


def _list(value: Any, inner: Any, name: str) -> list[Any]:
    numbered = isinstance(value, dict) and all(key.isdigit() or key == "" for key in value)
    _of_type(value, numbered, name, "an array")
    return [checked(value[key], inner, f"{name}[{key}]") for key in sorted(value, key=lambda key: int(key or 0))]


def _first_that_fits(value: Any, wanted: Any, name: str) -> Any:
    """The error of a hash says most: it names the parameter inside that is wrong."""
    errors = []
    for choice in get_args(wanted):
        try:
            return checked(value, choice, name)
        except WrongParameter as error:
            errors.append((is_typeddict(choice) and isinstance(value, dict), error))
    raise max(errors, key=lambda error: error[0])[1]


def _plain(value: Any, wanted: Any, name: str) -> Any:
    if wanted is str:
        if value == "":
            raise WrongParameter("parameter_invalid_empty", name, f"You passed an empty string for '{name}'.")
        return _of_type(value, isinstance(value, str), name, "a string")
    if wanted is int:
        _of_type(value, isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is not None, name, "an integer")
        return int(value)
    if wanted is bool:
        _of_type(value, value in ("true", "false"), name, "a boolean")
        return value == "true"
    if wanted in (float, Decimal):
        try:
            return str(Decimal(value))
        except (InvalidOperation, TypeError):
            raise _invalid(name, "a number") from None
    if wanted is Any:
        return value
    raise _invalid(name, str(wanted))  # null and objects of the SDK never travel in a form


def _of_type(value: Any, fits: bool, name: str, wanted: str) -> Any:  # noqa: FBT001 - the condition stands at each call
    if not fits:
        raise _invalid(name, wanted)
    return value


def _invalid(name: str, wanted: str) -> WrongParameter:
    code = "parameter_invalid_integer" if wanted == "an integer" else "parameter_invalid"
    return WrongParameter(code, name, f"Invalid {name}: must be {wanted}")
