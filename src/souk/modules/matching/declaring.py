"""What a market declares to match: a module with the operations, reactions and models of its pairings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from souk.kernel.assembly import Market, Module, module
from souk.kernel.config import Settings
from souk.modules.matching import fitting, indexing, recording, routes
from souk.modules.matching.following import reactions
from souk.modules.matching.pairing import Pairing, Pairings

MODULE: Final = module("matching", fitting, indexing, recording, routes)
"""What all pairings have in common; `matches` adds what is matched."""


def matches(*pairings: Pairing) -> Module:
    """Match by these pairings: goes among a market's modules, behind those whose facts it follows."""
    declared = Pairings(*pairings)

    def resources(_settings: Settings, _market: Market) -> Mapping[type, object]:
        return {Pairings: declared}

    return replace(
        MODULE,
        operations=(*MODULE.operations, *(each for pairing in pairings for each in routes.operations(pairing))),
        reactions=(*MODULE.reactions, *(each for pairing in pairings for each in reactions(pairing))),
        resources=resources,
    )
