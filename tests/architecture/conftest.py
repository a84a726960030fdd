"""The whole program: every module imported, and everything that any market can have, in one schema."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

import pytest

import souk
from souk.kernel.assembly import Market, Module
from souk.kernel.migrate import Source, kernel_sources


def everything_imported() -> list[object]:
    """Import all of souk, and hand out what its modules define."""
    found: list[object] = []
    for module in pkgutil.walk_packages(souk.__path__, "souk."):
        if not module.name.endswith("__main__"):
            found += vars(importlib.import_module(module.name)).values()
    return found


def all_modules() -> list[Module]:
    """Every module there is: those of markets in the market's order, since their tables refer to each other's."""
    found = everything_imported()
    of_markets = [module for market in found if isinstance(market, Market) for module in market.modules]
    by_name = {module.name: module for module in (*of_markets, *(m for m in found if isinstance(m, Module)))}
    return list(by_name.values())


SAMPLE = "sample"
"""The module that shows how one is written. It has a market to itself, and tables under names that are as plain as those of others."""


@pytest.fixture
def sources() -> tuple[Source, ...]:
    """A market that has all modules."""
    return of(module for module in all_modules() if module.name != SAMPLE)


def of(modules: Iterable[Module]) -> tuple[Source, ...]:
    """All that a market of these modules migrates."""
    kernel = kernel_sources()
    taken = {source.folder for source in kernel}
    own = [Source(module.name, module.migrations) for module in modules if module.migrations.is_dir()]
    return (*kernel, *(source for source in own if source.folder not in taken))
