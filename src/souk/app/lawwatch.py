"""The worker's eye on the laws: every ten minutes each is asked, and a broken one is an error in the log and a number in the metrics.

It is periodic work of every market, so the queue starts it once per cluster, retries it, and counts it like any other; and no module
has to know of the laws of others.
"""

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


FORGOTTEN_AFTER: Final = 1800.0
"""Seconds. Another process of the cluster has asked since then; what this one found is old."""


class LawWatch:
    """What the last check in this process found. Nobody knows before the first, nor long after the last."""

    def __init__(self, market: Market) -> None:
        self.laws: Final = laws_of_market(market)
        self.found: float = nan
        self.checked_at: float = nan

    @property
    def broken(self) -> float:
        """How many laws do not hold. Where another process asked later, this one does not know."""
        return self.found if time.time() - self.checked_at < FORGOTTEN_AFTER else nan

    async def check(self, database: Database) -> None:
        """Ask every law, and say loudly which do not hold."""
        found = await broken_laws(database, self.laws)
        for broken in found:
            log.error("a law is broken", module=broken.law.module, law=broken.law.sentence, rows=broken.rows)
        self.found, self.checked_at = len(found), time.time()


@periodic("*/10 * * * *", patience=3600)
async def check_laws(database: Database, watch: LawWatch) -> None:
    """Whether what must always hold still does."""
    await watch.check(database)
