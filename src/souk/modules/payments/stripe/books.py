"""Stripe's own books: balance transactions, as lines to compare with the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import stripe

from souk.modules.payments.provider import Booking
from souk.modules.payments.stripe.line import Line
from souk.modules.payments.stripe.reading import id_of, labels, moment, money

KINDS: Final = {
    "charge": "payment",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "dispute": "dispute",
    "dispute_reversal": "dispute_reversal",
    "transfer": "payout",
    "transfer_reversal": "payout_failure",
    "payout": "withdrawal",
    "payout_reversal": "withdrawal_failure",
}
"""What Stripe's reporting categories are here. To the platform's balance a transfer to a recipient is the payout; what Stripe calls
one there is the platform's own money on its way to its own bank. Other categories keep their names: the ledger knows none of them."""


class Books(Line):
    """The part of the provider that tells what it has booked."""

    async def bookings(self, since: datetime, until: datetime) -> AsyncIterator[Booking]:
        """The provider's own books of a time: from its first second up to, and without, its last."""
        asked: stripe.params.BalanceTransactionListParams = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": 100,
            "expand": ["data.source"],
        }
        async for line in self._each(self._stripe.v1.balance_transactions.list_async(asked)):
            yield _booking(line)


def _booking(line: stripe.BalanceTransaction) -> Booking:
    return Booking(
        line.id,
        KINDS.get(line.reporting_category, line.reporting_category),
        _source(line),
        money(line.amount, line.currency),
        line.fee,
        moment(line.created),
    )


def _source(line: stripe.BalanceTransaction) -> str:
    """What the ledger knows it by: of a charge its intent, of both steps of a payout the payout."""
    source = line.source
    if isinstance(source, stripe.Charge):
        return id_of(source.payment_intent) or source.id
    if isinstance(source, stripe.Transfer):
        return labels(source.metadata).get("payout", source.id)
    if isinstance(source, stripe.TransferReversal):
        return labels(source.metadata).get("payout") or id_of(source.transfer) or source.id
    return id_of(source) or line.id
