"""A market that has nothing but the ledger, and people with money in it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Query
from souk.kernel.messages import Catalogue, Event, Outbox, event
from souk.kernel.migrate import Source, kernel_sources
from souk.modules.ledger import CRD, EUR, MODULE, USD, Account, Movement, Owner, Posted, Purpose, Wallet, post, transfer, wallet

__all__ = ["CRD", "EUR", "USD"]

WORLD = Purpose("world", Owner.EXTERNAL, hot=True)
"""Where money comes from and goes to."""

HERE = Path(__file__).parent


@event("test.moved")
class Moved(Event):
    """Something moved."""

    about: UUID


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source(MODULE.name, MODULE.migrations))


@pytest.fixture
def database(pool: Pool, clock: Clock) -> Database:
    catalogue = Catalogue([MODULE])
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Books:
    """The ledger at work."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def post(self, movement: Movement, *events: Event) -> Posted:
        """Carry out a movement by itself, as most are."""
        return await self.database.write(lambda tx: post(tx, movement, *events, last=True))

    async def give(self, account: Account, amount: int) -> Posted:
        """Money from the world outside."""
        movement = transfer(f"gift {uuid4()}", "gift", WORLD.of(account.asset), [(account, amount)])
        return await self.post(movement)

    async def wallet(self, account: Account) -> Wallet:
        return await self.database.read(lambda tx: wallet(tx, account))

    async def has(self, account: Account) -> tuple[int, int]:
        """What is available, and what is on hold."""
        found = await self.wallet(account)
        assert found.total == found.available + found.on_hold
        return found.available, found.on_hold

    async def ask(self, query: Query[Any], *args: object) -> Any:
        return await self.database.read(lambda tx: tx.run(query, *args))

    def now(self) -> datetime:
        return self.database.clock.now()


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)
