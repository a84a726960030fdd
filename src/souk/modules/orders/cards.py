"""Paying for an order by card: as much as it costs, to whom it will go, when it waits for that. Nobody says an amount."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from souk.kernel.db import Database
from souk.kernel.money import Asset
from souk.modules import payments
from souk.modules.orders.errors import StepNotOpen
from souk.modules.orders.kinds import Kind, Processes
from souk.modules.orders.purses import fee_now, fee_of_process, payee_of
from souk.modules.orders.reading import access
from souk.modules.orders.takers import Taker
from souk.modules.orders.taking import not_open
from souk.process import Actor, Field, Money, Process, Step, Verb

BY_CARD = {"payment.captured": Verb.HOLD, "payment.authorised": Verb.RESERVE}


class Owed(msgspec.Struct, frozen=True):
    """What a card pays of an order: by which step, and as which verb."""

    step: Step
    money: Money


def owed(process: Process) -> list[Owed]:
    """Steps by which a card pays, and what begins them: of several of one order, the first is what somebody asks for."""
    found = [
        Owed(step, money)
        for step in process.steps
        for money in step.money
        if any(BY_CARD.get(fact) is money.verb for fact in step.on) and money.payer is not None
    ]
    reserved = any(each.money.verb is Verb.RESERVE for each in found)
    return [each for each in found if not reserved or each.money.verb is Verb.RESERVE]


async def begin_payment(  # noqa: PLR0913, PLR0917 - who pays for what, and how
    database: Database, till: payments.Till, processes: Processes, kind: Kind, order_id: UUID, taker: Taker, *, method: str | None, key: str
) -> payments.Begun:
    """Begin to pay for an order that waits for it."""
    stored, order = await database.read(lambda tx: access(tx, processes, kind, order_id, taker))
    kind = processes.named(kind.name, stored.version)
    state = kind.state(stored.state)
    for each in owed(kind.process):
        if state in each.step.sources and _person(kind, order, each.money.payer) == taker.person:
            wanted = _payment(kind, order, each, till)
            return (await payments.begin(database, till, msgspec.structs.replace(wanted, method=method, key=key))).begun
    raise not_open(kind, "payment", state, [])


def _payment(kind: Kind, order: Any, each: Owed, till: payments.Till) -> payments.NewPayment:
    money = each.money
    code = getattr(order, money.asset.name) if isinstance(money.asset, Field) else money.asset
    asset: Asset = till.asset(code)
    price = int(getattr(order, money.amount.name)) if isinstance(money.amount, Field) else 0
    payer = _person(kind, order, money.payer)
    if payer is None:
        raise StepNotOpen(kind=kind.name, step="payment", state=order.state, instead="Nobody is to pay for it.", open=[])
    return payments.NewPayment(
        key="",
        payer_id=payer,
        payee_id=payee_of(kind.process, order),
        amount=asset.money(price),
        kind=kind.name,
        reference_id=order.id,
        fee=fee_now(order, fee_of_process(kind.process, money), price),
        escrow=True,
        manual=money.verb is Verb.RESERVE,
    )


def _person(kind: Kind, order: Any, actor: Actor | None) -> UUID | None:
    name = kind.process.parties.get(actor) if actor is not None else None
    return getattr(order, name) if name is not None else None
