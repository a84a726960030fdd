"""Payouts and the accounts that they go to: what they are, and the rules that need no database."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.http import Paging
from souk.kernel.money import Currency
from souk.kernel.record import Record
from souk.modules.payments.model import Minor, PayoutStatus, Reason

Country = Annotated[
    str,
    Meta(
        pattern="^[A-Z]{2}$",
        description="The country's code of two letters, for example FR.",
        examples=["FR"],
        extra={"expected": "a country by its two capital letters, such as FR"},
    ),
]

RANKS: Final = {
    PayoutStatus.REQUESTED: 0,
    PayoutStatus.APPROVED: 1,
    PayoutStatus.UNKNOWN: 1,
    PayoutStatus.SENT: 2,
    PayoutStatus.PAID: 3,
    PayoutStatus.FAILED: 4,
    PayoutStatus.RETURNED: 4,
    PayoutStatus.DECLINED: 4,
    PayoutStatus.CANCELED: 4,
}
"""A payout only ever moves up, whatever comes late or twice. Failed is what the provider refused: it never left. Returned is what left
and came back. Declined is what staff said no to, canceled what its receiver took back. Of all four the money is in the wallet again."""

NOT_SENT: Final = "The payment provider did not send it; the money is in your wallet again."
"""What a receiver is told of a payout that failed. The provider's own words are for staff."""


class NewPayout(Record):
    """Money that somebody wants out of their wallet."""

    amount: Minor
    currency: Currency | None = None


class Payout(Record):
    """Money on its way out, as its receiver sees it. What was asked for is `amount` and `netted` together."""

    id: UUID
    amount: int
    netted: int
    """What was owed after a refund or chargeback, and kept back."""
    currency: str
    status: PayoutStatus
    held_until: datetime | None
    failure: str | None
    requested_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None


class PayoutDetail(Record):
    """A payout as staff see it."""

    id: UUID
    person_id: UUID
    amount: int
    netted: int
    currency: str
    status: PayoutStatus
    approvals_needed: int
    approved_by: list[UUID]
    held_until: datetime | None
    batch: UUID | None
    provider: str
    provider_id: str | None
    failure_code: str | None
    failure: str | None
    requested_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None


class PayoutRow(Record):
    """A payout with all that its handling needs."""

    id: UUID
    person_id: UUID
    amount: int
    netted: int
    currency: str
    provider: str
    recipient_id: str
    provider_id: str | None
    state: PayoutStatus
    approvals_needed: int
    held_until: datetime | None
    batch: UUID | None
    failure_code: str | None
    failure: str | None
    key: str
    journals: list[UUID]
    calls: int
    called_at: datetime | None
    revision: int
    requested_at: datetime
    sent_at: datetime | None
    paid_at: datetime | None

    @property
    def call_key(self) -> str:
        """The key of the attempt that was begun last: the same whoever makes it, however often."""
        return f"{self.id}:{self.calls}"

    @property
    def rank(self) -> int:
        """How far up it is."""
        return RANKS[self.state]

    @property
    def shown(self) -> Payout:
        """As its receiver sees it."""
        return Payout(
            self.id,
            self.amount,
            self.netted,
            self.currency,
            self.state,
            self.held_until if self.rank < RANKS[PayoutStatus.SENT] else None,
            NOT_SENT if self.state is PayoutStatus.FAILED else self.failure,
            self.requested_at,
            self.sent_at,
            self.paid_at,
        )


class PayoutsQuery(Paging, kw_only=True):
    """Which payouts are wanted."""

    status: PayoutStatus | None = None
    person_id: UUID | None = None


class Rejection(Record):
    """Why a payout does not leave."""

    reason: Reason


class Batch(Record):
    """Payouts that are sent together."""

    id: UUID | None
    """None where nothing was due."""
    payouts: int


class NewPayoutAccount(Record):
    """Where somebody wants to be paid."""

    country: Country
    back: Annotated[str, Meta(max_length=500, description="Where the provider's page leads back to: an address of the market.")] = ""


class PayoutAccount(Record):
    """Where somebody's payouts go. The provider alone knows the bank account."""

    provider: str
    country: str
    ready: bool
    missing: list[str]
    """What the provider still needs."""
    changed_at: datetime
    held_until: datetime | None
    """Until when payouts wait because it was changed."""
    onboarding_url: str | None = None
    """The provider's page on which to give what is missing, or to change it. Good for a few minutes."""


class RecipientRow(msgspec.Struct, frozen=True):
    """Who a person is at a provider when they are paid."""

    person_id: UUID
    provider: str
    recipient_id: str | None
    country: str
    ready: bool
    missing: list[str]
    destination: str
    changed_at: datetime
    revision: int
