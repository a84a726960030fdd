"""Chargebacks."""

from __future__ import annotations

from typing import Final

import stripe

from souk.modules.payments.provider import Dispute, DisputeState
from souk.modules.payments.stripe.line import Line, named
from souk.modules.payments.stripe.reading import id_of, money

STATES: Final = {
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "prevented": DisputeState.WON,
    "lost": DisputeState.LOST,
}
"""All others are open: somebody still has to answer, or to decide."""
INQUIRIES: Final = frozenset({"warning_needs_response", "warning_under_review", "warning_closed", "prevented"})
"""The payer's bank asks, or asked, and has taken nothing."""


class Disputes(Line):
    """The part of the provider that tells of chargebacks. They are answered on Stripe's own pages."""

    async def dispute(self, dispute: str) -> Dispute:
        """A chargeback as it stands."""
        return _dispute(await self._ask(self._stripe.v1.disputes.retrieve_async(named("dispute", dispute))))


def _dispute(found: stripe.Dispute) -> Dispute:
    """The fee is what was ever charged for it; whether it came back is told by the books."""
    return Dispute(
        found.id,
        id_of(found.payment_intent) or "",
        money(found.amount, found.currency),
        sum(line.fee for line in found.balance_transactions if line.fee > 0),
        STATES.get(found.status, DisputeState.OPEN),
        found.reason,
        inquiry=found.status in INQUIRIES,
    )
