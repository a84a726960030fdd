"""A market that has nothing but the audit log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import Actor
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import Source, kernel_sources
from souk.modules.audit import MODULE, Head, Report, Sealer, record, seal, verify

OLD, KEY = b"o" * 32, b"k" * 32


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source(MODULE.name, MODULE.migrations))


@pytest.fixture
def database(pool: Pool, clock: Clock) -> Database:
    catalogue = Catalogue([MODULE])
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


def actor(role: str = "staff") -> Actor:
    return Actor(uuid4(), frozenset({role}), uuid4(), "sample")


class Log:
    """The audit log at work, and somebody who owns its tables and changes them behind its back."""

    def __init__(self, database: Database, admin_dsn: str) -> None:
        self.database = database
        self.sealer = Sealer({"today": KEY})
        self.admin_dsn = admin_dsn
        self.staff = actor()

    async def note(self, action: str = "user.suspended", entity: str = "user", about: UUID | None = None, **how: Any) -> UUID:
        """One entry; what it is about."""
        thing = about or uuid4()
        by = how.pop("by", self.staff)
        await self.database.write(lambda tx: record(tx, action, entity, thing, by=by, **how))
        return thing

    async def sealed(self) -> None:
        """Seal until nothing waits. Any transaction on the server, of other tests too, may hold it up for a moment."""
        deadline = time.monotonic() + 60
        while await self.ask("select count(*) from audit_unsealed"):
            await self.database.write(lambda tx: seal(tx, self.sealer))
            assert time.monotonic() < deadline, "it was never sealed"
            await asyncio.sleep(0.01)

    async def filled(self, many: int) -> list[UUID]:
        """So many entries, sealed; what they are about, in the chain's order."""
        for number in range(many):
            await self.note("order.paid", "order", before={"total": number}, after={"total": number + 1})
        await self.sealed()
        return [
            row[0] for row in await self.rows("select e.id from audit_seals s join audit_entries e on e.id = s.entry_id order by position")
        ]

    async def verify(self, since: Head | None = None) -> Report:
        return await verify(self.database, self.sealer, since=since)

    async def findings(self, since: Head | None = None) -> list[str]:
        """What a verification finds, each as its kind and position."""
        return [f"{found.kind} {found.position}" for found in (await self.verify(since)).findings]

    async def ask(self, sql: str, *args: object) -> Any:
        return (await self.rows(sql, *args))[0][0]

    async def rows(self, sql: str, *args: object) -> list[Any]:
        async with self.owner() as connection:
            return list(await connection.fetch(sql, *args))

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """The owner of the tables, whom no trigger and no foreign key holds back."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute("set search_path to sample; set session_replication_role = replica")
            yield connection
        finally:
            await connection.close()

    async def tamper(self, *statements: str) -> None:
        """Change the tables behind the log's back."""
        async with self.owner() as connection:
            for statement in statements:
                done = await connection.execute(statement)
                assert not done.endswith(" 0"), f"nothing was changed: {statement}"


@pytest.fixture
def log(database: Database, admin_dsn: str) -> Log:
    return Log(database, admin_dsn)
