"""Daily reconciliation: the provider's own books beside the ledger, matter by matter.

Every line of the provider's is kept, and every entry of its clearing accounts is looked at; what one side has and the other has not,
or with another amount, is a difference. It stays until both agree or staff have explained it. Nothing is left out: what the ledger
moved for a reason that providers do not know is a difference as well.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, Page, Paging
from souk.kernel.ids import new_id
from souk.kernel.messages import periodic
from souk.kernel.telemetry import log
from souk.modules import audit, ledger
from souk.modules.payments.accounts import PROVIDER_FEES, clearing
from souk.modules.payments.books import Comparison, Day, Difference, Differences, DifferencesQuery, Line, lines_of
from souk.modules.payments.disputes import look_at_dispute
from souk.modules.payments.errors import DifferenceExplained, DifferenceNotFound
from souk.modules.payments.model import Happened
from souk.modules.payments.providers import PACKAGES, Till
from souk.modules.payments.sql import disputes as disputes_sql
from souk.modules.payments.sql import reconciliation as sql

DAY: Final = timedelta(days=1)
OLD: Final = timedelta(days=4)
"""Longer than this nothing is between the provider and the ledger: not a difference, and not a payout on its way."""
READ_BEFORE: Final = 2
"""Days that are read again: some lines are told late."""
AFTERWARDS: Final = timedelta(hours=3)
"""For so long after a day both sides may still book what began on it: a payment of just before midnight is heard of after it."""
AT_ONCE: Final = 1000
AGREE: Final = "Both agree now."


@periodic("35 3 * * *", name="payments.reconcile", patience=3600)
async def reconcile_daily(database: Database, till: Till) -> None:
    """Reconcile yesterday, and what was missed before, with every provider."""
    yesterday = database.clock.now().astimezone(UTC).date() - DAY
    for name in PACKAGES:
        if till.providers.has(name):
            day = await database.read(partial(_first_day, till=till, provider=name)) or yesterday
            while day <= yesterday:
                await reconcile(database, till, name, day)
                day += DAY


async def _first_day(tx: Tx, *, till: Till, provider: str) -> date | None:
    """The first day that was not compared yet, if there is one."""
    if (last := await _last_day(tx, provider=provider)) is not None:
        return last + DAY
    moved = await tx.run(sql.FIRST_MOVED, _accounts(till, provider))
    return moved.astimezone(UTC).date() if moved else None


def _accounts(till: Till, provider: str) -> list[UUID]:
    return [clearing(provider).of(asset).id for asset in till.assets.known]


async def _last_day(tx: Tx, *, provider: str) -> date | None:
    return await tx.run(sql.LAST_DAY, provider)


async def reconcile(database: Database, till: Till, provider: str, day: date) -> None:
    """Read a day of the provider's books, and compare."""
    since = datetime.combine(day, time(), UTC)
    lines = [
        line
        async for booking in till.provider(database, provider).bookings(since - READ_BEFORE * DAY, since + DAY + AFTERWARDS)
        for line in lines_of((booking,))
    ]
    for number in range(0, len(lines), AT_ONCE):
        await database.write(partial(_keep, till=till, provider=provider, lines=lines[number : number + AT_ONCE]))
    await _book_disputes(database, till, provider, lines)
    await database.write(partial(_compare, till=till, provider=provider, day=day))


async def _keep(tx: Tx, *, till: Till, provider: str, lines: list[Line]) -> None:
    """Keep what is new, and book the provider's fees in it: nobody else tells of them."""
    fees = await tx.run(sql.KEEP_LINES, provider, msgspec.json.encode(lines).decode())
    for fee in fees:
        asset = till.assets.named(fee.currency)
        legs = [(PROVIDER_FEES.of(asset), fee.amount), (clearing(provider).of(asset), -fee.amount)]
        if fee.amount:
            await ledger.post(tx, ledger.Movement(key=f"fees of {provider} {new_id()}", kind="provider.fee", legs=legs))


