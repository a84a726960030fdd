"""`souk laws`: whether what must always hold in the markets does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
import uvloop

from souk.app.choosing import chosen_markets
from souk.app.lawwatch import laws_of_market
from souk.app.run import database, must_be_migrated
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Broken, Database, Pool, broken_laws
from souk.kernel.migrate import market_dsn

Heard = Callable[[str], None]


class Checked(msgspec.Struct, frozen=True):
    """What was found in one market."""

    market: str
    laws: int
    broken: list[Broken]

    def lines(self) -> Iterator[str]:
        """The result for a person."""
        yield f"{self.market}: {self.laws - len(self.broken)} of {self.laws} laws hold"
        for each in self.broken:
            yield f"{self.market}: {each}"
            yield from (f"    {row}" for row in each.rows)


def check(settings: Settings, *, heard: Heard = lambda _line: None) -> list[Checked]:
    """Ask the laws of every chosen market."""
    with database(settings) as dsn:
        return uvloop.run(_check(settings, dsn, chosen_markets(settings), heard))


async def _check(settings: Settings, dsn: str, markets: Sequence[Market], heard: Heard) -> list[Checked]:
    return [await _check_one(settings, dsn, market, heard) for market in markets]


async def _check_one(settings: Settings, dsn: str, market: Market, heard: Heard) -> Checked:
    await must_be_migrated(dsn, market)
    heard(market.name)
    laws = laws_of_market(market)
    pool = Pool(market_dsn(dsn, market.name, settings.key("database").hex()), size=1, prepared=settings.database_prepared)
    try:
        return Checked(market.name, len(laws), await broken_laws(Database(pool, Clock()), laws))
    finally:
        await pool.close()
