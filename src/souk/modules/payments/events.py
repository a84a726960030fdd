"""Facts that payments announce."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from souk.kernel.messages import Event, event


@event("payment.captured")
class PaymentCaptured(Event):
    """A payer's money is here: in their wallet, and where it is an escrow, held there."""

    payment_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    payee_id: UUID | None
    amount: int
    fee: int
    currency: str
    hold_id: UUID | None = None


@event("payment.failed")
class PaymentFailed(Event):
    """An attempt to pay did not work; another may."""

    payment_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    failure: str
    message: str


@event("payment.authorised")
class PaymentAuthorised(Event):
    """A payer's money is reserved, and waits to be captured."""

    payment_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    amount: int
    currency: str
    payee_id: UUID | None = None


@event("payment.canceled")
class PaymentCanceled(Event):
    """A payment was given up, by somebody or by time. Nothing was taken."""

    payment_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID


@event("payment.refunded")
class PaymentRefunded(Event):
    """Money went back to a payer."""

    payment_id: UUID
    refund_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    payee_id: UUID | None
    amount: int
    fee_returned: int
    currency: str


@event("refund.failed")
class RefundFailed(Event):
    """Money that was sent back did not arrive; it is where it came from."""

    payment_id: UUID
    refund_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    amount: int
    currency: str
    failure: str


@event("provider.happened")
class ProviderHappened(Event):
    """A provider told of something that payments know nothing of: checkouts, subscriptions, invoices. A hint, as every webhook."""

    id: UUID
    provider: str
    event_id: str
    kind: str
    object_kind: str
    object_id: str
    about: dict[str, str]
    at: datetime


@event("payout.requested")
class PayoutRequested(Event):
    """Somebody takes money out. It has left their wallet, and waits."""

    payout_id: UUID
    person_id: UUID
    amount: int
    netted: int
    currency: str


@event("payout.paid")
class PayoutPaid(Event):
    """Money arrived at somebody's bank. It may still come back."""

    payout_id: UUID
    person_id: UUID
    amount: int
    currency: str


@event("payout.failed")
class PayoutFailed(Event):
    """A payout was declined, refused, or came back, perhaps days after it was paid. The money is in the wallet again."""

    payout_id: UUID
    person_id: UUID
    amount: int
    currency: str
    status: str
    failure: str
    message: str


@event("payout.canceled")
class PayoutCanceled(Event):
    """Somebody took a payout back before it left. The money is in their wallet again."""

    payout_id: UUID
    person_id: UUID
    amount: int
    currency: str


@event("payout_account.changed")
class PayoutAccountChanged(Event):
    """Somebody's payouts go to another account from now on; they wait for a while."""

    person_id: UUID
    provider: str
    at: datetime


@event("payment.disputed")
class PaymentDisputed(Event):
    """A payer's bank took money back, or has decided whether it keeps it: `status` is open, won or lost."""

    payment_id: UUID
    dispute_id: UUID
    kind: str
    reference_id: UUID | None
    payer_id: UUID
    payee_id: UUID | None
    amount: int
    currency: str
    status: str
    reason: str
