"""A market's place in a database: its schema, its runtime role, what that role may do, and the extensions all share.

The administrator who migrates owns everything; the runtime role reads and writes rows, and can neither change the schema
nor forge its migrations. The administrator needs no superuser: to own the database (or be granted `create` on it) and
`createrole` are enough. Doing it again changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from souk.kernel.db import many, only
from souk.kernel.db.connection import Connection
from souk.kernel.db.direct import DatabaseError
from souk.kernel.migrate.errors import CannotProvision

MARKET: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
LONGEST: Final = 63
"""PostgreSQL cuts longer names without a word."""

SHARED: Final = "extensions"
NEEDED: Final = ("btree_gist", "pg_trgm", "citext", "unaccent", "cube")
WELCOME: Final = ("earthdistance",)
"""Extensions that only some servers let an ordinary administrator create."""

SETTINGS: Final = (
    ("statement_timeout", "10s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("jit", "off"),
    ("timezone", "UTC"),
)
"""What every session of a runtime role starts with. They belong to the role, because a pool behind PgBouncer can set nothing."""


class Extension(msgspec.Struct, frozen=True):
    """An extension that the server offers, and the schema it already stands in."""

    name: str
    schema: str | None


EXTENSIONS = many(
    Extension,
    """select a.name::text as "name!", n.nspname::text as schema from pg_available_extensions a
       left join pg_extension e on e.extname = a.name left join pg_namespace n on n.oid = e.extnamespace
       where a.name = any($1::text[])""",
)
DATABASE = only(str, 'select current_database()::text as "current_database!"')
ROLE_EXISTS = only(bool, 'select exists (select from pg_roles where rolname = $1) as "exists!"')
WAIT_FOR_PROVISIONING = only(bool, """select pg_advisory_xact_lock(hashtextextended('souk provision', 0)) is not null as "locked!\"""")


def role_name(database: str, market: str) -> str:
    """The runtime role of a market. Roles belong to the whole cluster, so the name carries the database."""
    name = f"{database}_{market}"
    if len(name.encode()) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name.encode()[: LONGEST - 13].decode(errors='ignore')}_{digest}"


def market_dsn(admin_dsn: str, market: str, secret: str) -> str:
    """The administrator's DSN with the market's runtime role and its password in place of his."""
    parts = urlsplit(admin_dsn)
    role = role_name(database_of(admin_dsn), market)
    place = parts.netloc.rpartition("@")[2]
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if k not in ("user", "password")], safe="/,")
    return urlunsplit(parts._replace(netloc=f"{quote(role, safe='')}:{password(role, secret)}@{place}", query=query))


def database_of(dsn: str) -> str:
    """The database that a DSN names; it has to, because roles are named after it."""
    name = urlsplit(dsn).path.removeprefix("/")
    if not name:
        raise ValueError("the database URL names no database: write postgres://user@host:5432/<database>")
    return name


def password(role: str, secret: str) -> str:
    """The role's password: made from `SOUK_SECRET`, so it is stored nowhere and every process knows it."""
    return base64.urlsafe_b64encode(_keyed(secret, f"souk role {role}")).decode().rstrip("=")


def check_market(name: str) -> None:
    """Names become schemas and parts of roles and URLs: small letters, digits and `_`."""
    if not MARKET.fullmatch(name) or name in (SHARED, "public") or name.startswith("pg_"):
        raise CannotProvision(
            f"{name!r} cannot be a market's name: a letter, then small letters, digits and _, at most 40, no reserved word."
        )


async def provision(connection: Connection, market: str, secret: str) -> str:
    """Make what is missing, inside the caller's transaction, and answer the search path."""
    check_market(market)
    database = await connection.run(DATABASE, ())
    role = role_name(database, market)
    try:
        await connection.run(WAIT_FOR_PROVISIONING, ())
        path = ", ".join((ident(market), *await _extensions(connection)))
        if not await connection.run(ROLE_EXISTS, (role,)):
            await connection.execute(f"create role {ident(role)} login")
        await connection.execute(f"alter role {ident(role)} password {literal(verifier(role, secret))}")
        await connection.execute(schema_script(market, role) + settings_script(role, database, path))
    except DatabaseError as error:
        raise CannotProvision(f"market {market} cannot be set up in database {database}: {error}. {REMEDY}") from error
    return path


REMEDY: Final = (
    "The user of SOUK_DATABASE_URL has to own the database and have CREATEROLE "
    "(alter role … createrole; alter database … owner to …), and, from PostgreSQL 16 on, ADMIN OPTION on roles made by another."
)


def schema_script(market: str, role: str) -> str:
    """The schema, the table of migrations, and what the runtime role may do with what will stand there."""
    schema, runtime = ident(market), ident(role)
    return f"""
        revoke create on schema public from public;
        create schema if not exists {schema};
        grant usage on schema {schema}, {SHARED} to {runtime};
        alter default privileges in schema {schema} grant select, insert, update, delete on tables to {runtime};
        alter default privileges in schema {schema} grant usage, select on sequences to {runtime};
        alter default privileges in schema {schema} grant execute on functions to {runtime};
        create table if not exists {schema}.migrations (
            source text not null,
            file text not null,
            checksum text not null,
            applied_at timestamptz not null default clock_timestamp(),
            primary key (source, file)
        );
        revoke all on {schema}.migrations from {runtime};
        grant select on {schema}.migrations to {runtime};
    """  # noqa: S608 - names cannot be parameters; `ident` quotes them


def settings_script(role: str, database: str, path: str) -> str:
    """The settings of a runtime role in one database."""
    settings = [*SETTINGS, ("search_path", path)]
    head = f"alter role {ident(role)} in database {ident(database)} set"
    return "".join(f"{head} {name} = {value if name == 'search_path' else literal(value)};\n" for name, value in settings)


async def _extensions(connection: Connection) -> list[str]:
    """Create the extensions that are missing, and answer the schemas in which they all stand."""
    await connection.execute(f"create schema if not exists {SHARED}")
    offered = {extension.name: extension.schema for extension in await connection.run(EXTENSIONS, ([*NEEDED, *WELCOME],))}
    schemas = {SHARED: None}
    for name in (*NEEDED, *WELCOME):
        if name not in offered:
            if name in NEEDED:
                raise CannotProvision(f"the server does not have the extension {name}: install PostgreSQL's contrib package.")
        elif (standing := offered[name]) is not None:
            schemas[standing] = None
        else:
            await _create_extension(connection, name)
    return [ident(schema) for schema in schemas]


async def _create_extension(connection: Connection, name: str) -> None:
    await connection.execute("savepoint extension")
    try:
        await connection.execute(f"create extension {name} schema {SHARED}")
    except DatabaseError as error:
        if name in NEEDED:
            raise CannotProvision(
                f"the extension {name} cannot be created ({error}). Ask an administrator to run: create extension {name} schema {SHARED}"
            ) from error
        await connection.execute("rollback to savepoint extension")


def ident(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def verifier(role: str, secret: str) -> str:
    """What the server keeps of the password (SCRAM, RFC 5803): so the password itself is in no statement and no server log."""
    salt = _keyed(secret, f"souk salt {role}")[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password(role, secret).encode(), salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256$4096:{salt_text}${stored_text}:{server_text}"


def _keyed(secret: str, text: str) -> bytes:
    return hmac.digest(secret.encode(), text.encode(), "sha256")
