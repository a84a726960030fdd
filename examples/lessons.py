"""Lessons: book a tutor by the hour, pay, be taught, and the tutor gets paid. A whole marketplace on a page."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.assembly import Market
from souk.kernel.http.guards import Role
from souk.kernel.money import Rate
from souk.kernel.record import Moment, Record
from souk.modules import audit, identity, ledger, mail, orders, payments
from souk.process import (
    CLOCK,
    REST,
    START,
    Order,
    after,
    before,
    both,
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
    role,
    split,
    step,
    waits_on,
)

STUDENT, TUTOR, ADMIN = party("student"), party("tutor"), role("admin")
PAYMENTS = machine("payments", "payment.captured")


class S(StrEnum):
    """Where a lesson can be."""

    ASKED = auto(); ACCEPTED = auto(); PAID = auto(); TAUGHT = auto(); DISPUTED = auto()  # noqa: E702 - one line reads better than nine  # fmt: skip
    DONE = auto(); DECLINED = auto(); EXPIRED = auto(); CANCELLED = auto()  # noqa: E702 - one line reads better than nine  # fmt: skip


class Lesson(Order):
    """An hour or more with a tutor."""

    student_id: UUID
    tutor_id: UUID
    subject: str
    starts_at: Moment
    price: int


class NewLesson(Record):
    """What is to be learnt, with whom, when, and for how much."""

    tutor_id: UUID
    subject: Annotated[str, Meta(min_length=1, max_length=200)]
    starts_at: Moment
    price: Annotated[int, Meta(gt=0)]


class NewTime(Record):
    """Another time."""

    starts_at: Moment


class Complaint(Record):
    """What went wrong."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000)]


class Shares(Record):
    """Who gets what, as staff decide."""

    tutor_amount: Annotated[int, Meta(ge=0)]
    student_amount: Annotated[int, Meta(ge=0)]


def back_to_student(order: Lesson, now: datetime) -> int:
    """All until a day before, then half."""
    return order.price if now <= order.starts_at - timedelta(days=1) else order.price - order.price // 2


@guard("A lesson with yourself needs no market.")
def is_with_another(order: Lesson) -> bool:
    """Nobody teaches themselves here."""
    return order.student_id != order.tutor_id


FEE, TERMS = Rate.parse("15%"), "the terms that were shown say how much"
LESSON: Final = process("lesson", order=Lesson, states=S, parties={STUDENT: "student_id", TUTOR: "tutor_id"}, steps=(
    step("book", by=STUDENT, source=START, target=S.ASKED, takes=NewLesson, when=is_with_another, about="Ask a tutor for a lesson."),
    step("accept", by=TUTOR, source=S.ASKED, target=S.ACCEPTED),
    step("decline", by=TUTOR, source=S.ASKED, target=S.DECLINED),
    step("expire", by=CLOCK, source=S.ASKED, target=S.EXPIRED, at=first_of(after(S.ASKED, days=2), before(field("starts_at"), hours=1))),
    step("pay", by=STUDENT, source=S.ACCEPTED, target=S.PAID, money=hold("price", payer=STUDENT, fee=FEE), about="Pay from the wallet."),
    step("pay_by_card", by=PAYMENTS, on="payment.captured", source=S.ACCEPTED, target=S.PAID, money=hold("price", payer=STUDENT, fee=FEE)),
    step("lapse", by=CLOCK, source=S.ACCEPTED, target=S.EXPIRED, at=after(S.ACCEPTED, days=1)),
    step("move", by=both(STUDENT, TUTOR), source=S.PAID, takes=NewTime, sets=("starts_at",), about="Agree on another time."),
    step("cancel", by=STUDENT, out_of_turn=True, source=S.PAID, target=S.CANCELLED,
         money=split({STUDENT: computed(back_to_student), TUTOR: REST}, why=TERMS)),
    step("call_off", by=TUTOR, path="cancel", source=S.PAID, target=S.CANCELLED, money=refund()),
    step("forget", by=CLOCK, source=S.PAID, target=S.CANCELLED, at=after(field("starts_at"), days=3), money=refund()),
    step("teach", by=TUTOR, source=S.PAID, target=S.TAUGHT, about="Say that the lesson was given."),
    step("confirm", by=STUDENT | CLOCK, source=S.TAUGHT, target=S.DONE, at=after(S.TAUGHT, days=2), money=release(TUTOR)),
    step("dispute", by=STUDENT, source=S.TAUGHT, target=S.DISPUTED, takes=Complaint),
    step("resolve", by=ADMIN, source=S.DISPUTED, target=S.DONE, takes=Shares,
         money=split({TUTOR: param("tutor_amount"), STUDENT: param("student_amount")})),
), waits={
    S.ASKED: waits_on(TUTOR),
    S.ACCEPTED: waits_on(STUDENT | PAYMENTS),
    S.PAID: waits_on(TUTOR),
    S.TAUGHT: waits_on(STUDENT),
    S.DISPUTED: waits_on(ADMIN, because="staff decide"),
}, ends=(S.DONE, S.DECLINED, S.EXPIRED, S.CANCELLED))  # fmt: skip

SALES = orders.sells(orders.Sold(LESSON, "lessons"))
LESSONS = Market(
    "lessons",
    base="/lessons/api",
    title="Lessons: tutors by the hour",
    roles=(
        Role("student", payments.PAYER),
        Role("tutor", payments.PAYEE),
        Role("admin", identity.STAFF | audit.READER | mail.STAFF | payments.STAFF),
    ),
    modules=(mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE, SALES.module),
    rules=(identity.Rules(sign_up=("student", "tutor")), ledger.Assets((ledger.USD,)), payments.Rules(fee=FEE), SALES.processes),
)
