"""Facts by which machines take steps: what payments announce about an order, and what a market's own machines report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import Event, Reaction, enqueue
from souk.kernel.telemetry import log
from souk.modules import payments
from souk.modules.orders import sql
from souk.modules.orders.errors import PaymentDiffers, PaymentOfOthers
from souk.modules.orders.kinds import Processes
from souk.modules.orders.sending import send_back
from souk.modules.orders.takers import Taker
from souk.modules.orders.taking import Desk, take_if_open


async def follow(tx: Tx, fact: Any, processes: Processes, till: payments.Till) -> None:
    """Take the step that follows from a fact. Money that came for a step that is not open any more goes back."""
    process, order_id = _about(fact)
    if process not in processes.current or order_id is None:
        return
    stored = await tx.run(sql.LOCKED, order_id, process)
    taken = None
    if stored is not None:
        kind = processes.named(process, stored.version)
        taker = Taker(fact=fact.topic.name, event=fact)
        for step in kind.process.steps:
            if fact.topic.name in step.on and taken is None:
                try:
                    taken = await take_if_open(tx, Desk(processes, till), kind, stored, step.name, taker)
                except (PaymentDiffers, PaymentOfOthers) as refused:
                    log.error("a payment that does not fit its order", order_id=str(order_id), error=refused.text())
    if taken is None and isinstance(fact, payments.PaymentCaptured):
        await enqueue(tx, send_back, fact.payment_id)


def _about(fact: Any) -> tuple[str, UUID | None]:
    """Which order of which process: payments say it by their kind and reference, others name their order."""
    if hasattr(fact, "reference_id"):
        return fact.kind, fact.reference_id
    return getattr(fact, "process", ""), fact.topic.aggregate(fact)


def reactions(*facts: type[Event]) -> Iterator[Reaction[Any]]:
    """A reaction to each of these facts."""
    for fact in facts:

        async def take(tx: Tx, fact: Any, processes: Processes, till: payments.Till) -> None:
            """Take the step that follows."""
            await follow(tx, fact, processes, till)

        take.__annotations__ = {**take.__annotations__, "fact": fact}
        yield Reaction(take, f"{fact.topic.name}:orders", fact, ordered=True)
