"""Sending payouts: those that are due leave together, each by a call that is written down before it is made.

`called_at` says that somebody is at it; `unknown` that the call is made and nobody knows yet what became of it. It is made again, with
the same key, until somebody does. Whatever the provider tells moves a payout up, so it does not matter in which order it comes.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.kernel.money import Money
from souk.kernel.telemetry import log
from souk.modules import ledger
from souk.modules.payments import recipients
from souk.modules.payments.accounts import PAYOUTS, clearing
from souk.modules.payments.errors import PayoutAccountMissing, ProviderUnreachable
from souk.modules.payments.events import PayoutPaid
from souk.modules.payments.model import Happened, PayoutStatus
from souk.modules.payments.outgoing import RANKS, PayoutRow
from souk.modules.payments.payouts import any_payout, back_to_wallet, lost, save
from souk.modules.payments.provider import (
    KEYS_KEPT,
    Failure,
    PaymentProvider,
    Payout,
    PayoutState,
    ProviderError,
    Recipient,
    Unreachable,
    why_not,
)
from souk.modules.payments.providers import Till
from souk.modules.payments.sql import payouts as sql

AT_ONCE: Final = 1000
TRY_LATER: Final = frozenset({"balance_insufficient"})
"""Refusals that say nothing of the payout: the platform's money is not there yet."""
LATER: Final = timedelta(hours=6)
LOOKED_FOR: Final = KEYS_KEPT + timedelta(hours=1)
"""When a lost payout is looked for in the provider's list: by then no call of it is on its way any more."""
EARLIER: Final = timedelta(hours=1)
"""How far the provider's clock may be behind."""
NEVER_LEFT: Final = Failure("never_left", "The payment provider was not reached for a day; nothing left.")


async def take_due(tx: Tx, till: Till) -> tuple[UUID, list[UUID]]:
    """Put together what may leave: approved, held no longer, to an account that is ready and was not changed lately."""
    batch = new_id()
    return batch, await tx.run(sql.TAKE_DUE, batch, tx.now, tx.now - till.rules.account_hold, AT_ONCE)


async def carry_out_payout(database: Database, till: Till, payout_id: UUID) -> PayoutRow:
    """Have the provider send it, and write down what became of it. Any number of processes may; it is sent once."""
    row = await database.read(lambda tx: any_payout(tx, payout_id))
    if row.called_at is None or row.rank > RANKS[PayoutStatus.UNKNOWN] or lost(row, database.clock.now()):
        return row
    provider = till.provider(database, row.provider)
    try:
        if row.state is PayoutStatus.APPROVED:
            row = await _begun(database, till, provider, row)
        if row.state is not PayoutStatus.UNKNOWN:
            return row
        metadata = {"payout": str(row.id), "person": str(row.person_id)}
        told = await provider.pay_out(row.call_key, row.recipient_id, Money(row.amount, row.currency), metadata=metadata)
    except ProviderError as error:
        failure = why_not(error)
        log.warning("a provider refused a payout" if failure else "a provider did not answer", payout_id=str(row.id), error=str(error))
        if failure is None:
            return await database.write(partial(_unanswered, payout_id=row.id))
        return await database.write(partial(_refused, till=till, seen=row, failure=failure))
    return await database.write(partial(apply, till=till, payout_id=row.id, told=told))


async def _begun(database: Database, till: Till, provider: PaymentProvider, row: PayoutRow) -> PayoutRow:
    """The call is written down, unless the account was changed by now: then the payout waits with all others."""
    told = await provider.recipient(row.recipient_id)
    return await database.write(partial(_begin, till=till, seen=row, told=told))


async def _begin(tx: Tx, *, till: Till, seen: PayoutRow, told: Recipient) -> PayoutRow:
    row = await any_payout(tx, seen.id, lock=True)
    if row.state is not PayoutStatus.APPROVED or row.called_at is None:
        return row
    try:
        account = await recipients.note(tx, person_id=row.person_id, provider=row.provider, told=told)
    except PayoutAccountMissing:
        return await save(tx, row, called_at=None, batch=None)
    if not account.ready or account.changed_at + till.rules.account_hold > tx.now:
        return await save(tx, row, called_at=None, batch=None)
    return await save(tx, row, state=PayoutStatus.UNKNOWN, calls=row.calls + 1, called_at=tx.now, sent_at=tx.now)


async def _unanswered(tx: Tx, *, payout_id: UUID) -> PayoutRow:
    """Nobody knows yet: the same call is made again."""
    row = await any_payout(tx, payout_id, lock=True)
    return await save(tx, row, called_at=tx.now) if row.called_at is not None else row


