"""Settings: everything the environment decides, read once at start, typed, and refused all at once with the remedy for each.

A variable is declared beside its field, once; the documentation, `souk doctor` and the error messages all read that
declaration. A module with settings of its own declares them the same way, in a Struct derived from `Declared`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast, get_type_hints
from urllib.parse import urlsplit, urlunsplit

import msgspec

DEVELOPMENT_SECRET: Final = "souk-development-secret-0123456789-not-for-production"  # noqa: S105 - refused in production
SECRET_LENGTH: Final = 32
SECRET_VARIETY: Final = 8
PLACEHOLDERS: Final = ("souk-development", "changeme", "change-me", "change_me", "example", "placeholder")
NEW_SECRET: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105 - a command that makes one
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


# What values may look like


def one_of(*choices: str) -> Callable[[str], str]:
    """One of these words, in any case."""

    def read(text: str) -> str:
        word = text.lower()
        if word in choices:
            return word
        near = get_close_matches(word, choices, 1, 0.5)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise Unreadable(f"is {text!r}, which is not a choice{meant}", f"Set it to {' or '.join(choices)}")

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        remedy = f"Set it to a whole number from {low} to {high}"
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise Unreadable(f"is {text!r}, which is not a whole number", remedy)
        number = int(text)
        if not low <= number <= high:
            raise Unreadable(f"is {number}, which is out of range", remedy)
        return number

    return read


def switch(text: str) -> bool:
    """On or off."""
    word = text.lower()
    if word in ("on", "true", "yes", "1"):
        return True
    if word in ("off", "false", "no", "0"):
        return False
    raise Unreadable(f"is {text!r}, which is neither on nor off", "Set it to on or off")


def folder(text: str) -> Path:
    """A folder; `~` is the home of the user."""
    if "\0" in text:
        raise Unreadable("holds a NUL character", "Set it to the path of a folder")
    return Path(text).expanduser()


def host(text: str) -> str:
    """A name or address to listen on."""
    if re.search(r"[\s/@]", text) or re.fullmatch(r"[^:\[\]]*:[0-9]+", text):
        raise Unreadable(
            f"is {text!r}, which is not a host", "Set it to a name or an address alone, for example 127.0.0.1; the port is SOUK_PORT"
        )
    return text


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them, each once."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    bad = [name for name in found if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name)]
    if bad:
        raise Unreadable(f"holds {bad[0]!r}, which is not a market's name", "Use small letters, digits and _, with commas between names")
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise Unreadable(f"names {twice[0]} twice", "Name each market once")
    return found


def database(text: str) -> str:
    """A PostgreSQL DSN, or nothing for the embedded server. Not echoed: it may hold a password."""
    remedy = "Set it like postgres://user:password@host:5432/database, or leave it empty for the embedded server"
    if not text:
        return ""
    try:
        url = urlsplit(text)
    except ValueError:
        raise Unreadable("is not a URL", remedy) from None
    if url.scheme not in ("postgres", "postgresql"):
        raise Unreadable(f"begins with {url.scheme or 'no scheme'}:// instead of postgres://", remedy)
    hosts = url.netloc.rpartition("@")[2]
    if not hosts and "host=" not in url.query:
        raise Unreadable("names no host", remedy)
    if not all(re.fullmatch(r"(\[[^\]]+\]|[^:\[\]]*)(:[0-9]{1,5})?", part) for part in hosts.split(",")):
        raise Unreadable("has a host or port that cannot be read", f"{remedy}; characters like @ : / in a password are written %40 %3A %2F")
    if not url.path.strip("/"):
        raise Unreadable("names no database", remedy)
    return text


def web_address(example: str, *, user: bool = False) -> Callable[[str], str]:
    """An http(s) URL, or nothing. Not echoed: it may hold a key."""

    def read(text: str) -> str:
        if not text:
            return ""
        try:
            url = urlsplit(text)
            good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:
            good, url = False, urlsplit("")
        if not good or (user and not (url.username and url.path.strip("/"))):
            raise Unreadable("is not an address of that kind", f"Set it like {example}, or leave it empty to switch it off")
        return text

    return read


class Secret(msgspec.Struct, frozen=True):
    """A secret and the id by which what it signed names it. Never shown."""

    id: str
    text: str

    def __repr__(self) -> str:
        return f"Secret({self.id}: hidden)"

    def key(self, purpose: str) -> bytes:
        """The key for one purpose; knowing it tells nothing of the secret or of other keys."""
        return hmac.digest(self.text.encode(), b"souk key for " + purpose.encode(), hashlib.sha256)


def secret(text: str) -> Secret:
    """`id:secret`, or a secret alone, whose id is then made from it."""
    named = re.fullmatch(r"([A-Za-z0-9_-]{1,16}):(.+)", text)
    if named:
        return Secret(named[1], named[2])
    if ":" in text:
        raise Unreadable("has an id that cannot be read", "Write it as id:secret, where the id is 1 to 16 letters, digits, _ or -")
    return Secret(hmac.digest(text.encode(), b"souk key id", hashlib.sha256).hex()[:8], text)


def secrets(text: str) -> tuple[Secret, ...]:
    """Any number of secrets with commas between them, each with an id of its own."""
    found = tuple(secret(part.strip()) for part in text.split(",") if part.strip())
    if len({known.id for known in found}) < len(found):
        raise Unreadable("gives one id to two secrets", "Give each secret an id of its own, or none")
    return found


# The settings


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


class Settings(Declared, frozen=True):
    """What the engine itself needs to know."""

    env: Annotated[
        Literal["development", "production", "test"],
        Variable(
            "SOUK_ENV",
            "What this instance is for. Production refuses development secrets and has no development routes.",
            one_of("development", "production", "test"),
            "development",
            "development, production or test",
        ),
    ]
    home: Annotated[Path, Variable("SOUK_HOME", "Where data lives: the embedded database, files, locks.", folder, ".souk", "a folder")]
    host: Annotated[
        str,
        Variable(
            "SOUK_HOST", "The address to listen on; 0.0.0.0 is every address of the machine.", host, "127.0.0.1", "a name or an address"
        ),
    ]
    port: Annotated[int, Variable("SOUK_PORT", "The port to listen on; 0 takes a free one.", whole(0, 65535), "8000", "0 to 65535")]
    database_url: Annotated[
        str,
        Variable(
            "SOUK_DATABASE_URL",
            "The PostgreSQL server (15 or newer) and database to use. Empty starts the embedded one.",
            database,
            accepts="postgres://user:password@host:5432/database",
        ),
    ]
    database_prepared: Annotated[
        bool,
        Variable(
            "SOUK_DATABASE_PREPARED",
            "Whether statements stay prepared. Switch it off behind a PgBouncer that cannot keep prepared statements.",
            switch,
            "on",
            "on or off",
        ),
    ]
    secret: Annotated[
        Secret,
        Variable(
            "SOUK_SECRET",
            "The secret that signs tokens, links and cookies. Required in production; development and tests have one of their own.",
            secret,
            DEVELOPMENT_SECRET,
            "at least 32 random characters, alone or as id:secret",
            secret=True,
        ),
    ]
    secret_previous: Annotated[
        tuple[Secret, ...],
        Variable(
            "SOUK_SECRET_PREVIOUS",
            "Secrets that no longer sign but are still believed. To rotate: move the value of SOUK_SECRET here, unchanged, "
            "and give SOUK_SECRET a new one.",
            secrets,
            accepts="secrets like SOUK_SECRET, with commas between them",
            secret=True,
        ),
    ]
    markets: Annotated[
        tuple[str, ...],
        Variable(
            "SOUK_MARKETS",
            "The markets to serve. Empty serves every market that is installed.",
            names,
            accepts="names, with commas between them",
        ),
    ]
    pool_size: Annotated[
        int,
        Variable("SOUK_POOL_SIZE", "How many database connections each market may hold in one process.", whole(1, 500), "10", "1 to 500"),
    ]
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Variable(
            "SOUK_LOG_LEVEL",
            "The least severe lines that are written.",
            one_of("debug", "info", "warning", "error"),
            "info",
            "debug, info, warning or error",
        ),
    ]
    log_format: Annotated[
        Literal["auto", "json", "console"],
        Variable(
            "SOUK_LOG_FORMAT",
            "How lines look: JSON for machines, console for people. auto is JSON in production and console elsewhere.",
            one_of("auto", "json", "console"),
            "auto",
            "auto, json or console",
        ),
    ]
    sentry_dsn: Annotated[
        str,
        Variable(
            "SOUK_SENTRY_DSN",
            "Where unexpected errors are reported, without personal data. Empty reports nowhere. Needs the extra `sentry`.",
            web_address("https://key@sentry.example.com/1", user=True),
            accepts="https://key@host/project",
            secret=True,
        ),
    ]
    otlp_endpoint: Annotated[
        str,
        Variable(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "Where traces are sent by OTLP over HTTP. Empty traces nothing. Needs the extra `traces`, which also reads "
            "OpenTelemetry's own variables (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, …).",
            web_address("http://127.0.0.1:4318"),
            accepts="http://host:4318",
        ),
    ]

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def log_json(self) -> bool:
        return self.log_format == "json" or (self.log_format == "auto" and self.production)

    def key(self, purpose: str) -> bytes:
        """The key that signs for one purpose today, for example `key("jwt")`."""
        return self.secret.key(purpose)

    def keys(self, purpose: str) -> dict[str, bytes]:
        """Every key that is believed for one purpose, by its secret's id: today's first, then the previous ones."""
        return {known.id: known.key(purpose) for known in (self.secret, *self.secret_previous)}

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> list[Problem]:
        current: Secret | None = values.get("secret")
        previous: tuple[Secret, ...] = values.get("secret_previous", ())
        problems = []
        if current is not None and any(current.id == old.id and current.text != old.text for old in previous):
            problems.append(
                Problem("SOUK_SECRET_PREVIOUS", f"gives a second secret to the id {current.id}", "Give the new SOUK_SECRET another id")
            )
        if values.get("env") == "production":
            known = [("SOUK_SECRET", current), *(("SOUK_SECRET_PREVIOUS", old) for old in previous)]
            problems += [Problem(name, weak, f"Make one with: {NEW_SECRET}") for name, one in known if one and (weak := weakness(one))]
        return problems


def weakness(known: Secret) -> str:
    """What makes a secret unfit for production, or nothing."""
    if known.text == DEVELOPMENT_SECRET:
        return "is missing, and production has no default secret"
    if len(known.text) < SECRET_LENGTH:
        return f"is too short for production: {len(known.text)} characters instead of at least {SECRET_LENGTH}"
    if len(set(known.text)) < SECRET_VARIETY or any(word in known.text.lower() for word in PLACEHOLDERS):
        return "is easily guessed, so production refuses it"
    return ""


def misspelt(environ: Mapping[str, str]) -> list[Problem]:
    """Variables that look like settings and are none: nearly always a slip of the finger that would go unnoticed."""
    known = sorted(variable.name for kind in Declared.kinds for variable in kind.variables().values())
    problems = []
    for name in sorted(environ):
        if name in known or not name.startswith("SOUK_") or name.startswith(FOREIGN):
            continue
        near = get_close_matches(name, known, 1, 0.7)
        remedy = f"Did you mean {near[0]}? Rename it, or unset it" if near else "Unset it; docs/settings.md lists every setting"
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
