"""Grome's processes: a booking, whose money is reserved first and taken when the barber accepts, and a barber's verification."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    REST,
    START,
    Beginning,
    Order,
    after,
    before,
    both,
    capture,
    computed,
    field,
    first_of,
    guard,
    hold,
    machine,
    param,
    party,
    process,
    refund,
    release,
    reserve,
    role,
    split,
    step,
    tell,
    void,
    waits_on,
)

CUSTOMER: Final = party("customer")
BARBER: Final = party("barber")
ADMIN: Final = role("admin")
PAYMENTS: Final = machine("payments", "payment.authorised", "payment.captured", "payment.canceled")

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]


class BookingState(StrEnum):
    UNPAID = auto()
    REQUESTED = auto()
    CONFIRMING = auto()
    ACCEPTED = auto()
    IN_PROGRESS = auto()
    NO_SHOW = auto()
    DISPUTED = auto()
    COMPLETED = auto()
    DECLINED = auto()
    EXPIRED = auto()
    CANCELLED = auto()


class Booking(Order):
    """An appointment."""

    customer_id: UUID
    barber_id: UUID
    starts_at: datetime
    ends_at: datetime
    price: int
    commission: int
    free_until: timedelta
    late_share: int
    accepts_itself: bool


class NewBooking(Record):
    """What is wanted, of whom, and when."""

    barber_id: UUID
    services: Annotated[tuple[UUID, ...], Meta(min_length=1)]
    starts_at: datetime


class Moved(Record):
    """Another time."""

    starts_at: datetime


class Complaint(Record):
    """What is wrong."""

    reason: Text


class Shares(Record):
    """Who gets what, as staff decide."""

    barber_amount: Annotated[int, Meta(ge=0)]
    customer_amount: Annotated[int, Meta(ge=0)]
    reason: Text


def back_to_customer(order: Booking, now: datetime) -> int:
    """All of it until a day before, later what the barber's policy leaves."""
    free = now <= order.starts_at - order.free_until
    return order.price if free else order.price - order.price * order.late_share // 100


async def priced(_tx: object, _order: Beginning, params: NewBooking) -> dict[str, object]:
    """What the barber's services cost and how long they take, by the policy of today."""
    ends = params.starts_at + timedelta(minutes=30 * len(params.services))
    return {"ends_at": ends, "price": 3_000, "commission": 450, "free_until": timedelta(days=1), "late_share": 50, "accepts_itself": False}


@guard("This barber decides about each request.")
def accepts_itself(order: Booking) -> bool:
    """A barber may take bookings without looking."""
    return order.accepts_itself


