"""Visits: an hour of a worker's for a wish, paid by card: reserved first, and captured when the worker agrees."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.db import Tx, count, only
from souk.kernel.errors import Refusal
from souk.kernel.messages import Event, event
from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    PLATFORM,
    REST,
    START,
    Beginning,
    Order,
    after,
    along,
    capture,
    hold,
    param,
    process,
    refund,
    release,
    reserve,
    split,
    step,
    void,
    waits_on,
)
from tests.modules.orders.errands.people import ADMIN, CLIENT, FEE, METER, PAYMENTS, WORKER, Reason


class V(StrEnum):
    ASKED = auto()
    RESERVED = auto()
    CAPTURING = auto()
    ACTIVE = auto()
    FINISHED = auto()
    DISPUTED = auto()
    DONE = auto()
    LAPSED = auto()


class Visit(Order):
    """An hour of a worker's, for a wish."""

    wish_id: UUID
    client_id: UUID
    worker_id: UUID
    slot: int
    price: int
    minutes: int | None = None


class NewVisit(Record):
    """Who comes when, for which wish and how much."""

    wish_id: UUID
    worker_id: UUID
    slot: int
    price: Annotated[int, Meta(ge=0)]


class Counted(Record):
    """What a meter has counted."""

    minutes: int


class Shares(Record):
    """Who gets what, as staff decide; the client gets the rest."""

    worker_amount: Annotated[int, Meta(ge=0)]
    platform_amount: Annotated[int, Meta(ge=0)] = 0
    fee_returned: bool = False


@event("meter.read", aggregate="visit_id")
class MeterRead(Event):
    """A meter has counted."""

    visit_id: UUID
    minutes: int


class SlotTaken(Refusal, status=409, message="The worker is busy at {slot}. Choose another hour."):
    """Two visits cannot be at once."""

    slot: int


TAKE_SLOT: Final = count("insert into slots (worker_id, slot, visit_id) values ($1, $2, $3) on conflict do nothing")
FREE_SLOT: Final = count("delete from slots where visit_id = $1")
IS_BUSY: Final = only(bool, """select exists (select from slots where worker_id = $1) as "busy!\"""")


async def take_slot(tx: Tx, order: Beginning, params: NewVisit) -> None:
    """Write the hour down, if it is free."""
    if not await tx.run(TAKE_SLOT, params.worker_id, params.slot, order.id):
        raise SlotTaken(slot=params.slot)


async def free_slot(tx: Tx, order: Visit, _params: object) -> None:
    """The hour is free again."""
    await tx.run(FREE_SLOT, order.id)


async def count_up(tx: Tx, order: Visit, _params: object) -> None:
    """Close the books of a visit. Those of the thirteenth hour cannot be closed before its meter was read."""
    await tx.run(FREE_SLOT, order.id)
    if order.slot == 13 and order.minutes is None:
        raise RuntimeError("nobody knows how long it took")


FREED = along("wish", "free", through="wish_id")
VISITS: Final = process(
    "visit",
    order=Visit,
    states=V,
    parties={CLIENT: "client_id", WORKER: "worker_id"},
    steps=(
        step("ask", by=CLIENT, source=START, target=V.ASKED, takes=NewVisit, do=take_slot, along=along("wish", "book", through="wish_id")),
        step("authorise", by=PAYMENTS, on="payment.authorised", source=V.ASKED, target=V.RESERVED, money=reserve("price", payer=CLIENT)),
        step("fail", by=PAYMENTS, on="payment.failed", source=V.ASKED),
        step("lapse", by=CLOCK, source=V.ASKED, target=V.LAPSED, at=after(V.ASKED, hours=1), do=free_slot, along=FREED),
        step("accept", by=WORKER, source=V.RESERVED, target=V.CAPTURING, money=capture()),
        step("refuse", by=WORKER, source=V.RESERVED, target=V.LAPSED, money=void(), do=free_slot, along=FREED),
        step(
            "lose",
            by=PAYMENTS,
            on="payment.canceled",
            source=(V.RESERVED, V.CAPTURING),
            target=V.LAPSED,
            money=void(),
            do=free_slot,
            along=FREED,
        ),
        step(
            "give_up",
            by=CLOCK,
            source=(V.RESERVED, V.CAPTURING),
            target=V.LAPSED,
            at=(after(V.RESERVED, days=2), after(V.CAPTURING, days=1)),
            money=void(),
            do=free_slot,
            along=FREED,
        ),
        step(
            "fund",
            by=PAYMENTS,
            on="payment.captured",
            source=V.CAPTURING,
            target=V.ACTIVE,
            money=hold("price", payer=CLIENT, fee=FEE),
        ),
        step("count", by=METER, on="meter.read", source=V.ACTIVE, takes=Counted, sets=("minutes",)),
        step("finish", by=WORKER, source=V.ACTIVE, target=V.FINISHED),
        step("abandon", by=CLOCK, source=V.ACTIVE, target=V.LAPSED, at=after(V.ACTIVE, days=3), money=refund(), along=FREED),
        step(
            "approve",
            by=CLIENT | CLOCK,
            source=V.FINISHED,
            target=V.DONE,
            at=after(V.FINISHED, days=2),
            money=release(WORKER),
            do=count_up,
            along=along("wish", "finish", through="wish_id"),
        ),
        step("dispute", by=CLIENT, source=V.FINISHED, target=V.DISPUTED, takes=Reason),
        step(
            "resolve",
            by=ADMIN,
            source=V.DISPUTED,
            target=V.DONE,
            takes=Shares,
            money=split(
                {WORKER: param("worker_amount"), PLATFORM: param("platform_amount"), CLIENT: REST}, fee_waived=param("fee_returned")
            ),
            along=along("wish", "finish", through="wish_id"),
        ),
    ),
    waits={
        V.ASKED: waits_on(PAYMENTS),
        V.RESERVED: waits_on(WORKER),
        V.CAPTURING: waits_on(PAYMENTS),
        V.ACTIVE: waits_on(WORKER),
        V.FINISHED: waits_on(CLIENT),
        V.DISPUTED: waits_on(ADMIN, because="staff decide"),
    },
    ends=(V.DONE, V.LAPSED),
)
