"""What the audit log does by the clock, and what it does it with."""

from __future__ import annotations

from collections.abc import Mapping

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Database
from souk.kernel.messages import periodic
from souk.modules.audit.sealing import BATCH, Sealer, seal


def resources(settings: Settings, market: Market) -> Mapping[type, object]:
    """The keys of this market's chain."""
    return {Sealer: sealer_of(settings, market)}


def sealer_of(settings: Settings, market: Market) -> Sealer:
    """The same by itself, for whoever opens no market."""
    return Sealer(settings.keys(f"audit of {market.name}"))


@periodic("* * * * *")
async def seal_entries(database: Database, sealer: Sealer) -> None:
    """Seal what was recorded, each batch in a transaction of its own."""
    while await database.write(lambda tx: seal(tx, sealer)) == BATCH:
        pass
