"""Grid's processes: a deployment, which machines carry from a payment to a chain and on, and a node's onboarding."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    PLATFORM,
    START,
    Beginning,
    Order,
    after,
    computed,
    field,
    guard,
    hold,
    machine,
    party,
    pay,
    process,
    refund,
    release,
    role,
    step,
    tell,
    waits_on,
)

USER: Final = party("user")
OPERATOR: Final = role("admin")
PAYMENTS: Final = machine("payments", "payment.captured")
SWAPPER: Final = machine("swapper", "swap.completed", "swap.requoted", "swap.failed")
BRIDGE: Final = machine("bridge", "bridge.minted", "bridge.returned")
CHAIN: Final = machine(
    "chain",
    "deposit.seen",
    "contract.created",
    "contract.failed",
    "contract.updated",
    "contract.refused",
    "balance.low",
    "balance.restored",
)

Text = Annotated[str, Meta(min_length=1, max_length=10_000)]


class DeploymentState(StrEnum):
    AWAITING_PAYMENT = auto()
    PAID = auto()
    SWAPPING = auto()
    SWAPPED = auto()
    BRIDGING = auto()
    DEPLOYING = auto()
    ACTIVE = auto()
    UPDATING = auto()
    GRACE = auto()
    FAILED = auto()
    REFUNDING = auto()
    REFUNDED = auto()
    CANCELLED = auto()


class Deployment(Order):
    """Capacity that somebody rents."""

    user_id: UUID
    price: int
    quote_until: datetime
    term_ends: datetime
    term_days: int
    requotes: int


class NewDeployment(Record):
    """What is wanted."""

    cpu: Annotated[int, Meta(ge=1)]
    memory: Annotated[int, Meta(ge=1)]
    disk: Annotated[int, Meta(ge=1)]
    months: Annotated[int, Meta(ge=1, le=36)] = 1


def unused(order: Deployment, now: datetime) -> int:
    """The part of the term that is left."""
    days = max((order.term_ends - now).days, 0)
    return order.price * days // order.term_days


async def quoted(_tx: object, order: Beginning, params: NewDeployment) -> dict[str, object]:
    """What it costs, and until when that holds."""
    days = 30 * params.months
    ends, holds = order.at + timedelta(days=days), order.at + timedelta(minutes=15)
    return {"price": params.cpu * days, "term_days": days, "term_ends": ends, "quote_until": holds, "requotes": 0}


@guard("The price has moved three times.")
def may_requote(order: Deployment) -> bool:
    """A swap is priced anew at most three times."""
    return order.requotes < 3


D = DeploymentState
ON_THE_WAY: Final = (D.SWAPPING, D.BRIDGING, D.DEPLOYING)
DEPLOYMENT: Final = process(
    "deployment",
    order=Deployment,
    states=DeploymentState,
    parties={USER: "user_id"},
    steps=(
        step("order", by=USER, do=quoted, source=START, target=D.AWAITING_PAYMENT, takes=NewDeployment),
        step(
            "pay",
            by=PAYMENTS | CHAIN,
            on=("payment.captured", "deposit.seen"),
            source=D.AWAITING_PAYMENT,
            target=D.PAID,
            emits="UserPaid",
            money=hold("price", payer=USER),
        ),
        step(
            "expire",
            out_of_turn=True,
            by=CLOCK | USER,
            source=D.AWAITING_PAYMENT,
            target=D.CANCELLED,
            at=after(field("quote_until")),
            path="delete",
        ),
        step("swap", by=CLOCK, source=D.PAID, target=D.SWAPPING, at=after(D.PAID)),
        step("requote", by=SWAPPER, on="swap.requoted", source=D.SWAPPING, when=may_requote),
        step("swapped", by=SWAPPER, on="swap.completed", source=D.SWAPPING, target=D.SWAPPED, emits="SwapCompleted"),
        step("bridge", by=CLOCK, source=D.SWAPPED, target=D.BRIDGING, at=after(D.SWAPPED)),
        step("bridged", by=BRIDGE, on="bridge.minted", source=D.BRIDGING, target=D.DEPLOYING),
        step(
            "deployed",
            by=CHAIN,
            on="contract.created",
            source=D.DEPLOYING,
            target=D.ACTIVE,
            money=release(PLATFORM),
            emits="DeploymentCreated",
            tell=tell(USER, "deployed"),
        ),
        step(
            "give_up",
            by=SWAPPER | BRIDGE | CHAIN,
            on=("swap.failed", "bridge.returned", "contract.failed"),
            source=ON_THE_WAY,
            target=D.FAILED,
            tell=tell(USER | OPERATOR, "failed"),
        ),
        step("stuck", by=CLOCK, source=ON_THE_WAY, at=tuple(after(state, hours=1) for state in ON_THE_WAY), tell=tell(OPERATOR, "stuck")),
        step("send_back", by=CLOCK | OPERATOR, source=D.FAILED, target=D.REFUNDING, at=after(D.FAILED, minutes=10)),
        step(
            "refunded",
            by=CLOCK | OPERATOR,
            source=D.REFUNDING,
            target=D.REFUNDED,
            at=after(D.REFUNDING),
            money=refund(),
            tell=tell(USER, "refunded"),
        ),
        step("update", by=USER, source=D.ACTIVE, target=D.UPDATING, takes=NewDeployment),
        step("updated", by=CHAIN, on="contract.updated", source=D.UPDATING, target=D.ACTIVE, emits="DeploymentUpdated"),
        step(
            "not_updated",
            by=CHAIN | CLOCK,
            on="contract.refused",
            source=D.UPDATING,
            target=D.ACTIVE,
            at=after(D.UPDATING, hours=1),
            tell=tell(USER, "not_updated"),
        ),
        step(
            "run_low",
            by=CHAIN | CLOCK,
            on="balance.low",
            source=D.ACTIVE,
            target=D.GRACE,
            at=after(field("term_ends")),
            tell=tell(USER, "balance_low"),
        ),
        step("top_up", by=CHAIN, on="balance.restored", source=D.GRACE, target=D.ACTIVE),
        step(
            "lapse",
            by=CLOCK,
            source=D.GRACE,
            target=D.CANCELLED,
            at=after(D.GRACE, days=14),
            emits="DeploymentCancelled",
            tell=tell(USER, "cancelled"),
        ),
        step(
            "delete",
            by=USER,
            source=(D.ACTIVE, D.GRACE),
            target=D.CANCELLED,
            emits="DeploymentCancelled",
            money=pay(USER, computed(unused), why="what of the term is left was paid for"),
            tell=tell(USER, "cancelled"),
        ),
    ),
    waits={
        D.AWAITING_PAYMENT: waits_on(PAYMENTS),
        D.PAID: waits_on(CLOCK),
        D.SWAPPING: waits_on(SWAPPER, because="a swap in doubt is looked for on the ledger; staff are told"),
        D.SWAPPED: waits_on(CLOCK),
        D.BRIDGING: waits_on(BRIDGE, because="what is on the bridge comes out or comes back; staff are told"),
        D.DEPLOYING: waits_on(CHAIN, because="a contract is created or refused; staff are told"),
        D.ACTIVE: waits_on(USER | CHAIN),
        D.UPDATING: waits_on(CHAIN),
        D.GRACE: waits_on(CHAIN),
        D.FAILED: waits_on(OPERATOR),
        D.REFUNDING: waits_on(OPERATOR),
    },
    ends=(D.REFUNDED, D.CANCELLED),
)


class NodeState(StrEnum):
    SUBMITTED = auto()
    REVIEWING = auto()
    APPROVED = auto()
    ONBOARDED = auto()
    REJECTED = auto()


class NodeRequest(Order):
    """Somebody wants to offer a node."""

    operator_id: UUID


class NewNode(Record):
    """What it is."""

    farm: Text
    location: Text


class Decision(Record):
    """What dashboard operators decide, and why."""

    reason: Text


N = NodeState
OWNER: Final = party("operator", "node_operator")
DASHBOARD: Final = role("dashboard_operator")
NODE: Final = process(
    "node_request",
    order=NodeRequest,
    states=NodeState,
    parties={OWNER: "operator_id"},
    steps=(
        step("submit", by=OWNER, source=START, target=N.SUBMITTED, takes=NewNode, tell=tell(DASHBOARD, "node_submitted")),
        step("withdraw", out_of_turn=True, by=OWNER, source=(N.SUBMITTED, N.REVIEWING), target=N.REJECTED),
        step("review", by=DASHBOARD, source=N.SUBMITTED, target=N.REVIEWING, tell=tell(OWNER, "node_reviewing")),
        step("approve", by=DASHBOARD, source=N.REVIEWING, target=N.APPROVED, takes=Decision, tell=tell(OWNER, "node_approved")),
        step(
            "reject", by=DASHBOARD, source=(N.SUBMITTED, N.REVIEWING), target=N.REJECTED, takes=Decision, tell=tell(OWNER, "node_rejected")
        ),
        step("onboard", by=DASHBOARD, source=N.APPROVED, target=N.ONBOARDED, tell=tell(OWNER, "node_onboarded")),
    ),
    waits={
        N.SUBMITTED: waits_on(DASHBOARD, because="operators work at their own pace"),
        N.REVIEWING: waits_on(DASHBOARD, because="operators work at their own pace"),
        N.APPROVED: waits_on(DASHBOARD, because="a node is installed by hand"),
    },
    ends=(N.ONBOARDED, N.REJECTED),
)
