"""`souk explain`: the story of a balance."""

from __future__ import annotations

import uvloop

from souk.app.choosing import chosen_markets
from souk.app.run import database, must_be_migrated
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool, Tx, business_clock
from souk.kernel.errors import Refusal
from souk.kernel.migrate import market_dsn
from souk.modules import identity, ledger


def explained(settings: Settings, what: str, last: int) -> list[str]:
    """The stories of the accounts that this names, in the one market that the settings choose."""
    [market] = chosen_markets(settings)
    if ledger.MODULE not in market.modules:
        raise ledger.Unexplained(f"the market {market.name} keeps no ledger")
    with database(settings) as dsn:
        return uvloop.run(_explained(settings, dsn, market, what, last))


async def _explained(settings: Settings, dsn: str, market: Market, what: str, last: int) -> list[str]:
    await must_be_migrated(dsn, market)
    pool = Pool(market_dsn(dsn, market.name, settings.key("database").hex()), size=1, prepared=settings.database_prepared)
    clock = Clock()

    async def tell(tx: Tx) -> list[str]:
        await business_clock.load(tx, clock)
        return await ledger.explain(tx, await _named(tx, what), last)

    try:
        return await Database(pool, clock).survey(tell)
    finally:
        await pool.close()


async def _named(tx: Tx, what: str) -> str:
    """What the ledger knows it by: of a person's address, the person's id."""
    if "@" not in what:
        return what
    try:
        return str((await identity.person_of_address(tx, what)).id)
    except Refusal:
        raise ledger.Unexplained(f"nobody here has the address {what!r}") from None
