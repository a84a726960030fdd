"""A till whose bank keeps its books in memory, on the market's own clock: for simulations, which begin with nothing and leave nothing."""

from __future__ import annotations

import secrets

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.modules import ledger
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.rules import rules_of
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.store import MemoryStore


def till_in_memory(market: Market, clock: Clock) -> Till:
    """A till of the market's rules and assets. Nothing outside of the process ever hears of its payments."""
    assets = next(rule for rule in market.rules if isinstance(rule, ledger.Assets))
    sandbox = Sandbox(Bank(MemoryStore(), clock.now), [f"whsec_{secrets.token_hex(16)}"])
    return Till(rules_of(market), assets, Providers("sandbox", {"sandbox": lambda _database: sandbox}))
