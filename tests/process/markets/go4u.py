"""Go4u's processes: a task, which becomes a contract when both sides press *Deal*, and the deal cards of its chats."""

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

REQUESTER: Final = party("requester")
AGENT: Final = party("agent")
PROPOSER: Final = party("proposer", "requester", "agent")
OTHER: Final = party("other", "requester", "agent")
ADMIN: Final = role("admin")
PAYMENTS: Final = machine("payments", "payment.captured")
DEAL_MOVES: Final = process_of("deal")

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]


class TaskState(StrEnum):
    DRAFT = auto()
    DEAL = auto()
    ACTIVE = auto()
    DISPUTED = auto()
    DONE = auto()
    CANCELLED = auto()


class Task(Order):
    """What somebody wants done."""

    requester_id: UUID
    price: int
    due: datetime
    is_public: bool = False
    signatures: int = 0
    agent_id: UUID | None = None


class NewTask(Record):
    """A task as its requester describes it."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: Text
    due: datetime
    price: Annotated[int, Meta(ge=0)] = 0


class Complaint(Record):
    """What is wrong."""

    reason: Text


class Shares(Record):
    """Who gets what, as staff decide."""

    agent_amount: Annotated[int, Meta(ge=0)]
    requester_amount: Annotated[int, Meta(ge=0)]
    reason: Text


async def agent_of_deal(_tx: object, order: Task, _params: None) -> dict[str, object]:
    """Whose deal it is."""
    return {"agent_id": order.requester_id}


@guard("Both sides have to sign the contract first.")
def is_signed(order: Task) -> bool:
    """Nobody pays for what is not signed."""
    return order.signatures == 2


@guard("The task is not published.")
def is_public(order: Task) -> bool:
    """What nobody sees cannot be taken back."""
    return order.is_public


T = TaskState
TASK: Final = process(
    "task",
    order=Task,
    states=TaskState,
    parties={REQUESTER: "requester_id", AGENT: "agent_id"},
    steps=(
        step("create", by=REQUESTER, source=START, target=T.DRAFT, takes=NewTask, emits="task.created"),
        step("edit", by=REQUESTER, source=T.DRAFT, takes=NewTask),
        step("publish", by=REQUESTER, source=T.DRAFT),
        step("unpublish", by=REQUESTER, source=T.DRAFT, when=is_public),
        step(
            "deal",
            by=DEAL_MOVES,
            source=T.DRAFT,
            target=T.DEAL,
            sets=("agent_id",),
            do=agent_of_deal,
            emits="task.deal.confirmed",
            tell=tell(REQUESTER | AGENT, "deal"),
        ),
        step("sign", by=REQUESTER | AGENT, source=T.DEAL),
        step(
            "fund",
            by=REQUESTER,
            source=T.DEAL,
            target=T.ACTIVE,
            when=is_signed,
            emits="payment.escrow.hold",
            money=hold("price", payer=REQUESTER, fee=Rate.parse("10%")),
            tell=tell(AGENT, "funded"),
        ),
        step(
            "fund_by_card",
            by=PAYMENTS,
            on="payment.captured",
            source=T.DEAL,
            target=T.ACTIVE,
            when=is_signed,
            emits="payment.escrow.hold",
            money=hold("price", payer=REQUESTER, fee=Rate.parse("10%")),
            tell=tell(AGENT, "funded"),
        ),
        step("lapse", by=CLOCK, source=T.DEAL, target=T.DRAFT, at=after(T.DEAL, hours=48), tell=tell(REQUESTER | AGENT, "lapsed")),
        step("finish", by=AGENT, source=T.ACTIVE, tell=tell(REQUESTER, "finished")),
        step(
            "done",
            by=REQUESTER | CLOCK,
            source=T.ACTIVE,
            target=T.DONE,
            at=after("finish", days=7),
            money=release(AGENT),
            tell=tell(AGENT, "done"),
            emits="task.done",
        ),
        step("overdue", by=CLOCK, source=T.ACTIVE, at=after(field("due"), days=3), tell=tell(REQUESTER | AGENT, "overdue")),
        step("cancel", by=REQUESTER, source=(T.DRAFT, T.DEAL), target=T.CANCELLED, tell=tell(AGENT, "cancelled")),
        step(
            "cancel_together",
            by=both(REQUESTER, AGENT),
            source=T.ACTIVE,
            target=T.CANCELLED,
            money=refund(),
            path="cancel",
            tell=tell(REQUESTER | AGENT, "cancelled"),
        ),
        step("dispute", by=REQUESTER | AGENT, source=T.ACTIVE, target=T.DISPUTED, takes=Complaint, tell=tell(ADMIN, "disputed")),
        step(
            "resolve",
            by=ADMIN,
            source=T.DISPUTED,
            target=T.CANCELLED,
            takes=Shares,
            money=split({AGENT: param("agent_amount"), REQUESTER: param("requester_amount")}),
            tell=tell(REQUESTER | AGENT, "resolved"),
        ),
    ),
    waits={
        T.DRAFT: waits_on(REQUESTER, because="a draft is nobody's loss"),
        T.DEAL: waits_on(REQUESTER | AGENT | PAYMENTS),
        T.ACTIVE: waits_on(AGENT | REQUESTER, because="both hear that it is overdue, and either may dispute"),
        T.DISPUTED: waits_on(ADMIN, because="staff decide"),
    },
    ends=(T.DONE, T.CANCELLED),
)


class DealState(StrEnum):
    PROPOSED = auto()
    ACCEPTED = auto()
    DECLINED = auto()
    WITHDRAWN = auto()


class Deal(Order):
    """A card in a chat: these terms, or none."""

    task_id: UUID
    proposer_id: UUID
    other_id: UUID
    price: int
    due: datetime


class NewDeal(Record):
    """The terms."""

    task_id: UUID
    other_id: UUID
    price: Annotated[int, Meta(ge=0)]
    due: datetime
    scope: Text


D = DealState
DEAL: Final = process(
    "deal",
    order=Deal,
    states=DealState,
    parties={PROPOSER: "proposer_id", OTHER: "other_id"},
    steps=(
        step("propose", by=PROPOSER, source=START, target=D.PROPOSED, takes=NewDeal, tell=tell(OTHER, "proposed")),
        step("accept", by=OTHER, source=D.PROPOSED, target=D.ACCEPTED, along=along("task", "deal", through="task_id")),
        step("decline", by=OTHER, source=D.PROPOSED, target=D.DECLINED, tell=tell(PROPOSER, "declined")),
        step("withdraw", out_of_turn=True, by=PROPOSER | CLOCK, source=D.PROPOSED, target=D.WITHDRAWN, at=after(field("due"))),
    ),
    waits={D.PROPOSED: waits_on(OTHER)},
    ends=(D.ACCEPTED, D.DECLINED, D.WITHDRAWN),
)
