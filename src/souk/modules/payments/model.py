"""Payments, refunds, chargebacks, payouts: what they are, and the rules that need no database."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta
from msgspec.structs import replace

from souk.kernel.money import Currency
from souk.kernel.record import Record
from souk.modules.payments.provider import IntentState

Minor = Annotated[int, Meta(ge=1, le=10**12, description="An amount in minor units: 12500 is 125.00 where the asset has two decimals.")]
Key = Annotated[str, Meta(min_length=1, max_length=200)]
MethodId = Annotated[str, Meta(min_length=1, max_length=200, description="A saved way to pay, used at once.", examples=["pm_card_visa"])]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]


class PaymentState(StrEnum):
    """How far a payment has come."""

    CREATED = auto()
    UNKNOWN = auto()
    """The provider did not answer; it is asked again until it is known."""
    PENDING = auto()
    """The payer, or their bank, has something to do."""
    ACTION = auto()
    """The payer has to prove who they are."""
    FAILED = auto()
    """The bank said no. Another try may work."""
    AUTHORISED = auto()
    """The money is reserved, and not taken yet."""
    CAPTURED = auto()
    CANCELED = auto()


OPEN: Final = frozenset(
    {PaymentState.CREATED, PaymentState.UNKNOWN, PaymentState.PENDING, PaymentState.ACTION, PaymentState.FAILED, PaymentState.AUTHORISED}
)
"""What may still become a captured payment."""


class Call(StrEnum):
    """What was asked of a provider, and may have no outcome yet."""

    CREATE = auto()
    CONFIRM = auto()
    CAPTURE = auto()
    CANCEL = auto()


class Payment(Record):
    """Money that somebody pays in, as they see it."""

    id: UUID
    payer_id: UUID
    payee_id: UUID | None
    kind: str
    reference_id: UUID | None
    amount: int
    fee: int
    currency: str
    status: PaymentState
    captured: int
    refunded: int
    disputed: int
    failure: str | None
    created_at: datetime
    captured_at: datetime | None


class Row(Record):
    """A payment with all that its handling needs."""

    id: UUID
    payer_id: UUID
    payee_id: UUID | None
    kind: str
    reference_id: UUID | None
    amount: int
    fee: int
    currency: str
    provider: str
    provider_id: str | None
    state: PaymentState
    manual: bool
    escrow: bool
    captured: int
    refunded: int
    disputed: int
    hold_id: UUID | None
    held: int
    captured_by: UUID | None
    released_by: UUID | None
    released: int
    fee_taken: int
    fee_returned: int
    client_secret: str | None
    next_url: str | None
    failure_code: str | None
    failure: str | None
    key: str
    call: Call | None
    calls: int
    call_method: str | None
    call_amount: int | None
    called_at: datetime | None
    revision: int
    created_at: datetime
    captured_at: datetime | None

    @property
    def call_key(self) -> str:
        """The key of the call that was begun last: the same whoever makes it, however often."""
        return f"{self.id}:{self.calls}"

    @property
    def left(self) -> int:
        """What can still be sent back."""
        return self.captured - self.refunded - self.disputed

    @property
    def begun(self) -> Begun:
        """As its payer sees it while they pay. Nobody else is given what opens it: the secret, and the page that has it in its address."""
        next_url = self.next_url if self.state is PaymentState.ACTION else None
        answer = (self.amount, self.fee, self.amount - self.fee, self.currency, self.state)
        return Begun(self.id, self.client_secret, *answer, self.failure, next_url)

    def shown_to(self, person_id: UUID) -> Payment:
        """As somebody sees it: why it failed is between its payer and their bank, and no matter of who would have earned it."""
        return self.shown if person_id != self.payee_id else replace(self.shown, failure=None)

    @property
    def shown(self) -> Payment:
        """As its payer and staff see it."""
        return Payment(
            self.id,
            self.payer_id,
            self.payee_id,
            self.kind,
            self.reference_id,
            self.amount,
            self.fee,
            self.currency,
            self.state,
            self.captured,
            self.refunded,
            self.disputed,
            self.failure,
            self.created_at,
            self.captured_at,
        )


class RefundStatus(StrEnum):
    """How far a refund has come. One that succeeded may still fail."""

    CREATED = auto()
    UNKNOWN = auto()
    PENDING = auto()
    SUCCEEDED = auto()
    FAILED = auto()


REFUND_RANKS: Final = {
    RefundStatus.CREATED: 0,
    RefundStatus.UNKNOWN: 0,
    RefundStatus.PENDING: 1,
    RefundStatus.SUCCEEDED: 2,
    RefundStatus.FAILED: 3,
}
"""A refund only ever moves up, whatever comes late or twice."""
NOT_ARRIVED: Final = "The money did not arrive; it is where it came from."


class RefundSource(StrEnum):
    """Where the money of a refund, or of a chargeback, is taken from."""

    HOLD = auto()
    PAYER = auto()
    PAYEE = auto()


class RefundRow(Record):
    """A refund with all that its handling needs."""

    id: UUID
    payment_id: UUID
    amount: int
    currency: str
    fee_returned: int
    source: RefundSource
    owed: int
    state: RefundStatus
    provider: str
    provider_id: str | None
    reason: str | None
    asked_by: UUID | None
    failure: str | None
    key: str
    journals: list[UUID]
    called_at: datetime | None
    revision: int
    created_at: datetime

    @property
    def shown(self) -> Refunded:
        """As staff see it, with the provider's own words."""
        return Refunded(self.id, self.payment_id, self.amount, self.currency, self.fee_returned, self.state, self.failure, self.created_at)

    @property
    def outlined(self) -> Refunded:
        """As the parties of the payment see it."""
        return replace(self.shown, failure=NOT_ARRIVED if self.failure else None)


