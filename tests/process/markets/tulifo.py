"""Tulifo's processes: a project is what a client wants done, a bid what a worker offers, a booking the contract between both.

The booking carries the escrow, and takes its project along: both move in one transaction.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.money import Rate
from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    START,
    Beginning,
    Order,
    after,
    along,
    both,
    field,
    guard,
    hold,
    machine,
    param,
    party,
    process,
    process_of,
    refund,
    release,
    role,
    split,
    step,
    tell,
    waits_on,
)

CLIENT: Final = party("client")
WORKER: Final = party("worker")
ADMIN: Final = role("admin")
PAYMENTS: Final = machine("payments", "payment.captured", "payment.failed")
BOOKING_MOVES: Final = process_of("booking")

FEE: Final = Rate.parse("10%")
Amount = Annotated[int, Meta(gt=0)]
Text = Annotated[str, Meta(min_length=1, max_length=10_000)]


class ProjectState(StrEnum):
    OPEN = auto()
    AWARDED = auto()
    IN_PROGRESS = auto()
    DELIVERED = auto()
    DISPUTED = auto()
    COMPLETED = auto()
    CANCELLED = auto()
    SETTLED = auto()
    REFUNDED = auto()
    EXPIRED = auto()


class Project(Order):
    """What a client wants done."""

    client_id: UUID
    title: str
    description: str
    budget: int
    currency: str
    skills: tuple[str, ...]
    deadline: datetime


class NewProject(Record):
    """A project as its client describes it."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Text
    budget: Amount
    deadline: datetime
    skills: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    currency: str = "USD"


P = ProjectState
PROJECT: Final = process(
    "project",
    order=Project,
    states=ProjectState,
    parties={CLIENT: "client_id"},
    steps=(
        step("create", by=CLIENT, source=START, target=P.OPEN, takes=NewProject, emits="project.created"),
        step("edit", by=CLIENT, source=P.OPEN, takes=NewProject),
        step("cancel", by=CLIENT, source=P.OPEN, target=P.CANCELLED),
        step("expire", by=CLOCK, source=P.OPEN, target=P.EXPIRED, at=after(field("deadline")), tell=tell(CLIENT, "project_expired")),
        step("award", by=BOOKING_MOVES, source=P.OPEN, target=P.AWARDED),
        step("reopen", by=BOOKING_MOVES, source=P.AWARDED, target=P.OPEN),
        step("begin", by=BOOKING_MOVES, source=P.AWARDED, target=P.IN_PROGRESS),
        step("deliver", by=BOOKING_MOVES, source=P.IN_PROGRESS, target=P.DELIVERED, emits="project.delivered"),
        step("rework", by=BOOKING_MOVES, source=P.DELIVERED, target=P.IN_PROGRESS),
        step("complete", by=BOOKING_MOVES, source=P.DELIVERED, target=P.COMPLETED),
        step("dispute", by=BOOKING_MOVES, source=(P.IN_PROGRESS, P.DELIVERED), target=P.DISPUTED),
        step("settle", by=BOOKING_MOVES, source=P.DISPUTED, target=P.SETTLED),
        step("refund", by=BOOKING_MOVES, source=P.IN_PROGRESS, target=P.REFUNDED),
    ),
    waits={
        P.OPEN: waits_on(CLIENT),
        P.AWARDED: waits_on(BOOKING_MOVES, because="its booking lapses"),
        P.IN_PROGRESS: waits_on(BOOKING_MOVES, because="its booking goes on"),
        P.DELIVERED: waits_on(BOOKING_MOVES, because="its booking is approved by the clock"),
        P.DISPUTED: waits_on(BOOKING_MOVES, because="staff resolve its booking"),
    },
    ends=(P.COMPLETED, P.CANCELLED, P.SETTLED, P.REFUNDED, P.EXPIRED),
)


class BidState(StrEnum):
    PENDING = auto()
    ACCEPTED = auto()
    REJECTED = auto()
    WITHDRAWN = auto()


class Bid(Order):
    """What a worker offers."""

    project_id: UUID
    worker_id: UUID
    amount: int
    delivery_time: int
    proposal: str
    bidding_ends: datetime


class NewBid(Record):
    """A bid as its worker makes it."""

    project_id: UUID
    bidding_ends: datetime
    amount: Amount
    delivery_time: Annotated[int, Meta(ge=1, le=3650)]
    proposal: Text


BID: Final = process(
    "bid",
    order=Bid,
    states=BidState,
    parties={WORKER: "worker_id"},
    steps=(
        step("submit", by=WORKER, source=START, target=BidState.PENDING, takes=NewBid, emits="bid.submitted"),
        step("withdraw", by=WORKER, source=BidState.PENDING, target=BidState.WITHDRAWN),
        step("accept", by=BOOKING_MOVES, source=BidState.PENDING, target=BidState.ACCEPTED),
        step("revive", by=BOOKING_MOVES, source=BidState.ACCEPTED, target=BidState.PENDING),
        step("close", by=CLOCK, source=BidState.PENDING, target=BidState.REJECTED, at=after(field("bidding_ends"))),
    ),
    waits={
        BidState.PENDING: waits_on(WORKER),
        BidState.ACCEPTED: waits_on(BOOKING_MOVES, because="it is the booking's, unless that lapses"),
    },
    ends=(BidState.REJECTED, BidState.WITHDRAWN),
)


class BookingState(StrEnum):
    AWAITING_PAYMENT = auto()
    ACTIVE = auto()
    DELIVERED = auto()
    DISPUTED = auto()
    COMPLETED = auto()
    LAPSED = auto()
    SETTLED = auto()
    REFUNDED = auto()


