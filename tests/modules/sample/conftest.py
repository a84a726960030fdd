"""The sample market at work: its tables, its messages, a worker, and people who may sign in."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import Actor
from souk.kernel.http.paging import CursorPage, CursorPaging
from souk.kernel.messages import Catalogue, Outbox, Worker
from souk.kernel.migrate import Source, kernel_sources
from souk.markets.sample import SAMPLE
from souk.modules.sample import MODULE, Message, NewMessage, NewOrder, Order
from souk.modules.sample.commands import access_order, messages_of, place, post
from souk.modules.sample.model import person


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source(MODULE.name, MODULE.migrations))


@pytest.fixture
def database(pool: Pool, clock: Clock) -> Database:
    catalogue = Catalogue(SAMPLE.modules)
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


@pytest.fixture
def worker(database: Database) -> Worker:
    """Run what is due with `await worker.drain()`."""
    return Worker(database, Catalogue(SAMPLE.modules))


class Shop:
    """Ada, who orders, Bo, who provides, and Cy, who has nothing to do with either."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ada, self.bo, self.cy = (actor(name) for name in ("Ada", "Bo", "Cy"))

    async def order(self, title: str = "Paint the fence", *, by: Actor | None = None, provider: UUID | None = None) -> Order:
        """An order of Ada's with Bo, unless said otherwise."""
        wanted = NewOrder(provider or self.bo.id, title, 12500, "EUR")
        return await self.database.write(lambda tx: place(tx, by or self.ada, wanted))

    async def say(self, by: Actor, order: Order | UUID, text: str) -> Message:
        """Write about an order."""
        order_id = order if isinstance(order, UUID) else order.id
        return await self.database.write(lambda tx: post(tx, by, order_id, NewMessage(text)))

    async def see(self, by: Actor, order: Order) -> Order:
        """What a person sees of an order."""
        return await self.database.read(lambda tx: access_order(tx, by, order.id))

    async def read(self, by: Actor, order: Order, cursor: str = "", limit: int = 20) -> CursorPage[Message]:
        """What a person sees of the conversation."""
        return await self.database.read(lambda tx: messages_of(tx, by, order.id, CursorPaging(cursor=cursor, limit=limit)))


def actor(name: str, role: str = "customer") -> Actor:
    return Actor(person(name), frozenset({role}), uuid4(), SAMPLE.name)


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)
