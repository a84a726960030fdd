"""What a market declares to be searched: a module with the operations of its indexes, which follows the events that they follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from souk.kernel.assembly import Market, Module, module
from souk.kernel.config import Settings
from souk.modules.search import keeping, routes
from souk.modules.search.declaring import Index
from souk.modules.search.keeping import Indexes
from souk.modules.search.postgres import PostgreSQL

MODULE: Final = module("search", keeping, routes)
"""What all indexes have in common; `searches` adds those of a market."""


def searches(*indexes: Index) -> Module:
    """Search by these indexes."""
    names = [index.name for index in indexes]
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise TypeError(f"two indexes are called {', '.join(doubles)}")

    def resources(_settings: Settings, _market: Market) -> Mapping[type, object]:
        return {Indexes: Indexes(PostgreSQL(), indexes)}

    return replace(
        MODULE,
        operations=tuple(routes.operations(*indexes)),
        reactions=tuple(keeping.reactions(*indexes)),
        resources=resources,
    )
