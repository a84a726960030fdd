"""Declaring settings: a Struct whose fields each carry the one description of their variable, and how all of them are read at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Final, Self, cast, get_type_hints
from urllib.parse import urlsplit, urlunsplit

import msgspec

FOREIGN: Final = ("SOUK_TEST_", "SOUK_BENCH_")
"""Variables of the test suite and the benchmarks: not settings, and no misspelt ones either."""


class Problem(msgspec.Struct, frozen=True):
    """One variable that is wrong: which, what is wrong with it, and how to mend it."""

    variable: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.variable} {self.wrong}. {self.remedy}."


class ConfigError(Exception):
    """The environment cannot be used. Lists every problem, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"{'One setting is' if len(self.problems) == 1 else f'{len(self.problems)} settings are'} wrong:{lines}")


class Unreadable(ValueError):
    """A value that its reader refuses, with the remedy."""

    def __init__(self, wrong: str, remedy: str) -> None:
        self.wrong = wrong
        self.remedy = remedy
        super().__init__(f"{wrong}. {remedy}.")


class Variable(msgspec.Struct, frozen=True):
    """The declaration of one environment variable: the only place where it is described."""

    name: str
    about: str
    read: Callable[[str], object]
    default: str = ""
    accepts: str = ""
    secret: bool = False
    """Its value is never printed, wrong or right."""


class Declared(msgspec.Struct, frozen=True):
    """Settings whose fields each declare their variable: `port: Annotated[int, Variable("SOUK_PORT", …)]`."""

    kinds: ClassVar[list[type[Declared]]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Declared.kinds.append(cls)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read every variable of these settings; raise `ConfigError` with all that is wrong."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for field, variable in cls.variables().items():
            try:
                values[field] = variable.read(environ.get(variable.name, "").strip() or variable.default)
            except Unreadable as error:
                problems.append(Problem(variable.name, error.wrong, error.remedy))
        problems += cls.contradictions(values)
        problems += misspelt(environ)
        if problems:
            raise ConfigError(problems)
        return cls(**values)

    @classmethod
    def variables(cls) -> dict[str, Variable]:
        """Each field's declaration, in the order of the fields."""
        hints = get_type_hints(cls, include_extras=True)
        return {field: cast("Variable", hints[field].__metadata__[0]) for field in cls.__struct_fields__}

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> list[Problem]:
        """What is wrong between values that are right by themselves. A value that could not be read is absent."""
        del values
        return []

    def shown(self) -> list[tuple[Variable, str]]:
        """Every variable with its present value as a person may see it."""
        return [(variable, _shown(variable, getattr(self, field))) for field, variable in self.variables().items()]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{variable.name}={text}' for variable, text in self.shown())})"


def misspelt(environ: Mapping[str, str]) -> list[Problem]:
    """Variables that look like settings and are none: nearly always a slip of the finger that would go unnoticed."""
    known = sorted(variable.name for kind in Declared.kinds for variable in kind.variables().values())
    problems = []
    for name in sorted(environ):
        if name in known or not name.startswith("SOUK_") or name.startswith(FOREIGN):
            continue
        near = get_close_matches(name.removeprefix("SOUK_"), [other.removeprefix("SOUK_") for other in known], 1, 0.7)
        remedy = f"Did you mean SOUK_{near[0]}? Rename it, or unset it" if near else "Unset it; docs/settings.md lists every setting"
        problems.append(Problem(name, "is not a setting", remedy))
    return problems


def _shown(variable: Variable, value: object) -> str:
    if variable.secret:
        return "(set)" if value else "(not set)"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in cast("tuple[object, ...]", value))
    return without_password(str(value))


def without_password(url: str) -> str:
    """A URL as it may be printed."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    user, colon, _password = login.partition(":")
    query = re.sub(r"(?i)(password=)[^&]*", r"\1…", parts.query)
    return urlunsplit(parts._replace(netloc=f"{user}{':…' if colon else ''}{at}{place}", query=query))
