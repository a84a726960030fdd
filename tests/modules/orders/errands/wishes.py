"""Wishes: what somebody wants done."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.record import Moment, Record
from souk.process import (
    CLOCK,
    START,
    Order,
    after,
    field,
    first_of,
    process,
    step,
    waits_on,
)
from tests.modules.orders.errands.people import ADMIN, CLIENT, VISIT, Reason


class W(StrEnum):
    OPEN = auto()
    BOOKED = auto()
    DONE = auto()
    CLOSED = auto()


class Wish(Order):
    """What somebody wants done."""

    client_id: UUID
    title: str
    until: Moment | None = None


class NewWish(Record):
    """What is wanted, and until when."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    until: Moment | None = None


WISH: Final = process(
    "wish",
    order=Wish,
    states=W,
    parties={CLIENT: "client_id"},
    steps=(
        step("post", by=CLIENT, source=START, target=W.OPEN, takes=NewWish, sets=("until",), emits="wish.wanted"),
        step("edit", by=CLIENT, source=W.OPEN, takes=NewWish, sets=("title", "until")),
        step("withdraw", by=CLIENT, source=W.OPEN, target=W.CLOSED, takes=Reason, path="cancel", emits="wish.closed"),
        step("take_down", by=ADMIN, source=W.OPEN, target=W.CLOSED, out_of_turn=True, path="cancel", emits="wish.closed"),
        step("close", by=CLOCK, source=W.OPEN, target=W.CLOSED, at=first_of(after(W.OPEN, days=10), after(field("until")))),
        step("book", by=VISIT, source=W.OPEN, target=W.BOOKED),
        step("free", by=VISIT, source=W.BOOKED, target=W.OPEN),
        step("finish", by=VISIT, source=W.BOOKED, target=W.DONE),
    ),
    waits={W.OPEN: waits_on(CLIENT), W.BOOKED: waits_on(VISIT, because="its visit goes on")},
    ends=(W.DONE, W.CLOSED),
)
