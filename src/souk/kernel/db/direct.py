"""A connection of one's own, past the pool: for migrations, checks and whatever else an administrator does.

It goes to the server itself, not through a PgBouncer, and nothing on a request's path uses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from souk.kernel.db.connection import Connection
from souk.kernel.db.errors import DatabaseUnavailable
from souk.kernel.db.pool import prepare_codecs

DatabaseError: TypeAlias = asyncpg.PostgresError
"""What the server said was wrong."""

NotPermitted: TypeAlias = asyncpg.InsufficientPrivilegeError

CONNECT_SECONDS: Final = 10.0


@asynccontextmanager
async def direct(dsn: str) -> AsyncIterator[Connection]:
    """A connection for the length of a block. Statements may take as long as they take."""
    try:
        raw = await asyncpg.connect(
            dsn, timeout=CONNECT_SECONDS, statement_cache_size=0, server_settings={"application_name": "souk admin", "jit": "off"}
        )
    except OSError as error:
        raise DatabaseUnavailable from error
    try:
        await prepare_codecs(raw)
        yield Connection(raw)
    finally:
        await raw.close(timeout=5)


@asynccontextmanager
async def transaction(connection: Connection) -> AsyncIterator[None]:
    """One transaction on a connection of one's own."""
    await connection.execute("begin")
    try:
        yield
    except BaseException:
        if connection.usable():
            await connection.execute("rollback")
        raise
    await connection.execute("commit")


def line_of(error: DatabaseError, sql: str) -> int | None:
    """The line of a script that the server complains of, where it says so."""
    position = getattr(error, "position", None)
    return sql.count("\n", 0, int(position) - 1) + 1 if position else None