class Booking(Order):
    """The contract between a client and the worker of their choice."""

    project_id: UUID
    bid_id: UUID
    client_id: UUID
    worker_id: UUID
    agreed_amount: int
    bid_amount: int
    currency: str


class NewBooking(Record):
    """Which bid is taken, and for how much."""

    project_id: UUID
    worker_id: UUID
    agreed_amount: Amount


class Delivery(Record):
    """What was done."""

    note: str = ""
    files: tuple[UUID, ...] = ()


class Changes(Record):
    """What is to be done again."""

    message: Text


class Complaint(Record):
    """What is wrong."""

    reason: Text
    evidence: tuple[UUID, ...] = ()


class Resolution(Record):
    """Who gets what, as staff decide."""

    worker_amount: Annotated[int, Meta(ge=0)]
    client_amount: Annotated[int, Meta(ge=0)]
    resolution: Text
    fee_returned: bool = False


async def from_bid(_tx: object, _order: Beginning, params: NewBooking) -> dict[str, object]:
    """What follows from the bid that is taken."""
    return {"bid_id": params.project_id, "bid_amount": params.agreed_amount, "currency": "USD"}


@guard("The amount is above the worker's bid. Agree on at most that.")
def is_no_more_than_bid(order: Booking) -> bool:
    """An agreed amount differs from the bid only downward."""
    return order.agreed_amount <= order.bid_amount


B = BookingState
BOOKING: Final = process(
    "booking",
    order=Booking,
    states=BookingState,
    parties={CLIENT: "client_id", WORKER: "worker_id"},
    steps=(
        step(
            "book",
            by=CLIENT,
            source=START,
            target=B.AWAITING_PAYMENT,
            takes=NewBooking,
            when=is_no_more_than_bid,
            do=from_bid,
            along=(along("project", "award", through="project_id"), along("bid", "accept", through="bid_id")),
            tell=tell(WORKER, "booked"),
            emits="booking.created",
        ),
        step(
            "fund",
            by=PAYMENTS,
            on="payment.captured",
            source=B.AWAITING_PAYMENT,
            target=B.ACTIVE,
            money=hold("agreed_amount", payer=CLIENT, fee=FEE, asset=field("currency")),
            along=along("project", "begin", through="project_id"),
            tell=tell(CLIENT | WORKER, "funded"),
        ),
        step("payment_failed", by=PAYMENTS, on="payment.failed", source=B.AWAITING_PAYMENT, tell=tell(CLIENT, "payment_failed")),
        step(
            "lapse",
            by=CLOCK,
            source=B.AWAITING_PAYMENT,
            target=B.LAPSED,
            at=after(B.AWAITING_PAYMENT, hours=48),
            along=(along("project", "reopen", through="project_id"), along("bid", "revive", through="bid_id")),
            tell=tell(CLIENT | WORKER, "lapsed"),
        ),
        step(
            "deliver",
            by=WORKER,
            source=B.ACTIVE,
            target=B.DELIVERED,
            takes=Delivery,
            along=along("project", "deliver", through="project_id"),
            tell=tell(CLIENT, "delivered"),
        ),
        step(
            "ask_for_changes",
            by=CLIENT,
            source=B.DELIVERED,
            target=B.ACTIVE,
            takes=Changes,
            along=along("project", "rework", through="project_id"),
            tell=tell(WORKER, "changes_wanted"),
        ),
        step(
            "approve",
            by=CLIENT | CLOCK,
            source=B.DELIVERED,
            target=B.COMPLETED,
            at=after(B.DELIVERED, days=14),
            money=release(WORKER),
            along=along("project", "complete", through="project_id"),
            tell=tell(WORKER, "approved"),
            emits="payment.completed",
            path="release",
        ),
        step(
            "remind",
            by=CLOCK,
            source=B.DELIVERED,
            at=(after(B.DELIVERED, days=11), after(B.DELIVERED, days=13)),
            tell=tell(CLIENT, "approval_near"),
        ),
        step(
            "dispute",
            by=CLIENT | WORKER,
            source=(B.ACTIVE, B.DELIVERED),
            target=B.DISPUTED,
            takes=Complaint,
            along=along("project", "dispute", through="project_id"),
            tell=tell(CLIENT | WORKER | ADMIN, "disputed"),
        ),
        step("answer_is_due", by=CLOCK, source=B.DISPUTED, at=after(B.DISPUTED, days=7), tell=tell(ADMIN, "dispute_waits")),
        step(
            "resolve",
            by=ADMIN,
            source=B.DISPUTED,
            target=B.SETTLED,
            takes=Resolution,
            money=split({WORKER: param("worker_amount"), CLIENT: param("client_amount")}, fee_waived=param("fee_returned")),
            along=along("project", "settle", through="project_id"),
            tell=tell(CLIENT | WORKER, "resolved"),
        ),
        step(
            "cancel",
            by=both(CLIENT, WORKER),
            source=B.ACTIVE,
            target=B.REFUNDED,
            money=refund(),
            along=along("project", "refund", through="project_id"),
            tell=tell(CLIENT | WORKER, "cancelled"),
        ),
    ),
    waits={
        B.AWAITING_PAYMENT: waits_on(PAYMENTS),
        B.ACTIVE: waits_on(WORKER, because="how long work takes is between both; either may dispute"),
        B.DELIVERED: waits_on(CLIENT),
        B.DISPUTED: waits_on(ADMIN, because="staff decide, and are reminded"),
    },
    ends=(B.COMPLETED, B.LAPSED, B.SETTLED, B.REFUNDED),
)