class Refunded(Record):
    """Money on its way back to a payer."""

    id: UUID
    payment_id: UUID
    amount: int
    currency: str
    fee_returned: int
    status: RefundStatus
    failure: str | None
    created_at: datetime


class PaymentDetail(Payment):
    """A payment, and what was sent back of it."""

    refunds: list[Refunded]


class Happened(Record):
    """What a provider told, as the inbox keeps it."""

    provider: str
    event_id: str
    kind: str
    object_kind: str
    object_id: str
    about: dict[str, str]
    happened_at: datetime
    received_at: datetime
    processed_at: datetime | None


class ChargebackState(StrEnum):
    """How far a chargeback has come."""

    OPEN = auto()
    WON = auto()
    LOST = auto()


class PayoutStatus(StrEnum):
    """How far a payout has come. One that was paid may still come back."""

    REQUESTED = auto()
    APPROVED = auto()
    UNKNOWN = auto()
    SENT = auto()
    PAID = auto()
    FAILED = auto()
    RETURNED = auto()
    DECLINED = auto()
    CANCELED = auto()


class DifferenceKind(StrEnum):
    """In what the provider's books and the ledger differ."""

    MISSING_HERE = auto()
    MISSING_THERE = auto()
    AMOUNT = auto()


STATE_OF: Final = {
    IntentState.REQUIRES_METHOD: PaymentState.PENDING,
    IntentState.REQUIRES_CONFIRMATION: PaymentState.PENDING,
    IntentState.REQUIRES_ACTION: PaymentState.ACTION,
    IntentState.PROCESSING: PaymentState.PENDING,
    IntentState.REQUIRES_CAPTURE: PaymentState.AUTHORISED,
    IntentState.SUCCEEDED: PaymentState.CAPTURED,
    IntentState.CANCELED: PaymentState.CANCELED,
}
"""What the provider's states mean here. One that wants a method and tells of a failure has failed."""

RANKS: Final = dict.fromkeys(OPEN, 0) | {PaymentState.AUTHORISED: 1, PaymentState.CAPTURED: 2, PaymentState.CANCELED: 2}
"""A payment only ever moves up: open, authorised, and then captured or canceled for good."""


class NewDeposit(Record):
    """Money that somebody wants to bring into their wallet."""

    amount: Minor
    currency: Currency | None = None
    method: MethodId | None = None


class NewIntent(Record):
    """A payment for somebody's work. What it is for is called as the market calls it."""

    payee_id: UUID
    amount: Minor
    currency: Currency | None = None
    booking_id: UUID | None = None
    reference_id: UUID | None = None
    method: MethodId | None = None

    @property
    def about(self) -> UUID | None:
        """What it is for."""
        return self.booking_id or self.reference_id


class Confirming(Record):
    """How somebody pays; without a method, that they have paid in the browser."""

    method: MethodId | None = None


class Capturing(Record):
    """How much of what was authorised is taken; without an amount, all of it."""

    amount: Minor | None = None


class Refunding(Record):
    """What staff send back; without an amount, all that is left."""

    amount: Minor | None = None
    fee_returned: bool = False
    """Whether the platform gives its fee back too, in the same proportion."""
    source: RefundSource | None = None
    reason: Reason = "refunded by staff"


class Begun(Record):
    """A payment that was begun, and what the payer's browser needs to finish it."""

    payment_id: UUID
    client_secret: str | None
    amount: int
    fee: int
    net_amount: int
    currency: str
    status: PaymentState
    failure: str | None = None
    next_url: str | None = None


class SavedMethod(Record):
    """A saved way to pay."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


class SetUp(Record):
    """Saving a way to pay: the client secret is for the payer's browser."""

    id: str
    client_secret: str
    status: str
