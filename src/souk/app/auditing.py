"""`souk audit verify`: whether the audit logs of the markets still say what was sealed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import uvloop

from souk.app.choosing import chosen_markets
from souk.app.run import database, must_be_migrated
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.migrate import market_dsn
from souk.modules import audit

Heard = Callable[[str], None]
EVERY: Final = 50_000
"""After how many entries it is told how far a verification is."""


class Verified(msgspec.Struct, frozen=True):
    """What was found in one market's log."""

    market: str
    report: audit.Report

    @property
    def whole(self) -> bool:
        return not self.report.findings and not self.report.more

    def lines(self) -> Iterator[str]:
        """The result for a person: numbers, what was found, and the head to keep."""
        report = self.report
        unsealed = f", {report.unsealed} not sealed yet" if report.unsealed else ""
        erased = f", {report.erased} details erased" if report.erased else ""
        yield f"{self.market}: {report.entries} entries{unsealed}{erased}: {'whole' if self.whole else 'NOT AS IT WAS SEALED'}"
        for finding in report.findings:
            yield f"{self.market}: {finding}"
        if report.more:
            yield f"{self.market}: and {report.more} more"
        yield f"{self.market}: head {report.head}"


def verify(settings: Settings, *, since: audit.Head | None = None, heard: Heard = lambda _line: None) -> list[Verified]:
    """Verify the log of every chosen market that has one."""
    markets = [market for market in chosen_markets(settings) if any(module.name == audit.MODULE.name for module in market.modules)]
    with database(settings) as dsn:
        return uvloop.run(_verify(settings, dsn, markets, since, heard))


async def _verify(settings: Settings, dsn: str, markets: Sequence[Market], since: audit.Head | None, heard: Heard) -> list[Verified]:
    return [Verified(market.name, await _verify_one(settings, dsn, market, since, heard)) for market in markets]


async def _verify_one(settings: Settings, dsn: str, market: Market, since: audit.Head | None, heard: Heard) -> audit.Report:
    await must_be_migrated(dsn, market)
    pool = Pool(market_dsn(dsn, market.name, settings.key("database").hex()), size=1, prepared=settings.database_prepared)
    told = 0

    def progress(entries: int) -> None:
        nonlocal told
        if entries - told >= EVERY:
            told = entries
            heard(f"{market.name}: {entries} entries")

    try:
        return await audit.verify(Database(pool, Clock()), audit.sealer_of(settings, market), since=since, heard=progress)
    finally:
        await pool.close()
