"""Chores: offered around by the clock, paid in credits, taken by whoever comes first."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    PLATFORM,
    START,
    Order,
    after,
    both,
    guard,
    hold,
    pay,
    process,
    refund,
    release,
    step,
    waits_on,
)
from tests.modules.orders.errands.people import ANY_WORKER, CLIENT, WORKER
from tests.modules.orders.errands.visits import IS_BUSY


class C(StrEnum):
    OFFERING = auto()
    OPEN = auto()
    TAKEN = auto()
    REVIEW = auto()
    DONE = auto()
    WITHDRAWN = auto()


class Chore(Order):
    """Something small, paid in credits. The platform earns them, and pays its worker in money."""

    client_id: UUID
    credits: int
    worker_id: UUID | None = None
    note: str = ""
    offers: int = 0
    reminders: int = 0
    days: int = 0
    bonus: int = 0


class NewChore(Record):
    """What it costs."""

    credits: Annotated[int, Meta(ge=0)]
    bonus: Annotated[int, Meta(ge=0)] = 0


class Report(Record):
    """What was done."""

    note: Annotated[str, Meta(max_length=200)]


class Extension(Record):
    """How many days more."""

    days: Annotated[int, Meta(ge=1, le=30)]


@guard("The client is at work, and cannot let you in.")
async def client_is_free(tx: Tx, order: Chore) -> bool:
    """A rule that asks the database."""
    return not await tx.run(IS_BUSY, order.client_id)


@guard("It was offered often enough.")
def offers_are_left(order: Chore) -> bool:
    """Three times is enough."""
    return order.offers < 3


@guard("Nothing can be extended by thirteen days.")
def is_no_bad_luck(_order: Chore, params: Extension) -> bool:
    """A rule about parameters."""
    return params.days != 13


async def offer_it(_tx: Tx, order: Chore, _params: object) -> dict[str, Any]:
    """To the next."""
    return {"offers": order.offers + 1}


async def remind_it(_tx: Tx, order: Chore, _params: object) -> dict[str, Any]:
    """Once more. A note asks for trouble where a test wants it."""
    if order.note == "trouble":
        raise RuntimeError("trouble")
    return {"reminders": order.reminders + 1}


async def drop_worker(_tx: Tx, _order: Chore, _params: object) -> dict[str, Any]:
    """Nobody has it any more."""
    return {"worker_id": None}


async def add_days(_tx: Tx, order: Chore, params: Extension) -> dict[str, Any]:
    """So many more."""
    return {"days": order.days + params.days}


CHORE: Final = process(
    "chore",
    order=Chore,
    states=C,
    parties={CLIENT: "client_id", WORKER: "worker_id"},
    steps=(
        step("post", by=CLIENT, source=START, target=C.OFFERING, takes=NewChore, money=hold("credits", payer=CLIENT, asset="CRD")),
        step(
            "offer",
            by=CLOCK,
            source=C.OFFERING,
            at=(after(C.OFFERING), after("offer", minutes=15)),
            when=offers_are_left,
            do=offer_it,
            sets=("offers",),
        ),
        step("open_up", by=CLOCK, source=C.OFFERING, target=C.OPEN, at=after(C.OFFERING, hours=2)),
        step("take", by=ANY_WORKER, source=(C.OFFERING, C.OPEN), target=C.TAKEN, when=client_is_free, becomes=WORKER),
        step("withdraw", by=CLIENT, source=(C.OFFERING, C.OPEN), target=C.WITHDRAWN, money=refund(why="nobody began"), out_of_turn=True),
        step("expire", by=CLOCK, source=C.OPEN, target=C.WITHDRAWN, at=after(C.OPEN, days=1), money=refund()),
        step(
            "remind",
            by=CLOCK,
            source=C.TAKEN,
            at=(after(C.TAKEN, hours=1), after(C.TAKEN, hours=2)),
            do=remind_it,
            sets=("reminders",),
        ),
        step("hand_back", by=WORKER, source=C.TAKEN, target=C.OPEN, do=drop_worker, sets=("worker_id",)),
        step("take_away", by=CLOCK, source=C.TAKEN, target=C.OPEN, at=after(C.TAKEN, days=1), do=drop_worker, sets=("worker_id",)),
        step("extend", by=both(CLIENT, WORKER), source=C.TAKEN, takes=Extension, when=is_no_bad_luck, do=add_days, sets=("days",)),
        step("note", by=WORKER, source=C.TAKEN, takes=Report, sets=("note",)),
        step("submit", by=WORKER, source=C.TAKEN, target=C.REVIEW, takes=Report, sets=("note",)),
        step("revise", by=CLIENT, source=C.REVIEW, target=C.TAKEN),
        step(
            "approve",
            by=CLIENT | CLOCK,
            source=C.REVIEW,
            target=C.DONE,
            at=after(C.REVIEW, days=2),
            money=(release(PLATFORM), pay(WORKER, "bonus", asset="USD")),
        ),
    ),
    waits={
        C.OFFERING: waits_on(ANY_WORKER),
        C.OPEN: waits_on(ANY_WORKER),
        C.TAKEN: waits_on(WORKER),
        C.REVIEW: waits_on(CLIENT),
    },
    ends=(C.DONE, C.WITHDRAWN),
)
