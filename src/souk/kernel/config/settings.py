"""The engine's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from souk.kernel.config.declare import Declared, Problem, Variable
from souk.kernel.config.values import (
    Network,
    Secret,
    database,
    folder,
    host,
    names,
    networks,
    one_of,
    secret,
    secrets,
    switch,
    web_address,
    whole,
)

DEVELOPMENT_SECRET: Final = "souk-development-secret-0123456789-not-for-production"  # noqa: S105 - refused in production
SECRET_LENGTH: Final = 32
SECRET_VARIETY: Final = 8
PLACEHOLDERS: Final = ("souk-development", "changeme", "change-me", "change_me", "example", "placeholder")
NEW_SECRET: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105 - a command that makes one


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
    public_url: Annotated[
        str,
        Variable(
            "SOUK_PUBLIC_URL",
            "Where this instance is reached from outside: links in mail begin with it. Empty is http:// with host and port.",
            web_address("https://market.example.com"),
            accepts="https://host",
        ),
    ]
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
            "The markets to serve. Empty serves every market that is installed. One of your own is named by the module that declares it, "
            "which is also looked for in the working directory.",
            names,
            accepts="names or module:NAME, with commas between them",
        ),
    ]
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Variable(
            "SOUK_TRUSTED_PROXIES",
            "The proxies in front, whose X-Forwarded-For is believed. Without them every caller behind one counts as one address.",
            networks,
            accepts="addresses or networks like 10.0.0.0/8, with commas between them",
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
    def reached_at(self) -> str:
        """Where links lead that are sent out."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

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