async def _book_disputes(database: Database, till: Till, provider: str, lines: list[Line]) -> None:
    """A chargeback that no webhook told of is in the books all the same."""
    now = database.clock.now()
    for source in sorted({line.source for line in lines if line.what == "dispute"}):
        if await database.read(partial(_unknown, provider=provider, source=source)):
            await look_at_dispute(database, till, Happened(provider, "", "", "dispute", source, {}, now, now, None))


async def _unknown(tx: Tx, *, provider: str, source: str) -> bool:
    return await tx.run(disputes_sql.DISPUTE_OF_PROVIDER, provider, source) is None


async def _compare(tx: Tx, *, till: Till, provider: str, day: date) -> None:
    if (last := await _last_day(tx, provider=provider)) is not None and last >= day:
        return
    since = datetime.combine(day, time(), UTC)
    end, accounts = since + DAY, _accounts(till, provider)
    start, closed = await tx.run(sql.READ_UP_TO, provider) or 0, end + AFTERWARDS
    found = await tx.run(sql.COMPARE, provider, accounts, since - READ_BEFORE * DAY, end, start, closed, closed - OLD)
    reconciliation_id, matched = new_id(), found.matters - len(found.differing)
    await tx.run(sql.ADD_RECONCILIATION, reconciliation_id, provider, day, found.bookings, found.movements, matched, found.upto, tx.now)
    await _note(tx, provider, reconciliation_id, found)


async def _note(tx: Tx, provider: str, reconciliation_id: UUID, found: Comparison) -> None:
    """Add what is new, change what differs otherwise, close what agrees by now."""
    known = {(each.what, each.source, each.currency): each for each in await tx.run(sql.OPEN_DIFFERENCES, provider)}
    for each in found.differing:
        before = known.pop(each.matter, None)
        if before is not None:
            await tx.run(sql.CHANGE_DIFFERENCE, before.id, each.kind, each.reference_id, each.there, each.here)
        elif not await tx.run(sql.WAS_EXPLAINED, provider, *each.matter, each.there, each.here):
            args = (each.kind, each.what, each.source, each.reference_id, each.currency, each.there, each.here)
            await tx.run(sql.ADD_DIFFERENCE, new_id(), reconciliation_id, provider, *args, tx.now)
            log.error("provider and ledger do not agree", provider=provider, **msgspec.to_builtins(each))
    for agreed in known.values():
        await tx.run(sql.EXPLAIN, agreed.id, tx.now, None, AGREE)


@periodic("*/10 * * * *", name="payments.count_differences")
async def count_differences(tx: Tx, seen: Differences) -> None:
    """Tell the metrics how many differences nobody has explained."""
    found = await tx.run(sql.UNEXPLAINED, tx.now - OLD)
    seen.open, seen.old = found.open, found.old


# Staff


async def days(tx: Tx, query: Paging) -> Page[Day]:
    """How the days came out, newest first."""
    return Page(await tx.run(sql.DAYS, query.limit, query.offset), await tx.run(sql.HOW_MANY_DAYS), query)


async def differences(tx: Tx, query: DifferencesQuery) -> Page[Difference]:
    """Where both do not agree, newest first."""
    wanted = None if query.status is None else query.status == "open"
    rows = await tx.run(sql.DIFFERENCES, wanted, query.limit, query.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_DIFFERENCES, wanted), query)


async def explain(tx: Tx, by: Actor, difference_id: UUID, explanation: str) -> Difference:
    """Close a difference, because staff know where it comes from."""
    row = await tx.run(sql.EXPLAIN, difference_id, tx.now, by.id, explanation)
    if row is None:
        raise DifferenceNotFound if await tx.run(sql.DIFFERENCE, difference_id) is None else DifferenceExplained
    after = {"what": row.what, "source": row.source, "there": row.there, "here": row.here, "currency": row.currency}
    await audit.record(tx, "difference.explained", "difference", row.id, by=by, after=after, why=explanation)
    return row
