"""Facts by which machines take steps: what payments announce about an order, and what a market's own machines report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import Event, Reaction, enqueue
from souk.kernel.telemetry import log
from souk.modules import payments
from souk.modules.orders import sql
from souk.modules.orders.errors import PaymentDiffers, PaymentOfOthers
from souk.modules.orders.kinds import Processes
from souk.modules.orders.model import Stored
from souk.modules.orders.sending import let_go, send_back
from souk.modules.orders.takers import Taker
from souk.modules.orders.taking import Desk, Taken, take_if_open
from souk.process import Escrow

PAYMENTS: Final = (payments.PaymentCaptured, payments.PaymentFailed, payments.PaymentAuthorised, payments.PaymentCanceled)


async def follow(tx: Tx, fact: Any, processes: Processes, till: payments.Till) -> None:
    """Take the step that follows from a fact. Money that came for a step that is not open any more goes back."""
    desk = Desk(processes, till)
    if isinstance(fact, PAYMENTS):
        if fact.kind in processes.current and fact.reference_id is not None:
            await _paid(tx, desk, fact, fact.reference_id)
        return
    for name in dict.fromkeys(each.name for each in processes.every if any(fact.topic.name in step.on for step in each.steps)):
        stored = await tx.run(sql.LOCKED, fact.topic.aggregate(fact), name)
        if stored is not None:
            await _taken(tx, desk, fact, stored)


async def _paid(tx: Tx, desk: Desk, fact: Any, order_id: UUID) -> None:
    """What a payment announces is about an order, unless another payment pays for that."""
    stored = await tx.run(sql.LOCKED, order_id, fact.kind)
    purse = stored.purse if stored is not None else None
    paying = purse.payment_id if purse is not None and purse.escrow in {Escrow.RESERVED, Escrow.HELD} else None
    if stored is not None and paying in {None, fact.payment_id} and await _taken(tx, desk, fact, stored):
        return
    if paying == fact.payment_id or (purse is not None and purse.escrow is Escrow.SETTLED and purse.payment_id == fact.payment_id):
        return
    if isinstance(fact, payments.PaymentCaptured):
        await enqueue(tx, send_back, fact.payment_id)
    elif isinstance(fact, payments.PaymentAuthorised):
        await enqueue(tx, let_go, fact.payment_id)


async def _taken(tx: Tx, desk: Desk, fact: Any, stored: Stored) -> Taken | None:
    """The first step that follows and is open."""
    kind = desk.processes.named(stored.process, stored.version)
    for step in kind.process.steps:
        if fact.topic.name in step.on:
            try:
                taken = await take_if_open(tx, desk, kind, stored, step.name, Taker(fact=fact.topic.name, event=fact))
            except (PaymentDiffers, PaymentOfOthers) as refused:
                log.error("a payment that does not fit its order", order_id=str(stored.id), error=refused.text())
                continue
            if taken is not None:
                return taken
    return None


def reactions(*facts: type[Event]) -> Iterator[Reaction[Any]]:
    """A reaction to each of these facts."""
    for fact in facts:

        async def take(tx: Tx, fact: Any, processes: Processes, till: payments.Till) -> None:
            """Take the step that follows."""
            await follow(tx, fact, processes, till)

        take.__annotations__ = {**take.__annotations__, "fact": fact}
        yield Reaction(take, f"{fact.topic.name}:orders", fact, ordered=True)
