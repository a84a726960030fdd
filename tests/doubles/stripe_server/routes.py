"""Every route of Stripe's API with the type of its parameters, read from the sources of the SDK's services."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
import stripe

SOURCES: Final = Path(stripe.__file__).parent


class Route(msgspec.Struct, frozen=True):
    """One call of the API: `POST /v1/payment_intents/{intent}/capture` is `capture` of `payment_intent`."""

    method: str
    template: str
    subject: str
    verb: str
    types: str
    """Module and class of the parameters' type; empty where there are none."""

    @property
    def pattern(self) -> re.Pattern[str]:
        return _pattern(self.template)

    @property
    def params(self) -> type[Any] | None:
        module, _, name = self.types.rpartition(".")
        return getattr(import_module(module), name) if module else None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))


def found(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a request, and the ids in its path."""
    for route in routes():
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, match.groups()
    return None


@cache
def routes() -> tuple[Route, ...]:
    """All routes of the first API; those with fewer ids in the path first, so that `search` is no id."""
    files = [file for file in SOURCES.rglob("_*_service.py") if "v2" not in file.parts]
    return tuple(sorted((route for file in files for route in _routes_of(file)), key=lambda route: route.template.count("{")))


def _routes_of(file: Path) -> Iterator[Route]:
    tree = ast.parse(file.read_text())
    types = {
        alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    name = file.stem.removeprefix("_").removesuffix("_service")
    subject = "_".join([*file.parent.relative_to(SOURCES).parts, name])
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "_request":
                    yield Route(_text(call.args[0]).upper(), _text(call.args[1]), subject, node.name, types.get(_params(node), ""))


def _text(node: ast.expr) -> str:
    """A text, or the text that is formatted."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    assert isinstance(node, ast.Constant)
    assert isinstance(node.value, str)
    return node.value


def _params(function: ast.FunctionDef) -> str:
    """The name in the annotation of the argument `params`: `Optional["PaymentIntentCreateParams"]`."""
    for argument in function.args.args:
        if argument.arg == "params" and argument.annotation is not None:
            names = [node.value for node in ast.walk(argument.annotation) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            return names[0] if names else ""
    return ""
