"""Demo data: enough to look at, and only where there is nothing yet."""

from __future__ import annotations

from souk.kernel.db import Database, Tx
from souk.kernel.http.paging import Paging
from souk.kernel.messages import Worker
from souk.markets.sample import SAMPLE
from souk.modules.sample import MODULE, OrderState
from souk.modules.sample.commands import orders_of
from tests.modules.sample.conftest import Shop


async def fill(tx: Tx) -> None:
    assert MODULE.seed is not None
    await MODULE.seed(tx, SAMPLE)


async def test_an_empty_sample_is_filled_once(shop: Shop, database: Database, worker: Worker) -> None:
    for _ in range(2):
        await database.write(fill)
    await worker.drain()
    found = await database.read(lambda tx: orders_of(tx, shop.ada, None, Paging()))
    assert sorted((order.title, order.state) for order in found.items) == [
        ("Paint the fence", OrderState.ACTIVE),
        ("Repair the roof", OrderState.OPEN),
    ]


async def test_what_is_there_stays(shop: Shop, database: Database) -> None:
    placed = await shop.order("Mow the lawn")
    await database.write(fill)
    found = await database.read(lambda tx: orders_of(tx, shop.ada, None, Paging()))
    assert [order.id for order in found.items] == [placed.id]
