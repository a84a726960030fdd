"""Which markets this instance serves, and which of their modules."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import msgspec

from souk.kernel.assembly import Market, Module
from souk.kernel.config import ConfigError, Problem, Settings
from souk.markets import DEMONSTRATION, MARKETS


class NotThere(Exception):
    """Nothing, or something else than what is wanted, stands at `module:NAME`."""

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(f"{path}, {what}")
        self.remedy = remedy


def known_markets(settings: Settings) -> dict[str, Market]:
    """Every market that may be named here, by how it is named: installed ones by their names, others as `module:NAME`."""
    others = {path: market_at(path) for path in settings.markets if ":" in path}
    return {**MARKETS, **({} if settings.production else DEMONSTRATION), **others}


def chosen_markets(settings: Settings) -> tuple[Market, ...]:
    """The markets that `SOUK_MARKETS` names; every installed one when it names none."""
    if not settings.markets:
        return tuple(MARKETS.values())
    try:
        known = known_markets(settings)
    except NotThere as wrong:
        raise ConfigError([Problem("SOUK_MARKETS", f"names {wrong}", wrong.remedy)]) from None
    unknown = [name for name in settings.markets if name not in known]
    if unknown:
        remedy = f"Markets here are: {', '.join(known)}"
        raise ConfigError([Problem("SOUK_MARKETS", f"names {name}, which is not a market here", remedy) for name in unknown])
    return _apart([known[name] for name in settings.markets])


def _apart(markets: list[Market]) -> tuple[Market, ...]:
    """Markets share a database and an address: their names and their paths must not be the same."""
    for words, each in (("are called", [market.name for market in markets]), ("are served at", [market.base for market in markets])):
        for same, count in Counter(each).items():
            if count > 1:
                remedy = "Give one of them another name and base"
                raise ConfigError([Problem("SOUK_MARKETS", f"names {count} markets that {words} {same}", remedy)])
    return tuple(markets)


def market_at(path: str) -> Market:
    """The market that is declared at `module:NAME`."""
    found = declared_at(path)
    if not isinstance(found, Market):
        raise NotThere(path, f"which is no market but a {type(found).__name__}", "Name what `Market(…)` was given to")
    return found


def declared_at(path: str) -> object:
    """What stands at `module:NAME`. Modules are also looked for in the working directory."""
    home, _, name = path.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = import_module(home)
    except ModuleNotFoundError as missing:
        if missing.name is None or not f"{home}.".startswith(f"{missing.name}."):
            raise
        raise NotThere(path, f"and there is no module {home}", f"Run this from the folder that has it; {here} has not") from None
    if not hasattr(module, name):
        raise NotThere(path, f"and {module.__file__ or home} has no {name}", "Look how it is called there")
    return getattr(module, name)


def spelt(settings: Settings, name: str) -> str:
    """How `SOUK_MARKETS` spells that market: one that it names as `module:NAME` may be called by its own name, too."""
    if ":" in name or name in MARKETS:
        return name
    return next((path for path in settings.markets if ":" in path and market_at(path).name == name), name)


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
