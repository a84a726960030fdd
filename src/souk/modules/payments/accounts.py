"""Accounts of payments: what is at a provider, on its way out, in dispute, owed."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from souk.modules.ledger import Owner, Purpose


@lru_cache(maxsize=100)
def clearing(provider: str) -> Purpose:
    """What the platform has at a provider: below zero, since what came in from there stands with people and in fees."""
    return Purpose(f"clearing:{provider}", Owner.PROVIDER, hot=True)


RECEIVABLE: Final = Purpose("receivable", Owner.PERSON, below_zero=True)
"""What a person owes after a refund or a chargeback of money that they had been paid. Netted from the next payout."""

PAYOUTS: Final = Purpose("payouts", Owner.PLATFORM, hot=True)
"""Payouts on their way: out of the wallet, and not at the bank yet."""

DISPUTED: Final = Purpose("disputed", Owner.PLATFORM, hot=True)
"""What chargebacks took, or may take, while nobody knows how they end."""

PROVIDER_FEES: Final = Purpose("provider_fees", Owner.PLATFORM, hot=True)
"""What providers charge the platform: for chargebacks, and for payments where they say so."""

LOSSES: Final = Purpose("losses", Owner.PLATFORM, hot=True)
"""What chargebacks cost the platform where nobody else can be asked for it."""