async def _refused(tx: Tx, *, till: Till, seen: PayoutRow, failure: Failure) -> PayoutRow:
    """The provider said no, for good: nothing left. Or not yet: then it is tried again, as another attempt."""
    row = await any_payout(tx, seen.id, lock=True)
    if row.called_at is None or row.calls != seen.calls or row.rank > RANKS[PayoutStatus.UNKNOWN]:
        return row
    if failure.code in TRY_LATER:
        return await save(tx, row, state=PayoutStatus.APPROVED, called_at=None, sent_at=None, batch=None, held_until=tx.now + LATER)
    return await back_to_wallet(tx, till, row, PayoutStatus.FAILED, failure.code, failure.message)


async def apply(tx: Tx, *, till: Till, payout_id: UUID, told: Payout) -> PayoutRow:
    """Move a payout to where the provider says it is, unless it is further already."""
    row = await any_payout(tx, payout_id, lock=True)
    if row.rank >= RANKS[PayoutStatus.RETURNED] and row.provider_id is None:
        log.error("a payout left that was given back", payout_id=str(row.id), provider_id=told.id)
        return row
    if told.state is PayoutState.PENDING:
        if row.rank >= RANKS[PayoutStatus.SENT]:
            return row
        return await save(tx, row, state=PayoutStatus.SENT, provider_id=told.id, called_at=None)
    if row.rank < RANKS[PayoutStatus.PAID]:
        row = await _left(tx, till, row, told)
    if told.state is PayoutState.FAILED and row.rank < RANKS[PayoutStatus.RETURNED]:
        why = told.failure or Failure("failed", "The bank sent it back.")
        source = clearing(row.provider).of(till.assets.named(row.currency))
        row = await back_to_wallet(tx, till, row, PayoutStatus.RETURNED, why.code, why.message, source)
    return row


async def _left(tx: Tx, till: Till, row: PayoutRow, told: Payout) -> PayoutRow:
    """The money is with the bank. One that comes back without having been paid left all the same: the provider booked both."""
    asset, paid = till.assets.named(row.currency), told.state is PayoutState.PAID
    away = [(clearing(row.provider).of(asset), row.amount)]
    movement = ledger.transfer(f"payout {row.id} left", "payout.left", PAYOUTS.of(asset), away, reference=row.id)
    journals = [*row.journals, (await ledger.post(tx, movement)).journal]
    if not paid:
        return await save(tx, row, provider_id=told.id, journals=journals, called_at=None)
    await emit(tx, PayoutPaid(row.id, row.person_id, row.amount, row.currency))
    return await save(tx, row, state=PayoutStatus.PAID, provider_id=told.id, journals=journals, called_at=None, paid_at=tx.now)


# Asking how it stands


async def look_at_payout(database: Database, till: Till, happened: Happened) -> bool:
    """A payout changed there. One that is not known here has no outcome yet, or is another market's."""
    now = database.clock.now()
    row = await database.read(lambda tx: tx.run(sql.PAYOUT_OF_PROVIDER, happened.provider, happened.object_id))
    if row is not None:
        await look_again_at_payout(database, till, row.id)
        return True
    account = happened.about.get("account", "")
    doubtful = await database.read(lambda tx: tx.run(sql.PAYOUTS_IN_DOUBT, happened.provider, account))
    waiting = [row for row in doubtful if row.sent_at is None or now < row.sent_at + LOOKED_FOR]
    for each in doubtful:
        if each not in waiting:
            await look_for_payout(database, till, each.id)
    return not waiting


async def look_for_payout(database: Database, till: Till, payout_id: UUID) -> None:
    """Look in the provider's list for a payout whose answer was lost and whose key is forgotten. What is not there never left."""
    row = await database.read(lambda tx: any_payout(tx, payout_id))
    if not lost(row, database.clock.now()) or row.sent_at is None:
        return
    try:
        told = await till.provider(database, row.provider).find_payout(row.recipient_id, str(row.id), row.sent_at - EARLIER)
    except Unreachable as error:
        raise ProviderUnreachable from error
    if told is None:
        log.warning("a payout never left", payout_id=str(row.id))
        await database.write(partial(_refused, till=till, seen=row, failure=NEVER_LEFT))
    else:
        await database.write(partial(apply, till=till, payout_id=row.id, told=told))


async def look_again_at_payout(database: Database, till: Till, payout_id: UUID) -> None:
    """Ask the provider how far a payout is."""
    row = await database.read(lambda tx: any_payout(tx, payout_id))
    if row.provider_id is None:
        return
    try:
        told = await till.provider(database, row.provider).payout(row.provider_id, row.recipient_id)
    except Unreachable as error:
        raise ProviderUnreachable from error
    await database.write(partial(apply, till=till, payout_id=row.id, told=told))
