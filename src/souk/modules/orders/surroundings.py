"""What surrounds people in a simulation: the money they have, banks that fail and repeat themselves, and machines that report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Law
from souk.kernel.errors import Refusal
from souk.kernel.messages import Catalogue, Event, emit
from souk.modules import ledger, payments
from souk.modules.orders import sql
from souk.modules.orders.facts import PAYMENTS
from souk.modules.orders.kinds import Kind
from souk.modules.orders.purses import payee_of
from souk.modules.orders.taking import Desk
from souk.process import Actor, Field, Verb
from souk.process.paths import Place
from souk.process.simulate import invent

FUNDS: Final = 10_000_000
"""What everybody has at first: a walk is about steps, not about poverty."""
POOR: Final = 300
"""What some have."""
CARDS: Final = ("pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined")


class Person(msgspec.Struct, frozen=True):
    """Somebody who takes part."""

    id: UUID
    role: str


class Stage(msgspec.Struct, frozen=True):
    """What a simulation plays on."""

    database: Database
    clock: Clock
    catalogue: Catalogue
    desk: Desk
    resources: Mapping[type, object]
    laws: tuple[Law, ...]
    people: tuple[Person, ...]
    bank: payments.Playground


Places = Mapping[UUID, tuple[Kind, Place]]


class Surroundings:
    """All that moves an order and is no person."""

    def __init__(self, stage: Stage, random: Random) -> None:
        self.stage = stage
        self.random = random
        self._payments = 0
        topics = {fact.topic.name: fact for fact in stage.catalogue.reactions if fact not in PAYMENTS}
        every = [step for kind in stage.desk.processes.current.values() for step in kind.process.steps]
        self._facts = {topic: topics[topic] for step in every for topic in step.on if topic in topics}

    async def fund(self, person: Person, seed: int) -> None:
        """Let somebody have so much, whatever an earlier walk left them."""
        assets = self.stage.desk.till.assets
        for asset in assets.known:
            purpose = ledger.CREDITS if asset.code == ledger.CRD.code else ledger.WALLET
            account, issued = purpose.of(asset, person.id), ledger.ISSUED.of(asset)
            more = POOR if self.random.random() < 0.2 else FUNDS
            more -= (await self.stage.database.read(partial(ledger.wallet, account=account))).available
            if not more:
                continue
            key, kind = f"funds of {person.id} {asset.code} {seed}", "simulated.funds"
            if more > 0 and purpose is ledger.CREDITS:
                movement = ledger.grant(key, kind, account, more, None, source=issued)
            else:
                source, to = (issued, account) if more > 0 else (account, issued)
                movement = ledger.transfer(key, kind, source, [(to, abs(more))])
            await self.stage.database.write(partial(ledger.post, movement=movement))

    async def pay_by_card(self, places: Places) -> str:
        """Somebody pays for an order that waits for it, or does not any more; the bank may fail."""
        waiting = [(order_id, kind, money) for order_id, (kind, _place) in places.items() for money in _card_money(kind)]
        if not waiting:
            return ""
        order_id, kind, (amount, asset, payer, fee) = self.random.choice(waiting)
        stored = await self.stage.database.read(lambda tx: tx.run(sql.ORDER, order_id, kind.name))
        if stored is None:
            return ""
        order = kind.order(stored)
        payee = payee_of(kind.process, order)
        if payee is None:
            return ""
        said = self.stage.bank.misbehave(self.random) if self.random.random() < 0.3 else ""
        self._payments += 1
        price = int(getattr(order, amount))
        wanted = payments.NewPayment(
            key=f"simulated {order_id} {self._payments}",
            payer_id=kind.parties(order)[payer.name],
            payee_id=payee,
            amount=self.stage.desk.till.asset(asset).money(price if self.random.random() < 0.95 else price + 1),
            kind=kind.name,
            reference_id=order_id,
            fee=fee(price),
            escrow=True,
            method=self.random.choice(CARDS),
            manual=any(money.verb is Verb.RESERVE for step in kind.process.steps for money in step.money),
        )
        try:
            await payments.begin(self.stage.database, self.stage.desk.till, wanted)
        except Refusal as refused:
            return f"{kind.name}: paid by card: {refused.code}; {said}"
        return f"{kind.name}: paid by card; {said}"

    async def report(self, places: Places) -> str:
        """A machine reports something of an order, whether or not it waits for that."""
        heard = [(order_id, kind, topic) for order_id, (kind, _place) in places.items() for topic in _topics(kind) if topic in self._facts]
        if not heard:
            return ""
        order_id, kind, topic = self.random.choice(heard)
        fact = _about(self._facts[topic], order_id, self.random, self.stage)
        await self.stage.database.write(lambda tx: emit(tx, *[fact] * self.random.choice((1, 1, 2))))
        return f"{kind.name}: {topic} is reported"


def _topics(kind: Kind) -> list[str]:
    return [topic for step in kind.process.steps for topic in step.on]


def _about(fact: type[Event], order_id: UUID, random: Random, stage: Stage) -> Event:
    """A fact about that order, otherwise as it comes."""
    made = invent(fact, random, stage.clock.now(), {})
    [name] = [name for name in fact.__struct_fields__ if getattr(made, name) == fact.topic.aggregate(made)]
    changed: Event = msgspec.structs.replace(made, **{name: order_id})
    return changed


def _card_money(kind: Kind) -> Iterable[tuple[str, str | None, Actor, Callable[[int], int]]]:
    """What payments would hold for an order, now or once."""
    for step in kind.process.steps:
        if not {"payment.captured", "payment.authorised"}.isdisjoint(step.on):
            for money in step.money:
                if money.verb in {Verb.HOLD, Verb.RESERVE} and isinstance(money.amount, Field) and money.payer is not None:
                    asset = money.asset if isinstance(money.asset, str) else None
                    yield money.amount.name, asset, money.payer, lambda price: price // 10
