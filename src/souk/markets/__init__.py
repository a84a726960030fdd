"""The markets that come with Souk. Each is a declaration: its name, addresses, roles and the modules it uses."""

from __future__ import annotations

from typing import Final

from souk.kernel.assembly import Market
from souk.markets.go4u import GO4U
from souk.markets.grid import GRID
from souk.markets.grome import GROME
from souk.markets.nimmit import NIMMIT
from souk.markets.sample import SAMPLE
from souk.markets.tulifo import TULIFO

MARKETS: Final[dict[str, Market]] = {market.name: market for market in (TULIFO, NIMMIT, GO4U, GROME, GRID)}
"""Served when `SOUK_MARKETS` names none."""

DEMONSTRATION: Final[dict[str, Market]] = {SAMPLE.name: SAMPLE}
"""Served only where `SOUK_MARKETS` names them, and never in production: whoever asks is signed in as whomever they like."""
