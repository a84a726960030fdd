"""What profiles bring into every process that opens a market."""

from __future__ import annotations

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules.profiles.rules import Rules, rules_of


def resources(_settings: Settings, market: Market) -> dict[type, object]:
    """The market's rules, also where it says nothing about them."""
    return {Rules: rules_of(market)}
