"""What a payment provider can do, and how its answers and failures look. `sandbox` and `stripe` both are one.

Calls are made outside of transactions. Whatever changes something carries a `key`: repeated with the same key, a call has
happened once and is answered as it was the first time. So whoever does not know what became of a call repeats it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Final, Protocol

import msgspec

from souk.kernel.money import Money


class IntentState(StrEnum):
    """How far a payment has come, as the provider sees it."""

    REQUIRES_METHOD = auto()
    """The payer has to choose how to pay; also after a card was declined."""
    REQUIRES_CONFIRMATION = auto()
    REQUIRES_ACTION = auto()
    """The payer has to prove who they are (3-D Secure)."""
    PROCESSING = auto()
    REQUIRES_CAPTURE = auto()
    """Authorised: the money is reserved, and not taken yet."""
    SUCCEEDED = auto()
    CANCELED = auto()


class Failure(msgspec.Struct, frozen=True):
    """Why something did not work, in the provider's code (`card_declined`, `insufficient_funds`) and a sentence for the payer."""

    code: str
    message: str


class Customer(msgspec.Struct, frozen=True):
    """A payer whom the provider knows."""

    id: str


class Method(msgspec.Struct, frozen=True):
    """A saved way to pay."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class Setup(msgspec.Struct, frozen=True):
    """Saving a way to pay, without a payment."""

    id: str
    client_secret: str
    state: str
    """`requires_method`, `requires_action`, `succeeded`, `canceled`."""
    method: str | None = None


class Intent(msgspec.Struct, frozen=True):
    """A payment as the provider sees it. Whatever an event says, this is what counts."""

    id: str
    state: IntentState
    amount: Money
    captured: int
    refunded: int
    client_secret: str
    customer: str | None
    method: str | None
    failure: Failure | None
    manual: bool
    """Whether it is only authorised until it is captured."""
    metadata: Mapping[str, str]
    next_url: str | None = None
    """Where the payer proves who they are."""


class RefundState(StrEnum):
    """How far a refund has come. One that succeeded may still fail later: then the money is back with the provider."""

    PENDING = auto()
    SUCCEEDED = auto()
    FAILED = auto()


class Refund(msgspec.Struct, frozen=True):
    """Money on its way back to a payer."""

    id: str
    intent: str
    amount: Money
    state: RefundState
    failure: Failure | None = None


class DisputeState(StrEnum):
    """How far a chargeback has come."""

    OPEN = auto()
    WON = auto()
    LOST = auto()


class Dispute(msgspec.Struct, frozen=True):
    """A payer's bank took money back, or wants to."""

    id: str
    intent: str
    amount: Money
    fee: int
    state: DisputeState
    reason: str
    inquiry: bool = False
    """The bank only asks, and has taken nothing: there is nothing to book unless it becomes a chargeback."""


class Recipient(msgspec.Struct, frozen=True):
    """Somebody's account at the provider, to which payouts go (a connected account)."""

    id: str
    ready: bool
    """Whether payouts may be sent there; until then something is missing, which the onboarding asks for."""
    missing: tuple[str, ...] = ()
    destination: str = ""
    """A mark of the bank account behind it, where the provider tells one: another mark is another bank account."""


class PayoutState(StrEnum):
    """How far a payout has come. One that was paid may still fail: a bank sends it back days later."""

    PENDING = auto()
    PAID = auto()
    FAILED = auto()


class Payout(msgspec.Struct, frozen=True):
    """Money on its way to a recipient's bank."""

    id: str
    recipient: str
    amount: Money
    state: PayoutState
    failure: Failure | None = None


class Checkout(msgspec.Struct, frozen=True):
    """A page of the provider's on which somebody subscribes or buys."""

    id: str
    url: str
    state: str
    """`open`, `complete`, `expired`."""
    customer: str | None = None
    subscription: str | None = None


class Happening(msgspec.Struct, frozen=True):
    """An event of a webhook: a hint that something changed. Not ordered, perhaps late, perhaps twice."""

    id: str
    kind: str
    """Named as Stripe names them: `payment_intent.succeeded`, `charge.dispute.created`, `payout.failed`, `invoice.payment_succeeded`."""
    object_id: str
    object_kind: str
    """`payment_intent`, `refund`, `dispute`, `payout`, `account`, `checkout.session`, `invoice`, `subscription`, `setup_intent`."""
    at: datetime
    about: Mapping[str, str] = {}
    """Ids of other things that it names, by kind: a dispute's `payment_intent`, a payout's `account`."""


class Booking(msgspec.Struct, frozen=True):
    """A line of the provider's own books (a balance transaction): what daily reconciliation compares with the ledger."""

    id: str
    kind: str
    """`payment`, `refund`, `refund_failure`, `dispute`, `dispute_reversal`, `dispute_fee`, `payout`, `payout_failure`."""
    source: str
    """The intent, refund, dispute or payout that it belongs to."""
    amount: Money
    """Signed, as it changed the platform's balance there."""
    fee: int
    at: datetime


KEYS_KEPT: Final = timedelta(hours=23)
"""Providers keep the keys of calls for a day. A call that is older is not made again: what became of it is read."""


# Failures


