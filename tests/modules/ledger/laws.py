"""The laws of the ledger, asked of a database."""

from __future__ import annotations

import asyncpg

from souk.modules.ledger import MODULE


async def broken_laws(admin_dsn: str, schema: str = "sample") -> list[str]:
    """The sentences of the laws that do not hold."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f"set search_path to {schema}")
        return await broken_on(connection)
    finally:
        await connection.close()


async def broken_on(connection: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    """The same as an open transaction sees it."""
    assert len(MODULE.laws) >= 10
    return [law.sentence for law in MODULE.laws if await connection.fetch(law.query.sql)]
