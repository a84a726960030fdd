"""`souk market migrate-orders`: running orders go over to another version of their process, after a look at what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import uvloop

from souk.app.choosing import chosen_markets
from souk.app.declared import processes_of
from souk.app.opened import OpenMarket
from souk.app.run import database, must_be_migrated, telemetry
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import business_clock
from souk.kernel.telemetry import Telemetry
from souk.modules import orders

SHOWN = 20
"""Orders that do not fit which are named for each reason. All are counted."""

Heard = Callable[[str], None]


class Wanted(msgspec.Struct, frozen=True):
    """What is to be moved, and how."""

    process: str
    old: int
    new: int
    dry_run: bool = False
    leave: bool = False
    """Whether those that do not fit may stay behind."""


class Migrated(msgspec.Struct, frozen=True):
    """What was found, and what was done."""

    looked: orders.Looked
    moved: bool
    """Whether orders were moved: not in a dry run, and not where some do not fit and may not stay behind."""

    @property
    def whole(self) -> bool:
        """Whether nothing is left to be mended."""
        return not self.looked.misfits

    def lines(self) -> Iterator[str]:
        """The result for a person."""
        looked = self.looked
        yield f"{looked.fit} orders {'were moved' if self.moved else 'fit'}, {len(looked.misfits)} do not fit"
        yield from (f"  {count:>7}  {move}" for move, count in looked.moves.most_common())
        if looked.overdue:
            yield f"{looked.overdue} of them have waited longer than the new version lets them: the clock moves them on at once"
        reasons: dict[tuple[str, str], list[orders.Misfit]] = {}
        for each in looked.misfits:
            reasons.setdefault((each.state, each.why), []).append(each)
        for (state, why), misfits in reasons.items():
            yield f"{len(misfits)} in {state}: {why}"
            yield from (f"  {each.order_id}" for each in misfits[:SHOWN])
            if len(misfits) > SHOWN:
                yield f"  and {len(misfits) - SHOWN} more"


def migrate_orders(settings: Settings, wanted: Wanted, heard: Heard = lambda _line: None) -> Migrated:
    """Move the running orders of the one chosen market, or only look."""
    [market] = chosen_markets(settings)
    processes = processes_of(market)
    if processes is None:
        raise orders.NoSuchVersion(f"the market {market.name} has no orders")
    change = orders.Change(processes, wanted.process, wanted.old, wanted.new)
    with database(settings) as dsn, telemetry(settings) as told:
        return uvloop.run(_migrate(settings, dsn, told, market, change, wanted, heard))


async def _migrate(  # noqa: PLR0913, PLR0917 - what is moved, where, and who hears of it
    settings: Settings, dsn: str, told: Telemetry, market: Market, change: orders.Change, wanted: Wanted, heard: Heard
) -> Migrated:
    await must_be_migrated(dsn, market)
    opened = OpenMarket(market, dsn, settings, told)
    try:
        await opened.database.read(lambda tx: business_clock.load(tx, opened.clock))
        looked = await orders.look(opened.database, change)
        if wanted.dry_run or (looked.misfits and not wanted.leave):
            return Migrated(looked, moved=False)
        return Migrated(await orders.move(opened.database, change, heard), moved=True)
    finally:
        await opened.database.pool.close()
