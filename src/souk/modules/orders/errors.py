"""What orders say no to."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class NoSuchOrder(Refusal, status=404, message="There is no such {kind}, or it is not yours."):
    """Also for those who have no part in it: they are not told that it exists."""

    kind: str


class StepNotOpen(Refusal, status=409, message="A {kind} that is {state} cannot do this: {step}. {instead}"):
    """The step does not lead from the state that it is in."""

    kind: str
    step: str
    state: str
    instead: str
    open: list[str]


class StepNotYours(Refusal, status=403, message="This step is for {allowed}."):
    """Somebody with a part in the order, but not in this step."""

    step: str
    allowed: str


class MayNotBegin(Refusal, status=403, message="Only {allowed} can begin this."):
    """Whoever begins an order needs the role of the party that they become."""

    allowed: str


class SplitDiffers(
    Refusal, status=422, message="The parts come to {parts}, and {held} is held: change {change} so that they add up to it."
):
    """What is divided has to be all that is held."""

    parts: int
    held: int
    change: str


class PaymentDiffers(Refusal, status=409, message="{paid} was paid, and {wanted} is the price."):
    """A payment of another amount pays for nothing."""

    paid: int
    wanted: int


class PaymentOfOthers(Refusal, status=409, message="This payment is by somebody else, or for somebody else."):
    """It names an order, and not its payer or its payee."""
