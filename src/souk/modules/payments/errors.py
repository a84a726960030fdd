"""What payments refuse."""

from souk.kernel.errors import Refusal


class PaymentsClosed(
    Refusal,
    status=503,
    retry_after=300,
    message="Payments are not set up here; nothing was paid. Whoever runs the market must name a provider.",
):
    """No provider, or one that is not to be had any more."""


class ProviderUnreachable(
    Refusal,
    status=503,
    retry_after=10,
    message="The payment provider does not answer at the moment; nothing was changed. Try again shortly.",
):
    """It was only asked, and did not answer. Where something was to happen, it is asked again until it is known what became of it."""


class PaymentNotFound(Refusal, status=404, message="There is no such payment, or it is not yours."):
    """One answer for both, so that nobody learns which payments exist."""


class PaymentBusy(
    Refusal, status=409, retry_after=10, message="The provider has not answered yet what became of this payment; try again shortly."
):
    """A call has no outcome yet. It is repeated until it has one."""


class PaymentOver(Refusal, status=409, message="This payment is {state} already."):
    """Captured, canceled: what was asked for cannot be done any more."""

    state: str


class NotAuthorised(Refusal, status=409, message="Only a payment that was authorised and not captured can be captured."):
    """There is nothing to take."""


class NotCaptured(Refusal, status=409, message="Only money that was captured can be sent back."):
    """A refund of what never came."""


class RefundTooLarge(
    Refusal, status=409, message="`amount` may be {refundable} at most (in minor units): so much of this payment can still be sent back."
):
    """All refunds and chargebacks together never exceed what was captured."""

    refundable: int


class FeeTooLarge(Refusal, status=422, message="Only {returnable} (in minor units) of the fee can still be returned."):
    """The platform returns what it took, and no more."""

    returnable: int


class NothingHeld(Refusal, status=409, message="Nothing of this payment is held any more."):
    """An escrow that was released or sent back, or a payment without one."""


class DepositOutOfBounds(Refusal, status=422, message="`amount` must be from {least} to {most} (in minor units)."):
    """The market's rule."""

    least: int
    most: int


class PayingOneself(Refusal, status=422, message="`payeeId` is yourself: name somebody else, whom you pay for their work."):
    """Payer and payee are one."""


class PayeeNotFound(Refusal, status=404, message="`payeeId` must be the id of somebody who is paid for work here; nobody of that id is."):
    """Nobody, or somebody of another role: one answer for both, so that nobody learns who is here."""


class MethodNotFound(Refusal, status=404, message="There is no such saved way to pay, or it is not yours."):
    """One answer for both."""


class WebhookRefused(Refusal, status=400, message="The provider did not sign this, or it is too old."):
    """Nobody else may tell what was paid."""


class PayoutAccountMissing(
    Refusal, status=409, message="There is no account yet to which a payout could go; set one up by `PUT /wallet/payout-account`."
):
    """Nobody knows where to send it."""


class PayoutAccountUnready(
    Refusal,
    status=409,
    message="Before it sends payouts, the payment provider needs of you: {missing}. `PUT /wallet/payout-account` leads there.",
):
    """Onboarding is not finished, or something is missing again."""

    missing: str


class PayoutAccountRefused(Refusal, status=422, message="The payment provider opens no such account: {reason}."):
    """A country that it does not serve, an address that it does not take."""

    reason: str


class CountryNotServed(Refusal, status=422, message="`country`: payouts do not go to {country} here."):
    """The market's rule."""

    country: str


class PayoutTooSmall(Refusal, status=422, message="`amount` must be {least} at least (in minor units)."):
    """The market's rule."""

    least: int


class OwesMore(
    Refusal, status=409, message="You owe {owed} (in minor units) after a refund or a chargeback, and nothing would be left of this payout."
):
    """What is owed is kept back from payouts first."""

    owed: int


class PayoutNotFound(Refusal, status=404, message="There is no such payout, or it is not yours."):
    """One answer for both."""


class PayoutOver(Refusal, status=409, message="This payout is {state} already."):
    """What was asked for cannot be done any more."""

    state: str


class OwnPayout(Refusal, status=403, message="Nobody decides about a payout to themselves."):
    """Staff who are also paid."""


class ApprovedAlready(Refusal, status=409, message="You have approved this payout; it needs somebody else too."):
    """Two approvals are two people's."""


class PayoutInDoubt(
    Refusal, status=409, retry_after=60, message="The provider has not answered yet what became of this payout; it is being asked."
):
    """Whoever gave the money back now might pay it twice."""


class DifferenceNotFound(Refusal, status=404, message="There is no such difference."):
    """Never found, or of another market."""


class DifferenceExplained(Refusal, status=409, message="This difference is explained already."):
    """Once is enough."""
