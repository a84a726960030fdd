"""Which markets this instance serves, and which of their modules."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from souk.kernel.assembly import Market, Module
from souk.kernel.config import ConfigError, Problem, Settings
from souk.markets import DEMONSTRATION, MARKETS


def known_markets(settings: Settings) -> dict[str, Market]:
    """Every market that may be named here, by its name."""
    return {**MARKETS, **({} if settings.production else DEMONSTRATION)}


def chosen_markets(settings: Settings) -> tuple[Market, ...]:
    """The markets that `SOUK_MARKETS` names; every installed one when it names none."""
    if not settings.markets:
        return tuple(MARKETS.values())
    known = known_markets(settings)
    unknown = [name for name in settings.markets if name not in known]
    if unknown:
        remedy = f"Markets here are: {', '.join(known)}"
        raise ConfigError([Problem("SOUK_MARKETS", f"names {name}, which is not a market here", remedy) for name in unknown])
    return tuple(known[name] for name in settings.markets)


def only_modules(markets: Iterable[Market], names: frozenset[str]) -> tuple[Market, ...]:
    """The markets with only the operations of these modules: how parts of one code base are deployed apart.

    The other modules keep their tables, jobs and reactions: any worker can do them.
    """
    markets = tuple(markets)
    known = {module.name for market in markets for module in market.modules}
    unknown = sorted(names - known)
    if unknown:
        remedy = f"Modules here are: {', '.join(sorted(known))}"
        raise ConfigError([Problem("--modules", f"names {name}, which no market has", remedy) for name in unknown])
    return tuple(msgspec.structs.replace(market, modules=tuple(_kept(market, names))) for market in markets)


def _kept(market: Market, names: frozenset[str]) -> Iterable[Module]:
    for module in market.modules:
        yield module if module.name in names else msgspec.structs.replace(module, operations=())
