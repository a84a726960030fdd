"""What a market decides about its payments: `rules=(payments.Rules(…),)` in its declaration."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.money import Rate


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules of paying in and out. Amounts are minor units, the same number in every asset."""

    provider: str = "sandbox"
    """Who takes and sends the money: `sandbox` or `stripe`."""
    currencies: frozenset[str] = frozenset()
    """What people pay in. Empty is the market's main asset alone: credits and tokens are not for sale by card unless it says so."""
    fee: Rate = Rate(0)
    """What the platform keeps of a payment for somebody's work."""
    minimum_deposit: int = 100
    maximum_deposit: int = 1_000_000
    """The most that one deposit may bring in."""
    minimum_payout: int = 1_000
    payout_days: frozenset[int] = frozenset(range(7))
    """The days of the week on which payouts leave: 0 is Monday."""
    payout_hold: timedelta = timedelta()
    """How long a payout that was asked for waits before it leaves."""
    account_hold: timedelta = timedelta(hours=24)
    """How long payouts wait after the account they go to was changed."""
    approve_above: int | None = None
    """A payout above it waits for staff; None lets all go by themselves."""
    two_person_above: int | None = 1_000_000
    """A payout above it waits for two people."""
    countries: frozenset[str] = frozenset()
    """Where payouts may go; empty is everywhere that the provider knows."""


def rules_of(market: Market) -> Rules:
    """A market's rules; one that says nothing has those above."""
    return next((rule for rule in market.rules if isinstance(rule, Rules)), Rules())
