"""A database for a while: made on a server that is there, and gone with the block that used it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from souk.kernel.db.direct import DatabaseError, direct
from souk.kernel.migrate.errors import CannotProvision
from souk.kernel.migrate.provision import ident, role_name


@asynccontextmanager
async def temporary_database(admin_dsn: str, *markets: str) -> AsyncIterator[str]:
    """The DSN of a new and empty database, which is dropped afterwards together with the roles of these markets in it.

    A crash of the machine may lose what was written last: nobody keeps it anyway.
    """
    name = f"souk_while_{uuid4().hex[:12]}"
    async with direct(admin_dsn) as connection:
        try:
            await connection.execute(f"create database {ident(name)}")
        except DatabaseError as error:
            raise CannotProvision(f"no temporary database can be made: {error}. The user of SOUK_DATABASE_URL needs CREATEDB.") from error
        try:
            await connection.execute(f"alter database {ident(name)} set synchronous_commit = off")
            yield urlunsplit(urlsplit(admin_dsn)._replace(path=f"/{name}"))
        finally:
            await connection.execute(f"drop database {ident(name)} with (force)")
            for market in markets:
                await connection.execute(f"drop role if exists {ident(role_name(name, market))}")
