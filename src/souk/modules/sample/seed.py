"""Demo data: Ada, a customer, and Bo, a provider, with an order that waits and one they write about."""

from __future__ import annotations

from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import Actor, Paging
from souk.kernel.ids import new_id
from souk.modules.sample import commands
from souk.modules.sample.model import NewMessage, NewOrder, person

TITLES: Final = ("Paint the fence", "Repair the roof")


async def seed(tx: Tx, _market: Market) -> None:
    """Fill an empty sample; what is there stays."""
    ada = Actor(person("Ada"), frozenset({"customer"}), new_id(), "sample")
    if (await commands.orders_of(tx, ada, None, Paging(limit=1))).items:
        return
    orders = [await commands.place(tx, ada, NewOrder(person("Bo"), title, 12500, "EUR")) for title in TITLES]
    await commands.post(tx, ada, orders[0].id, NewMessage("Is Tuesday all right?"))
