"""`souk` with a sample market in which money moves: customers hold it and pay it in over HTTP, the worker pays the provider with it.

python -m tests.app.shop up
"""

from __future__ import annotations

import sys
from typing import Final

import msgspec

from bench import till
from bench.till import FEE, MARKET, WORLD, MoneyHeld, NewHold, held
from souk.kernel.assembly import module
from souk.kernel.db import Tx
from souk.kernel.http.guards import Actor
from souk.kernel.http.operation import operation
from souk.kernel.ids import new_id
from souk.kernel.messages import on
from souk.kernel.record import Record
from souk.modules import ledger
from souk.modules.ledger import EUR, WALLET
from souk.modules.sample import CUSTOMER
from souk.modules.sample.model import person

PAYEE: Final = person("the provider")


class Gift(Record):
    """Money from the world."""

    id: str


@operation("POST", "/gifts", who=CUSTOMER, status=201, idempotent=True, example={"amount": 100})
async def receive_gift(tx: Tx, by: Actor, body: NewHold) -> Gift:
    """Take money from the world."""
    movement = ledger.transfer(f"gift {new_id()}", "gift", WORLD.of(EUR), [(WALLET.of(EUR, by.id), body.amount)])
    return Gift(str((await ledger.post(tx, movement, last=True)).journal))


@on(MoneyHeld)
async def pay(tx: Tx, fact: MoneyHeld) -> None:
    """Pay the provider with what is held; half of what is more than a little goes back."""
    hold_id = held(fact.payer_id, fact.order_id, fact.amount)[0].hold_id
    paid = ledger.capture(f"order {fact.order_id} paid", "order.paid", hold_id, [(WALLET.of(EUR, PAYEE), fact.amount - fact.amount // 2)])
    await ledger.post(tx, paid)


SHOP: Final = msgspec.structs.replace(MARKET, modules=(*MARKET.modules[:-1], module("till", till, sys.modules[__name__])))
FEE_EACH: Final = FEE

if __name__ == "__main__":
    till.run(SHOP)
