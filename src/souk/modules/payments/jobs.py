"""What the clock and the inbox ask of payments: webhooks are taken in, lost answers are asked for again, lost webhooks do no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.errors import Refusal
from souk.kernel.messages import Completion, enqueue, job, periodic
from souk.kernel.record import Record
from souk.kernel.telemetry import log
from souk.modules.payments.handlers import HANDLERS
from souk.modules.payments.model import Happened
from souk.modules.payments.payers import Forgotten, forget_all_methods
from souk.modules.payments.paying import carry_out, give_up, refreshed
from souk.modules.payments.provider import Happening, ProviderError
from souk.modules.payments.providers import Till
from souk.modules.payments.refunding import carry_out_refund, look_again
from souk.modules.payments.sql import paying, refunding
from souk.modules.payments.sql import webhooks as sql
from souk.modules.payments.webhooks import handle

AT_ONCE: Final = 100
SIDE_BY_SIDE: Final = 5
ANSWER_WITHIN: Final = timedelta(minutes=1)
"""A call that has had no outcome for so long is made again."""
QUIET: Final = timedelta(hours=1)
"""A payment that should have moved and did not is looked at after it."""
GIVEN_UP: Final = timedelta(days=10)
"""A payment that nobody finished is not looked at for longer. What was authorised is let go by then."""
GIVING_UP: Final = timedelta(days=2)
"""For so long it is tried to give up what somebody had begun to pay who left. Every call has an outcome by then."""
LATER: Final = timedelta(seconds=30)
KEPT: Final = timedelta(days=90)


class Arrived(Record):
    """Which webhook is to be taken in."""

    provider: str
    event_id: str


@job("payments.webhook", patience=120)
async def take_in(database: Database, arrived: Arrived, till: Till) -> Completion | None:
    """Bring up to date what a webhook tells of."""
    happened = await database.read(lambda tx: tx.run(sql.HAPPENED, arrived.provider, arrived.event_id))
    if happened is None or happened.processed_at is not None:
        return None
    if await handle(database, till, happened, HANDLERS):
        return partial(processed, happened=happened)
    return partial(once_more, arrived=arrived)


async def receive(tx: Tx, provider: str, happening: Happening) -> bool:
    """Keep a webhook, once, and ask for what follows from it."""
    kept = await tx.run(
        sql.TAKE_IN,
        provider,
        happening.id,
        happening.kind,
        happening.object_kind,
        happening.object_id,
        msgspec.json.encode(happening.about).decode(),
        happening.at,
        tx.now,
    )
    if kept:
        await enqueue(tx, take_in, Arrived(provider, happening.id))
    return kept > 0


async def processed(tx: Tx, *, happened: Happened) -> None:
    """Nothing more follows from it."""
    await tx.finish(sql.PROCESSED, happened.provider, happened.event_id, tx.now)


async def once_more(tx: Tx, *, arrived: Arrived) -> None:
    """It came before the answer of the call that it belongs to: look again in a while."""
    await enqueue(tx, take_in, arrived, run_at=tx.now + LATER)


@job("payments.forget_methods")
async def forget_methods(database: Database, forgotten: Forgotten, till: Till) -> None:
    """Have the provider forget the saved ways to pay of somebody who was erased."""
    await forget_all_methods(database, till, forgotten)


class Left(Record):
    """Who was erased, and may have begun to pay; until when it is tried to give that up."""

    person_id: UUID
    until: datetime


@job("payments.give_up", patience=600)
async def give_up_payments(database: Database, left: Left, till: Till) -> Completion | None:
    """Give up what somebody who left had begun to pay. What waits for an answer has to have it first."""
    begun = await database.read(lambda tx: tx.run(paying.BEGUN_BY, left.person_id))
    await each_of(begun, lambda each: give_up(database, till, each))
    open_still = begun and await database.read(lambda tx: tx.run(paying.BEGUN_BY, left.person_id))
    return partial(give_up_later, left=left) if open_still and database.clock.now() < left.until else None


async def give_up_later(tx: Tx, *, left: Left) -> None:
    """Look again in a while."""
    await enqueue(tx, give_up_payments, left, run_at=tx.now + ANSWER_WITHIN)


@periodic("* * * * *", patience=600)
async def ask_again(database: Database, till: Till) -> None:
    """Make the calls again whose answers never came: with the same keys, so whatever happened has happened once."""
    since = database.clock.now() - ANSWER_WITHIN
    payments = await database.read(lambda tx: tx.run(paying.CALLED_LONG_AGO, since, AT_ONCE))
    await each_of(payments, lambda each: carry_out(database, till, each))
    refunds = await database.read(lambda tx: tx.run(refunding.REFUNDS_CALLED_LONG_AGO, since, AT_ONCE))
    await each_of(refunds, lambda each: carry_out_refund(database, till, each))


@periodic("*/10 * * * *", patience=600)
async def look_after(database: Database, till: Till) -> None:
    """Look at payments and refunds that should have moved: their webhooks may be lost."""
    now = database.clock.now()
    payments = await database.read(lambda tx: tx.run(paying.UNSETTLED, now - QUIET, now - GIVEN_UP, AT_ONCE))
    await each_of(payments, lambda each: refreshed(database, till, each))
    refunds = await database.read(lambda tx: tx.run(refunding.UNSETTLED_REFUNDS, now - QUIET, AT_ONCE))
    await each_of(refunds, lambda each: look_again(database, till, each))
    await database.write(lambda tx: tx.run(paying.LOOKED_AFTER, payments, tx.now))
    await database.write(lambda tx: tx.run(refunding.REFUNDS_LOOKED_AFTER, refunds, tx.now))


async def each_of(ids: Iterable[UUID], work: Callable[[UUID], Awaitable[object]]) -> None:
    """Work on each, a few side by side. What cannot be done now is done another time, and keeps nobody else from it."""
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(each: UUID) -> None:
        async with places:
            try:
                await work(each)
            except (Refusal, ProviderError) as error:
                log.warning("a payment could not be looked after", id=str(each), error=str(error))

    outcomes = await asyncio.gather(*(one(each) for each in ids), return_exceptions=True)
    for broken in filter(None, outcomes):
        raise broken


@periodic("23 4 * * *")
async def forget_webhooks(tx: Tx) -> None:
    """Forget what was taken in a season ago; it cannot come again any more."""
    await tx.finish(sql.FORGET, tx.now - KEPT, 10_000)
