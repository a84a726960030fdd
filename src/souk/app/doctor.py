"""`souk doctor`: what this machine and this configuration lack, and how to mend it. It changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from souk.app.choosing import chosen_markets
from souk.app.opened import sources_of
from souk.kernel.assembly import Market
from souk.kernel.config import DEVELOPMENT_SECRET, ConfigError, Settings, without_password
from souk.kernel.db import DatabaseUnavailable, only, values
from souk.kernel.db.connection import Connection
from souk.kernel.db.direct import DatabaseError, direct
from souk.kernel.migrate import MigrationError, plan
from souk.kernel.migrate.provision import NEEDED
from souk.kernel.postgres import CannotServe, serve
from souk.kernel.postgres.account import account_for
from souk.kernel.postgres.programs import find
from souk.modules import mail

OLDEST_PYTHON: Final = (3, 11)
OLDEST_SERVER: Final = 15
ROOM: Final = 500 << 20
"""Bytes that should be free: a fresh database takes 40 MB, its logs of changes up to ten times that."""


MAIL_SECONDS: Final = 5.0


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: whether it is right, and otherwise what to do."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


class ServerState(msgspec.Struct, frozen=True):
    """What a server says of itself and of who asks."""

    version: int
    connections: int
    makes_roles: bool
    makes_schemas: bool


SERVER = only(
    ServerState,
    """select current_setting('server_version_num')::int / 10000 as "version!", current_setting('max_connections')::int as "connections!",
              (select rolcreaterole or rolsuper from pg_roles where rolname = current_user) as "makes_roles!",
              has_database_privilege(current_database(), 'create') as "makes_schemas!\"""",
)
OFFERED = values(str, 'select name::text as "name!" from pg_available_extensions where name = any($1::text[])')


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a start needs, in the order in which a start needs it."""
    try:
        markets = chosen_markets(settings)
    except ConfigError as error:
        return unreadable(error)
    return [
        python(),
        *settings_findings(settings),
        *extras(settings),
        *home(settings.home),
        port(settings),
        *letters(settings, markets, os.environ),
        *(database_elsewhere(settings, markets) if settings.database_url else database_embedded(settings, markets)),
    ]


def unreadable(error: ConfigError) -> list[Finding]:
    """What keeps the settings from being used at all."""
    return [Finding(problem.variable, ok=False, detail=problem.wrong, remedy=problem.remedy) for problem in error.problems]


def python() -> Finding:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info[:2] >= OLDEST_PYTHON, version, "install Python 3.11 or newer and run `make up` with it")


def settings_findings(settings: Settings) -> Iterator[Finding]:
    """What the environment decides; that it can be read is known by now."""
    usual = [text for _, text in Settings.load({}).shown()]
    own = [f"{variable.name}={text}" for (variable, text), default in zip(settings.shown(), usual, strict=True) if text != default]
    yield Finding("Settings", ok=True, detail=f"{settings.env}; {', '.join(own) or 'all as usual'}")
    known = settings.secret.text == DEVELOPMENT_SECRET
    detail = "the development secret, which everybody knows" if known else "your own"
    yield Finding("Secret", ok=not (known and settings.production), detail=detail, remedy="set SOUK_SECRET to 32 random characters or more")


def extras(settings: Settings) -> Iterator[Finding]:
    """Optional packages: needed only by the setting that uses them."""
    for extra, package, wanted in (("sentry", "sentry_sdk", settings.sentry_dsn), ("traces", "opentelemetry", settings.otlp_endpoint)):
        there = importlib.util.find_spec(package) is not None
        detail = ("installed" if there else "not installed") + (", configured" if wanted else ", not configured")
        yield Finding(f"Extra {extra}", there or not wanted, detail, f"install souk[{extra}], or unset what configures it")


def home(folder: Path) -> Iterator[Finding]:
    """Where data goes."""
    folder = folder.absolute()
    existing = next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110 - Path's raises where one may not look
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    remedy = "set SOUK_HOME to a folder that you may write to"
    yield Finding("Home", writable, f"{folder}{'' if writable else f': {existing} cannot be written to'}", remedy)
    free = shutil.disk_usage(existing).free
    yield Finding("Disk", free >= ROOM, f"{free >> 20} MB free", f"make room: {ROOM >> 20} MB, or set SOUK_HOME to another disk")


def port(settings: Settings) -> Finding:
    """Whether the address is free, or Souk's already."""
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        if answers(settings):
            return Finding("Port", ok=True, detail=f"Souk is running on {where}")
        return Finding(
            "Port", ok=False, detail=f"{where}: {error.strerror}", remedy="stop what uses it, or set SOUK_PORT (SOUK_HOST) to another"
        )
    return Finding("Port", ok=True, detail=f"{where} is free")


