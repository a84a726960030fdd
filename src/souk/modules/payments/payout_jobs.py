"""What the clock does with payouts and chargebacks: what is due leaves, lost answers are asked for again, lost webhooks do no harm."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor
from souk.kernel.messages import enqueue, job, periodic
from souk.kernel.record import Record
from souk.kernel.telemetry import log
from souk.modules import audit
from souk.modules.payments.disputes import look_at_dispute
from souk.modules.payments.jobs import ANSWER_WITHIN, AT_ONCE, each_of
from souk.modules.payments.model import Happened
from souk.modules.payments.outgoing import Batch
from souk.modules.payments.provider import KEYS_KEPT
from souk.modules.payments.providers import Till
from souk.modules.payments.recipients import forget
from souk.modules.payments.sending import LOOKED_FOR, carry_out_payout, look_again_at_payout, look_for_payout, take_due
from souk.modules.payments.sql import disputes as disputes_sql
from souk.modules.payments.sql import payouts as sql

QUIET: Final = timedelta(hours=6)
"""A payout or a chargeback that nothing was heard of for so long is looked at."""
SENT_BACK_WITHIN: Final = timedelta(days=10)
"""For so long a bank may still send back what was paid."""


FORGOTTEN_AFTER: Final = timedelta(days=1)
"""When it is looked again whether somebody who left has been paid."""


class Leaving(Record):
    """Which payout is to be sent."""

    payout_id: UUID


@job("payments.send_payout", patience=120)
async def send_payout(database: Database, leaving: Leaving, till: Till) -> None:
    """Have the provider send a payout."""
    await carry_out_payout(database, till, leaving.payout_id)


async def send_what_is_due(tx: Tx, till: Till) -> Batch:
    """Let leave together what may leave: a job for each of them."""
    batch, due = await take_due(tx, till)
    for payout_id in due:
        await enqueue(tx, send_payout, Leaving(payout_id), key=f"payout {payout_id}")
    return Batch(batch if due else None, len(due))


class Gone(Record):
    """Who was erased, and may still be paid."""

    person_id: UUID


@job("payments.forget_recipient")
async def forget_recipient(tx: Tx, gone: Gone) -> None:
    """Forget where somebody who left was paid, once nothing is on its way there any more."""
    if not await forget(tx, gone.person_id):
        await enqueue(tx, forget_recipient, gone, run_at=tx.now + FORGOTTEN_AFTER)


@periodic("7 * * * *", name="payments.send_due")
async def send_due(tx: Tx, till: Till) -> None:
    """Send payouts on the days on which the market does so."""
    if tx.now.weekday() in till.rules.payout_days:
        await send_what_is_due(tx, till)


async def send_by_staff(tx: Tx, till: Till, by: Actor) -> Batch:
    """Staff do not wait for the day. What is held stays held."""
    sent = await send_what_is_due(tx, till)
    if sent.id is not None:
        await audit.record(tx, "payouts.sent", "payout_batch", sent.id, by=by, after={"payouts": sent.payouts})
    return sent


@periodic("* * * * *", name="payments.ask_again_for_payouts", patience=600)
async def ask_again_for_payouts(database: Database, till: Till) -> None:
    """Make the calls again whose answers never came, while the provider still knows their keys."""
    now = database.clock.now()
    called = await database.read(lambda tx: tx.run(sql.PAYOUTS_CALLED_LONG_AGO, now - ANSWER_WITHIN, now - KEYS_KEPT, AT_ONCE))
    await each_of(called, lambda each: carry_out_payout(database, till, each))


@periodic("17 * * * *", name="payments.look_after_payouts", patience=600)
async def look_after_payouts(database: Database, till: Till) -> None:
    """Look at payouts that are on their way or may still come back, and for those that are lost; say loudly which stay so."""
    now = database.clock.now()
    quiet = await database.read(lambda tx: tx.run(sql.PAYOUTS_TO_LOOK_AT, now - QUIET, now - SENT_BACK_WITHIN, AT_ONCE))
    await each_of(quiet, lambda each: look_again_at_payout(database, till, each))
    await database.write(lambda tx: tx.run(sql.PAYOUTS_LOOKED_AT, quiet, tx.now))
    await each_of(await _lost(database), lambda each: look_for_payout(database, till, each))
    if lost := await _lost(database):
        log.error("nobody knows what became of payouts: look for them at the provider", payouts=[str(each) for each in lost])


async def _lost(database: Database) -> list[UUID]:
    before = database.clock.now() - LOOKED_FOR
    return await database.read(lambda tx: tx.run(sql.LOST_PAYOUTS, before, AT_ONCE))


@periodic("37 * * * *", name="payments.look_after_disputes", patience=600)
async def look_after_disputes(database: Database, till: Till) -> None:
    """Look at open chargebacks whose end may have been told to nobody."""
    now = database.clock.now()
    quiet = await database.read(lambda tx: tx.run(disputes_sql.DISPUTES_TO_LOOK_AT, now - QUIET, AT_ONCE))
    hints = {row.id: Happened(row.provider, "", "", "dispute", row.provider_id, {}, now, now, None) for row in quiet}
    await each_of(hints, lambda each: look_at_dispute(database, till, hints[each]))
    await database.write(lambda tx: tx.run(disputes_sql.DISPUTES_LOOKED_AT, list(hints), tx.now))
