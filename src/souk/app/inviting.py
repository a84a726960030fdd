"""`souk person add`: somebody is brought into a market, who then chooses a password by a link."""

from __future__ import annotations

import uvloop

from souk.app.choosing import chosen_markets
from souk.app.opened import OpenMarket
from souk.app.run import database, must_be_migrated, telemetry
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import business_clock
from souk.kernel.telemetry import Telemetry
from souk.modules import identity


class NoPeople(Exception):
    """A market that does not use identity."""

    def __init__(self, market: str) -> None:
        super().__init__(f"the market {market} keeps no people of its own")


def add_person(settings: Settings, invited: identity.Invited) -> str:
    """Bring somebody into the one market that the settings choose. Answers the link by which they choose their password."""
    [market] = chosen_markets(settings)
    if all(module.name != identity.MODULE.name for module in market.modules):
        raise NoPeople(market.name)
    with database(settings) as dsn, telemetry(settings) as told:
        return uvloop.run(_add(settings, dsn, told, market, invited))


async def _add(settings: Settings, dsn: str, told: Telemetry, market: Market, invited: identity.Invited) -> str:
    await must_be_migrated(dsn, market)
    opened = OpenMarket(market, dsn, settings, told)
    links = identity.links_of(settings, market, identity.rules_of(market))
    try:
        await opened.database.read(lambda tx: business_clock.load(tx, opened.clock))
        return await opened.database.write(lambda tx: identity.invite(tx, market, links, invited))
    finally:
        await opened.database.pool.close()
