"""The worker's eye on the laws: every ten minutes each is asked, and a broken one is an error in the log and a number in the metrics."""

from __future__ import annotations

import time
from math import nan
from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Law, broken_laws
from souk.kernel.messages import periodic
from souk.kernel.telemetry import log


def laws_of_market(market: Market) -> list[Law]:
    """Those of all its modules."""
    return [law for module in market.modules for law in module.laws]


class LawWatch:
    """What the last check in this process found. Nobody knows before the first."""

    def __init__(self, market: Market) -> None:
        self.laws: Final = laws_of_market(market)
        self.broken: float = nan
        self.checked_at: float = nan

    async def check(self, database: Database) -> None:
        """Ask every law, and say loudly which do not hold."""
        found = await broken_laws(database, self.laws)
        for broken in found:
            log.error("a law is broken", module=broken.law.module, law=broken.law.sentence, rows=broken.rows)
        self.broken, self.checked_at = len(found), time.time()


@periodic("*/10 * * * *")
async def check_laws(database: Database, watch: LawWatch) -> None:
    """Whether what must always hold still does."""
    await watch.check(database)