def answers(settings: Settings) -> bool:
    """Whether it is Souk that holds the port."""
    with contextlib.closing(http.client.HTTPConnection(settings.host, settings.port, timeout=2)) as connection:
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def letters(settings: Settings, markets: Sequence[Market], environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether letters can leave."""
    if not any(module.name == mail.MODULE.name for market in markets for module in market.modules):
        return
    try:
        own = mail.MailSettings.load(environ)
    except ConfigError as error:
        yield from unreadable(error)
        return
    if own.server is None:
        where = mail.NOWHERE if settings.production else "letters stay here, at <base>/dev/mail"
        yield Finding("Mail", not settings.production, where, "set SOUK_MAIL_URL to your mail server, and SOUK_MAIL_FROM")
        return
    try:
        asyncio.run(mail.Smtp(own.server, step=MAIL_SECONDS, whole=MAIL_SECONDS).greet())
        yield Finding("Mail", ok=True, detail=f"{own.server} answers")
    except mail.TryLater as error:
        yield Finding("Mail", ok=False, detail=f"{own.server}: {error}", remedy="start the mail server, or mend SOUK_MAIL_URL")


def database_embedded(settings: Settings, markets: Sequence[Market]) -> Iterator[Finding]:
    """The server that Souk brings along. It is not made here, and started only when it has data."""
    folder = settings.home.absolute() / "postgres"
    try:
        programs = find()
        yield Finding("PostgreSQL programs", ok=True, detail=f"{programs.version} in {programs.folder}")
        account_for(folder / "data")
        if not (folder / "data").exists():
            yield Finding("Database", ok=True, detail="none yet; the first `souk up` makes it")
            return
        with serve(settings.home) as server:
            yield from asyncio.run(database(server.dsn, settings, markets))
    except CannotServe as error:
        yield Finding("Database", ok=False, detail=error.problem, remedy=error.remedy)


def database_elsewhere(settings: Settings, markets: Sequence[Market]) -> Iterator[Finding]:
    """The server of SOUK_DATABASE_URL."""
    yield from asyncio.run(database(settings.database_url, settings, markets))


async def database(dsn: str, settings: Settings, markets: Sequence[Market]) -> list[Finding]:
    """Whether a server can be reached, and what it can do."""
    try:
        async with direct(dsn) as connection:
            found = await server_findings(connection, settings, max(1, len(markets)))
    except (DatabaseUnavailable, DatabaseError) as error:
        why = error.__cause__ or error
        remedy = "start the server, or mend SOUK_DATABASE_URL"
        return [Finding("Database", ok=False, detail=f"{without_password(dsn)}: {why}", remedy=remedy)]
    for market in markets:
        found.append(await migrations(dsn, market))
    return found


async def server_findings(connection: Connection, settings: Settings, markets: int) -> list[Finding]:
    """Version, extensions, rights, connections."""
    server = await connection.run(SERVER, ())
    offered = await connection.run(OFFERED, ([*NEEDED],))
    lacking = [name for name in NEEDED if name not in offered]
    wanted = settings.pool_size * markets + 5
    return [
        Finding("Database", server.version >= OLDEST_SERVER, f"PostgreSQL {server.version}", "use PostgreSQL 15 or newer"),
        Finding(
            "Extensions",
            not lacking,
            "all there" if not lacking else f"missing: {', '.join(lacking)}",
            "install PostgreSQL's contrib package",
        ),
        Finding(
            "Rights",
            server.makes_roles and server.makes_schemas,
            "may make roles and schemas" if server.makes_roles and server.makes_schemas else "may not make roles and schemas",
            "as a superuser: alter role <user> createrole; grant create on database <database> to <user>",
        ),
        Finding(
            "Connections",
            server.connections >= wanted,
            f"{server.connections} allowed, up to {wanted} used by one process",
            "raise max_connections, lower SOUK_POOL_SIZE, or put PgBouncer in between",
        ),
    ]


async def migrations(dsn: str, market: Market) -> Finding:
    """Whether a market's schema is what this code expects."""
    name = f"Market {market.name}"
    try:
        missing = await plan(dsn, market.name, sources_of(market))
    except (MigrationError, DatabaseError) as error:
        return Finding(name, ok=False, detail=str(error), remedy="see `souk migrate --plan`")
    detail = f"{len(missing)} migrations to run" if missing else "its schema is up to date"
    return Finding(name, not missing, detail, "run `souk migrate` (`souk up` does it by itself)")