KEY_REUSED: Final = "idempotency_error"
"""The call's key was used for another call: by an older version, perhaps, that asked for the same in other words."""


class ProviderError(Exception):
    """Something the provider said no to, or could not say."""


class Declined(ProviderError):
    """The payer's bank said no. Nothing was taken; another method may work."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure


class Misused(ProviderError):
    """The request was wrong, and would be wrong again: unknown ids, an amount beyond what is left, a state that does not allow it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Unreachable(ProviderError):
    """No answer, or one of 5xx, 429, 409: it may or may not have happened. Repeat it with the same key, later."""


class KeyRefused(Unreachable):
    """The market's own key is not taken, or may not do this. Nothing is said of what was asked for; somebody has to set the key right."""


def why_not(error: ProviderError) -> Failure | None:
    """Why the provider said no; None where that says nothing of what became of the call."""
    if isinstance(error, Declined):
        return error.failure
    return Failure(error.code, str(error)) if isinstance(error, Misused) and error.code != KEY_REUSED else None


class BadSignature(ProviderError):
    """A webhook that the provider did not sign, or signed too long ago."""


class PaymentProvider(Protocol):
    """All that markets need of a provider. Amounts are minor units of their currency; `metadata` comes back in every answer."""

    name: str

    async def close(self) -> None:
        """Close the connections: nothing is asked any more."""
        ...

    async def create_customer(self, key: str, *, email: str, name: str, metadata: Mapping[str, str]) -> Customer:
        """Make a payer known."""
        ...

    async def create_setup(self, key: str, customer: str) -> Setup:
        """Begin to save a way to pay; the payer's browser finishes it with the client secret."""
        ...

    async def setup(self, setup_id: str) -> Setup:
        """How far that has come."""
        ...

    async def methods(self, customer: str) -> list[Method]:
        """Saved ways to pay."""
        ...

    async def forget_method(self, key: str, method: str) -> None:
        """Remove one."""
        ...

    async def create_intent(  # noqa: PLR0913 - a payment has as many sides
        self,
        key: str,
        amount: Money,
        *,
        customer: str | None = None,
        method: str | None = None,
        manual: bool = False,
        confirm: bool = False,
        metadata: Mapping[str, str],
    ) -> Intent:
        """Begin a payment. confirm: with a saved method, without the payer's browser. Raises Declined."""
        ...

    async def confirm_intent(self, key: str, intent: str, method: str | None = None) -> Intent:
        """Go on with a payment by that method. Raises Declined."""
        ...

    async def capture_intent(self, key: str, intent: str, amount: int | None = None) -> Intent:
        """Take what was authorised, or part of it; the rest is let go."""
        ...

    async def cancel_intent(self, key: str, intent: str) -> Intent:
        """Give a payment up that was not captured; an authorisation is let go."""
        ...

    async def intent(self, intent: str) -> Intent:
        """A payment as it stands."""
        ...

    async def refund(self, key: str, intent: str, amount: int, *, metadata: Mapping[str, str]) -> Refund:
        """Send money back to the payer."""
        ...

    async def refund_of(self, refund: str) -> Refund:
        """A refund as it stands."""
        ...

    async def find_refund(self, intent: str, ours: str) -> Refund | None:
        """The refund of a payment whose metadata says `refund: ours`, for whoever lost its answer. None: there is none."""
        ...

    async def dispute(self, dispute: str) -> Dispute:
        """A chargeback as it stands."""
        ...

    async def create_recipient(self, key: str, *, email: str, country: str, metadata: Mapping[str, str]) -> Recipient:
        """Open an account for payouts."""
        ...

    async def recipient(self, recipient: str) -> Recipient:
        """It as it stands."""
        ...

    async def onboarding(self, recipient: str, *, back: str) -> str:
        """A page on which its owner gives what is missing, and then goes back."""
        ...

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        """Send money from the platform's balance to a recipient's bank."""
        ...

    async def payout(self, payout: str, recipient: str) -> Payout:
        """It as it stands."""
        ...

    async def find_payout(self, recipient: str, ours: str, since: datetime) -> Payout | None:
        """The payout whose metadata says `payout: ours`, for whoever lost its answer and may not call again since keys are forgotten.

        None: there is none, and there will be none. Money that had come half of the way is the platform's again by then.
        """
        ...

    async def checkout(  # noqa: PLR0913 - a page has as many sides
        self, key: str, *, customer: str, price: str, quantity: int, mode: str, success: str, cancel: str, metadata: Mapping[str, str]
    ) -> Checkout:
        """A page to subscribe (`mode` "subscription") or to buy ("payment") at a price that the provider knows."""
        ...

    async def checkout_of(self, checkout: str) -> Checkout:
        """It as it stands."""
        ...

    async def portal(self, customer: str, *, back: str) -> str:
        """A page on which a customer manages subscriptions, methods and invoices."""
        ...

    def bookings(self, since: datetime, until: datetime) -> AsyncIterator[Booking]:
        """The provider's own books of a time."""
        ...

    def read_webhook(self, raw: bytes, headers: Mapping[bytes, bytes], now: datetime) -> Happening:
        """Verify the raw bytes (300 s tolerance) and read them. Raises BadSignature."""
        ...