B = BookingState
POLICY: Final = split({CUSTOMER: computed(back_to_customer), BARBER: REST}, why="the policy that was shown says how much")
BOOKING: Final = process(
    "booking",
    order=Booking,
    states=BookingState,
    parties={CUSTOMER: "customer_id", BARBER: "barber_id"},
    steps=(
        step("request", by=CUSTOMER, do=priced, source=START, target=B.UNPAID, takes=NewBooking),
        step(
            "authorise",
            by=PAYMENTS,
            on="payment.authorised",
            source=B.UNPAID,
            target=B.REQUESTED,
            money=reserve("price", payer=CUSTOMER),
            tell=tell(BARBER, "requested"),
        ),
        step("forget", by=CLOCK | CUSTOMER, source=B.UNPAID, target=B.EXPIRED, at=after(B.UNPAID, minutes=15), path="cancel"),
        step("accept", by=BARBER, source=B.REQUESTED, target=B.CONFIRMING, money=capture()),
        step(
            "accept_itself", by=CLOCK, source=B.REQUESTED, target=B.CONFIRMING, when=accepts_itself, at=after(B.REQUESTED), money=capture()
        ),
        step(
            "confirm",
            by=PAYMENTS,
            on="payment.captured",
            source=B.CONFIRMING,
            target=B.ACCEPTED,
            money=hold("price", payer=CUSTOMER, fee=field("commission")),
            tell=tell(CUSTOMER, "accepted"),
        ),
        step(
            "fail",
            by=PAYMENTS | CLOCK,
            on="payment.canceled",
            source=B.CONFIRMING,
            target=B.EXPIRED,
            money=void(),
            at=after(B.CONFIRMING, hours=1),
            tell=tell(CUSTOMER | BARBER, "payment_failed"),
        ),
        step("decline", by=BARBER, source=B.REQUESTED, target=B.DECLINED, money=void(), tell=tell(CUSTOMER, "declined")),
        step(
            "expire",
            by=CLOCK,
            source=B.REQUESTED,
            target=B.EXPIRED,
            money=void(),
            tell=tell(CUSTOMER, "expired"),
            at=first_of(after(B.REQUESTED, hours=2), before(field("starts_at"), minutes=30)),
        ),
        step(
            "withdraw",
            out_of_turn=True,
            by=CUSTOMER,
            source=B.REQUESTED,
            target=B.CANCELLED,
            money=void(),
            path="cancel",
            tell=tell(BARBER, "cancelled"),
        ),
        step("reschedule", by=both(CUSTOMER, BARBER), source=B.ACCEPTED, takes=Moved, tell=tell(CUSTOMER | BARBER, "moved")),
        step("on_the_way", by=BARBER, source=B.ACCEPTED, tell=tell(CUSTOMER, "on_the_way")),
        step("arrive", by=BARBER, source=B.ACCEPTED, tell=tell(CUSTOMER, "arrived")),
        step("start", by=BARBER, source=B.ACCEPTED, target=B.IN_PROGRESS),
        step(
            "complete",
            by=BARBER | CLOCK,
            source=(B.ACCEPTED, B.IN_PROGRESS),
            target=B.COMPLETED,
            at=after(field("ends_at"), hours=12),
            money=release(BARBER, why="the customer was there, and may dispute"),
            tell=tell(CUSTOMER, "completed"),
        ),
        step("cancel", out_of_turn=True, by=CUSTOMER, source=B.ACCEPTED, target=B.CANCELLED, money=POLICY, tell=tell(BARBER, "cancelled")),
        step(
            "call_off",
            out_of_turn=True,
            by=BARBER | ADMIN,
            source=(B.ACCEPTED, B.IN_PROGRESS),
            target=B.CANCELLED,
            money=refund(),
            path="cancel",
            tell=tell(CUSTOMER, "cancelled"),
        ),
        step("no_show", by=BARBER, source=B.ACCEPTED, target=B.NO_SHOW, tell=tell(CUSTOMER, "no_show")),
        step("charge", by=CLOCK, source=B.NO_SHOW, target=B.CANCELLED, at=after(B.NO_SHOW, hours=48), money=POLICY),
        step("forgive", by=BARBER, source=B.NO_SHOW, target=B.CANCELLED, money=refund(), tell=tell(CUSTOMER, "cancelled")),
        step(
            "dispute",
            out_of_turn=True,
            by=CUSTOMER,
            source=(B.IN_PROGRESS, B.NO_SHOW),
            target=B.DISPUTED,
            takes=Complaint,
            tell=tell(ADMIN, "disputed"),
        ),
        step(
            "resolve",
            by=ADMIN,
            source=B.DISPUTED,
            target=B.COMPLETED,
            takes=Shares,
            tell=tell(CUSTOMER | BARBER, "resolved"),
            money=split({BARBER: param("barber_amount"), CUSTOMER: param("customer_amount")}),
        ),
    ),
    waits={
        B.UNPAID: waits_on(CUSTOMER | PAYMENTS),
        B.REQUESTED: waits_on(BARBER),
        B.CONFIRMING: waits_on(PAYMENTS),
        B.ACCEPTED: waits_on(BARBER),
        B.IN_PROGRESS: waits_on(BARBER),
        B.NO_SHOW: waits_on(BARBER),
        B.DISPUTED: waits_on(ADMIN, because="staff decide"),
    },
    ends=(B.COMPLETED, B.DECLINED, B.EXPIRED, B.CANCELLED),
)


class VerificationState(StrEnum):
    PENDING = auto()
    APPROVED = auto()
    REJECTED = auto()


class Verification(Order):
    """What a barber showed about themselves."""

    barber_id: UUID


class Verdict(Record):
    """What staff found."""

    notes: Text


VERIFICATION: Final = process(
    "verification",
    order=Verification,
    states=VerificationState,
    parties={BARBER: "barber_id"},
    steps=(
        step("apply", by=BARBER, source=START, target=VerificationState.PENDING),
        step("add", out_of_turn=True, by=BARBER, source=VerificationState.PENDING),
        step(
            "approve",
            by=ADMIN,
            source=VerificationState.PENDING,
            target=VerificationState.APPROVED,
            takes=Verdict,
            tell=tell(BARBER, "approved"),
        ),
        step(
            "reject",
            by=ADMIN,
            source=VerificationState.PENDING,
            target=VerificationState.REJECTED,
            takes=Verdict,
            tell=tell(BARBER, "rejected"),
        ),
        step(
            "remind",
            by=CLOCK,
            source=VerificationState.PENDING,
            at=after(VerificationState.PENDING, days=2),
            tell=tell(ADMIN, "verification_waits"),
        ),
    ),
    waits={VerificationState.PENDING: waits_on(ADMIN, because="staff are reminded")},
    ends=(VerificationState.APPROVED, VerificationState.REJECTED),
)
