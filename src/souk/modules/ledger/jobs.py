"""What the clock does to the ledger: hot accounts are told what was added, holds and credits lapse."""

from __future__ import annotations

from functools import partial
from typing import Final

from souk.kernel.db import Database, Tx
from souk.kernel.messages import periodic
from souk.kernel.money import Asset
from souk.modules.ledger import sql, verbs
from souk.modules.ledger.accounts import EXPIRED, Owner, Purpose
from souk.modules.ledger.errors import HoldEnded, InsufficientFunds
from souk.modules.ledger.events import CreditsExpired, HoldExpired
from souk.modules.ledger.posting import post
from souk.modules.ledger.sql import DueHold, DueLot

AT_ONCE: Final = 200
FOLDED_AT_ONCE: Final = 10_000


@periodic("* * * * *")
async def fold(database: Database) -> None:
    """Add up what hot accounts were not told yet."""
    while await database.write(lambda tx: tx.run(sql.FOLD, FOLDED_AT_ONCE)) == FOLDED_AT_ONCE:
        pass


@periodic("* * * * *")
async def lapse_holds(database: Database) -> None:
    """End the holds whose time is over, each in a transaction of its own."""
    due = await database.read(lambda tx: tx.run(sql.DUE_HOLDS, tx.now, AT_ONCE))
    for each in due:
        await database.write(partial(lapse_hold, due=each))


async def lapse_hold(tx: Tx, due: DueHold) -> None:
    """Free what was held, unless somebody ended it meanwhile."""
    lapsed = HoldExpired(due.reference_id or due.id, due.id, due.account_id, due.amount)
    movement = verbs.expire(f"hold {due.id} lapses", "hold.lapsed", due.id, reference=due.reference_id)
    try:
        await post(tx, movement, lapsed, last=True)
    except HoldEnded:
        return


@periodic("* * * * *")
async def lapse_lots(database: Database) -> None:
    """Take away the credits whose time is over and that nothing holds."""
    due = await database.read(lambda tx: tx.run(sql.DUE_LOTS, tx.now, AT_ONCE))
    for each in due:
        await database.write(partial(lapse_lot, due=each))


async def lapse_lot(tx: Tx, due: DueLot) -> None:
    """Take what is left of a lot. What was held and is freed later lapses then."""
    asset = Asset(due.asset, due.exponent)
    source = Purpose(due.purpose, Owner.PERSON, in_lots=True).of(asset, due.owner_id)
    movement = verbs.transfer(
        f"lot {due.id} lapses at {tx.now.isoformat()}",
        "credits.lapsed",
        source,
        [(EXPIRED.of(asset), due.left)],
        lot=due.id,
        reference=due.id,
    )
    try:
        await post(tx, movement, CreditsExpired(due.owner_id, due.id, due.left, due.asset), last=True)
    except InsufficientFunds:
        return
