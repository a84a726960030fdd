"""What orders tell a person who takes their data along. Nothing is forgotten: the orders of others stay, and hold ids alone."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.orders import sql

ORDERS: Final = 10_000
"""At most so many: the newest."""


async def export(tx: Tx, person: UUID) -> object:
    """The orders in which somebody has a part, and what they did in them."""
    return [
        {"process": each.process, **msgspec.json.decode(each.whole), "steps": msgspec.json.decode(each.steps)}
        for each in await tx.run(sql.KNOWN, person, ORDERS)
    ]
