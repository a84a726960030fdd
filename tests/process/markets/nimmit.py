"""Nimmit's process: a job that is paid with credits, offered to one worker after another, and done in rounds."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    PLATFORM,
    REST,
    START,
    Order,
    after,
    before,
    computed,
    field,
    guard,
    hold,
    machine,
    param,
    party,
    pay,
    process,
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
OFFERED: Final = party("offered", "worker")
ANY_WORKER: Final = role("worker")
ADMIN: Final = role("admin")
ANALYST: Final = machine("analyst", "job.analysed")

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]


class JobState(StrEnum):
    PENDING = auto()
    MATCHING = auto()
    ASSIGNED = auto()
    IN_PROGRESS = auto()
    REVIEW = auto()
    REVISION = auto()
    COMPLETED = auto()
    CANCELLED = auto()


class Job(Order):
    """What a client wants done."""

    client_id: UUID
    deadline: datetime
    credits: int = 1
    hours: int = 1
    hourly_rate: int = 2_000
    revisions: int = 0
    revisions_allowed: int = 2
    deliverables: int = 0
    is_public: bool = False
    worker_id: UUID | None = None
    offered_id: UUID | None = None


class NewJob(Record):
    """A job as its client describes it."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Text
    deadline: datetime


class Choice(Record):
    """Who is to do it."""

    worker_id: UUID


class Feedback(Record):
    """What is to be done again."""

    feedback: Text


class Shares(Record):
    """Which part of the credits the client gets back."""

    client_credits: Annotated[int, Meta(ge=0)]
    reason: Text


def earnings(order: Job, _now: datetime) -> int:
    """What a worker earns by a job."""
    return order.hours * order.hourly_rate


async def next_in_line(_tx: object, order: Job, _params: None) -> dict[str, object]:
    """The best who was not asked before."""
    return {"offered_id": order.client_id}


@guard("There are no revisions left.")
def rounds_are_left(order: Job) -> bool:
    """A client may ask for as many revisions as were agreed."""
    return order.revisions < order.revisions_allowed


@guard("The job is offered to one worker at a time, and not open to all yet.")
def is_open_to_all(order: Job) -> bool:
    """After three rounds whoever qualifies may take a job."""
    return order.is_public


@guard("Add at least one deliverable first.")
def has_deliverables(order: Job) -> bool:
    """Nothing is submitted without anything in it."""
    return order.deliverables > 0


J = JobState
WORKING: Final = (J.IN_PROGRESS, J.REVISION)
JOB: Final = process(
    "job",
    order=Job,
    states=JobState,
    parties={CLIENT: "client_id", WORKER: "worker_id", OFFERED: "offered_id"},
    steps=(
        step("post", by=CLIENT, source=START, target=J.PENDING, takes=NewJob, money=hold("credits", payer=CLIENT, asset="CRD")),
        step("analyse", by=ANALYST | CLOCK, on="job.analysed", source=J.PENDING, target=J.MATCHING, at=after(J.PENDING, minutes=2)),
        step(
            "offer",
            by=CLOCK,
            source=J.MATCHING,
            sets=("offered_id",),
            do=next_in_line,
            tell=tell(OFFERED, "offered"),
            at=(after(J.MATCHING), after("decline"), after("offer", minutes=15)),
        ),
        step("decline", by=OFFERED, source=J.MATCHING),
        step("accept", by=OFFERED, source=J.MATCHING, target=J.ASSIGNED, becomes=WORKER, tell=tell(CLIENT, "assigned")),
        step(
            "take",
            out_of_turn=True,
            by=ANY_WORKER,
            source=J.MATCHING,
            target=J.ASSIGNED,
            when=is_open_to_all,
            becomes=WORKER,
            path="accept",
            tell=tell(CLIENT, "assigned"),
        ),
        step(
            "assign",
            out_of_turn=True,
            by=ADMIN,
            source=J.MATCHING,
            target=J.ASSIGNED,
            takes=Choice,
            sets=("worker_id",),
            tell=tell(WORKER, "assigned"),
        ),
        step(
            "reassign",
            out_of_turn=True,
            by=ADMIN,
            source=(J.ASSIGNED, *WORKING),
            target=J.ASSIGNED,
            takes=Choice,
            sets=("worker_id",),
            tell=tell(WORKER, "assigned"),
        ),
        step("start", by=WORKER, source=J.ASSIGNED, target=J.IN_PROGRESS),
        step(
            "remind",
            by=CLOCK,
            source=(J.ASSIGNED, *WORKING),
            tell=tell(WORKER, "deadline_near"),
            at=(before(field("deadline"), hours=24), before(field("deadline"), hours=4)),
        ),
        step("overdue", by=CLOCK, source=(J.ASSIGNED, *WORKING), at=after(field("deadline")), tell=tell(CLIENT | ADMIN, "overdue")),
        step("submit", by=WORKER, source=WORKING, target=J.REVIEW, when=has_deliverables, tell=tell(CLIENT, "submitted")),
        step(
            "request_revision",
            by=CLIENT,
            source=J.REVIEW,
            target=J.REVISION,
            takes=Feedback,
            when=rounds_are_left,
            path="revision",
            tell=tell(WORKER, "revision_wanted"),
        ),
        step(
            "complete",
            by=CLIENT | CLOCK,
            source=J.REVIEW,
            target=J.COMPLETED,
            at=after(J.REVIEW, days=5),
            money=(release(PLATFORM), pay(WORKER, computed(earnings), asset="USD")),
            tell=tell(WORKER, "completed"),
        ),
        step(
            "cancel",
            out_of_turn=True,
            by=CLIENT,
            source=(J.PENDING, J.MATCHING, J.ASSIGNED),
            target=J.CANCELLED,
            money=refund(why="work has not begun"),
            tell=tell(WORKER, "cancelled"),
        ),
        step(
            "call_off",
            out_of_turn=True,
            by=ADMIN,
            source=(*WORKING, J.REVIEW),
            target=J.CANCELLED,
            takes=Shares,
            path="cancel",
            money=split({CLIENT: param("client_credits"), PLATFORM: REST}),
            tell=tell(CLIENT | WORKER, "cancelled"),
        ),
    ),
    waits={
        J.PENDING: waits_on(ANALYST),
        J.MATCHING: waits_on(OFFERED, because="the clock asks the next one, and then all"),
        J.ASSIGNED: waits_on(WORKER, because="staff are told, and choose another"),
        J.IN_PROGRESS: waits_on(WORKER, because="staff are told, and choose another"),
        J.REVISION: waits_on(WORKER, because="staff are told, and choose another"),
        J.REVIEW: waits_on(CLIENT),
    },
    ends=(J.COMPLETED, J.CANCELLED),
)
