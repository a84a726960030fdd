"""Paying: what is asked of a provider is written down, then asked, then its outcome is written down.

Between the first two a process may die, and an answer may be lost: then `call` still stands in the row, and whoever makes the
same call again, with the same key, gets the same answer.
"""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx
from souk.kernel.errors import Refusal
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.kernel.money import Money
from souk.kernel.telemetry import log
from souk.modules import ledger
from souk.modules.payments.errors import NotAuthorised, PayingOneself, PaymentBusy, PaymentNotFound, PaymentOver, ProviderUnreachable
from souk.modules.payments.events import PaymentFailed
from souk.modules.payments.model import OPEN, RANKS, Call, PaymentState, Row
from souk.modules.payments.payers import customer_of
from souk.modules.payments.provider import Declined, Failure, Intent, IntentState, Misused, PaymentProvider, Unreachable
from souk.modules.payments.providers import Till
from souk.modules.payments.settling import NO_CALL, locked, save, settle, told
from souk.modules.payments.sql import paying as sql

READ_AGAIN: Final = 5
"""How often a payment is read anew because it changed while the provider was asked."""


class NewPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it is asked for."""

    key: str
    """Whoever asks twice with one key, asks once."""
    payer_id: UUID
    amount: Money
    kind: str = "deposit"
    payee_id: UUID | None = None
    reference_id: UUID | None = None
    fee: int = 0
    escrow: bool = False
    """Held in the payer's wallet once it is captured, until it is released or sent back."""
    manual: bool = False
    """Only authorised at first, and captured on demand."""
    method: str | None = None
    """A saved way to pay, used at once."""


async def begin(database: Database, till: Till, wanted: NewPayment) -> Row:
    """Ask for a payment, and have the provider begin it."""
    row = await database.write(lambda tx: ask(tx, till, wanted))
    return await carry_out(database, till, row.id)


async def ask(tx: Tx, till: Till, wanted: NewPayment) -> Row:
    """Write down what is wanted. Whoever does so in a transaction of their own calls `carry_out` after it."""
    if wanted.payer_id == wanted.payee_id:
        raise PayingOneself
    till.assets.named(wanted.amount.currency)
    if wanted.amount.amount <= 0:
        raise ledger.NotPositive
    await tx.run(
        sql.ADD_PAYMENT,
        new_id(),
        wanted.payer_id,
        wanted.payee_id,
        wanted.kind,
        wanted.reference_id,
        wanted.amount.amount,
        wanted.fee,
        wanted.amount.currency,
        till.providers.current,
        wanted.manual,
        wanted.escrow,
        wanted.key,
        wanted.method,
        tx.now,
    )
    row = await tx.run(sql.PAYMENT_BY_KEY, wanted.key)
    if row is None:
        raise PaymentNotFound
    if _content(row) != _content(wanted):
        raise ledger.IdempotencyConflict
    return row


def _content(asked: Row | NewPayment) -> tuple[object, ...]:
    """What makes it this payment and no other."""
    amount = Money(asked.amount, asked.currency) if isinstance(asked, Row) else asked.amount
    return (asked.payer_id, asked.payee_id, asked.kind, asked.reference_id, amount, asked.fee, asked.escrow, asked.manual)


# Calls


async def carry_out(database: Database, till: Till, payment_id: UUID) -> Row:
    """Make the calls that a payment waits for, and write down what became of them. Any number of processes may."""
    row = await any_payment(database, payment_id)
    while row.call is not None:
        outcome = await _call(database, till, row)
        seen, row = row, await database.write(partial(_answered, till=till, seen=row, outcome=outcome))
        if outcome is None or row.calls == seen.calls:
            break
    return row


async def any_payment(database: Database, payment_id: UUID) -> Row:
    """Anybody's payment, as it stands."""
    row = await database.read(lambda tx: tx.run(sql.PAYMENT, payment_id))
    if row is None:
        raise PaymentNotFound
    return row


async def _call(database: Database, till: Till, row: Row) -> Intent | Failure | None:
    """The outcome of a payment's call: the provider's answer, why not, or None where it did not answer."""
    provider = till.provider(database, row.provider)
    try:
        return await _made(database, provider, row)
    except Declined as declined:
        return declined.failure
    except Misused as misused:
        log.warning("a provider refused a call", payment_id=str(row.id), call=str(row.call), error=str(misused))
        return await _despite(provider, row, misused)
    except Unreachable as error:
        log.warning("a provider did not answer", payment_id=str(row.id), call=str(row.call), error=str(error))
        return None
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return Failure(refusal.code, refusal.text())


async def _made(database: Database, provider: PaymentProvider, row: Row) -> Intent:
    """The call itself."""
    if row.call is Call.CREATE or row.provider_id is None:
        customer = await customer_of(database, provider, row.payer_id)
        metadata = {"payment": str(row.id), "kind": row.kind, "reference": str(row.reference_id or "")}
        amount = Money(row.amount, row.currency)
        return await provider.create_intent(row.call_key, amount, customer=customer, manual=row.manual, metadata=metadata)
    if row.call is Call.CONFIRM:
        return await provider.confirm_intent(row.call_key, row.provider_id, row.call_method)
    if row.call is Call.CAPTURE:
        return await provider.capture_intent(row.call_key, row.provider_id, row.call_amount)
    return await provider.cancel_intent(row.call_key, row.provider_id)


async def _despite(provider: PaymentProvider, row: Row, misused: Misused) -> Intent | Failure | None:
    """A call that was refused may have come too late: then the payment is further than it was known to be, and that is the outcome."""
    if row.provider_id is not None:
        try:
            intent = await provider.intent(row.provider_id)
        except Unreachable:
            return None
        if row.call is not Call.CONFIRM or intent.state in (
            *(IntentState.SUCCEEDED, IntentState.REQUIRES_CAPTURE),
            *(IntentState.PROCESSING, IntentState.CANCELED),
        ):
            return intent
    return Failure(misused.code, str(misused))


async def _answered(tx: Tx, *, till: Till, seen: Row, outcome: Intent | Failure | None) -> Row:
    """Write down what became of a call, unless somebody else who made it has."""
    row = await locked(tx, seen.id)
    waiting = row.call is not None and row.calls == seen.calls
    if isinstance(outcome, Intent):
        row = await settle(tx, till, row, outcome, answer=waiting)
        if waiting and seen.call is Call.CREATE and seen.call_method and RANKS[row.state] == 0:
            row = await save(tx, row, call=Call.CONFIRM, calls=row.calls + 1, call_method=seen.call_method, called_at=tx.now)
        return row
    if not waiting:
        return row
    if outcome is None:
        state = PaymentState.UNKNOWN if RANKS[row.state] == 0 else row.state
        return await save(tx, row, state=state, called_at=tx.now)
    return await _refused(tx, row, outcome)


async def _refused(tx: Tx, row: Row, failure: Failure) -> Row:
    """The bank or the provider said no: an open payment has failed, and may be tried again."""
    changes = dict(NO_CALL)
    if RANKS[row.state] == 0:
        await emit(tx, PaymentFailed(row.id, row.kind, row.reference_id, row.payer_id, failure.code, failure.message))
        changes |= {"state": PaymentState.FAILED, "failure_code": failure.code, "failure": failure.message, "next_url": None}
    return await save(tx, row, **changes)


# What follows a beginning


async def confirm(database: Database, till: Till, payment_id: UUID, method: str | None = None) -> Row:
    """Pay by a saved method; without one, look how far the payer's browser has come and go on from there."""
    row = await any_payment(database, payment_id)
    if row.provider_id is not None and method is None:
        row, intent = await refreshed(database, till, payment_id)
        if intent is None or intent.state is not IntentState.REQUIRES_CONFIRMATION:
            return row
    return await _go_on(database, till, payment_id, Call.CONFIRM, method=method)


async def capture(database: Database, till: Till, payment_id: UUID, amount: int | None = None) -> Row:
    """Take what was authorised, or part of it; the rest is let go."""
    return await _go_on(database, till, payment_id, Call.CAPTURE, amount=amount)


async def cancel(database: Database, till: Till, payment_id: UUID) -> Row:
    """Give a payment up. One that is captured cannot be; it can be sent back."""
    return await _go_on(database, till, payment_id, Call.CANCEL)


async def _go_on(  # noqa: PLR0913 - what is asked, of which payment, with what
    database: Database, till: Till, payment_id: UUID, call: Call, *, method: str | None = None, amount: int | None = None
) -> Row:
    """Write the next call down, and make it."""
    row = await database.write(lambda tx: _ask_for(tx, payment_id, call, method, amount))
    return await carry_out(database, till, row.id)


async def _ask_for(tx: Tx, payment_id: UUID, call: Call, method: str | None, amount: int | None) -> Row:
    row = await locked(tx, payment_id)
    wanted = {Call.CAPTURE: PaymentState.CAPTURED, Call.CANCEL: PaymentState.CANCELED}.get(call, PaymentState.CAPTURED)
    if row.state is wanted and row.call is None:
        return row
    if row.call is not None:
        raise PaymentBusy
    if row.state not in OPEN or (call is Call.CONFIRM and row.state is PaymentState.AUTHORISED):
        raise PaymentOver(state=row.state)
    if call is Call.CAPTURE and row.state is not PaymentState.AUTHORISED:
        raise NotAuthorised
    if call is Call.CAPTURE and amount is not None and not 0 < amount <= row.amount:
        raise ledger.MoreThanHeld
    if row.provider_id is None:
        if call is Call.CANCEL:
            return await save(tx, row, state=PaymentState.CANCELED)
        call = Call.CREATE
    return await save(tx, row, call=call, calls=row.calls + 1, call_method=method, call_amount=amount, called_at=tx.now)


# Asking how it stands


async def refreshed(database: Database, till: Till, payment_id: UUID) -> tuple[Row, Intent | None]:
    """A payment moved to where the provider says it is. What was read before somebody else changed it counts for nothing."""
    for _ in range(READ_AGAIN):
        seen = await any_payment(database, payment_id)
        if seen.provider_id is None or RANKS[seen.state] == RANKS[PaymentState.CAPTURED]:
            return seen, None
        try:
            intent = await till.provider(database, seen.provider).intent(seen.provider_id)
        except Unreachable as error:
            raise ProviderUnreachable from error
        row = await database.write(partial(_looked_at, till=till, seen=seen, intent=intent))
        if row is not None:
            return row, intent
    raise PaymentBusy


async def _looked_at(tx: Tx, *, till: Till, seen: Row, intent: Intent) -> Row | None:
    """The payment, moved; None where it changed meanwhile, and this does not lead further up."""
    row = await locked(tx, seen.id)
    if row.revision != seen.revision and RANKS[told(intent)] <= RANKS[row.state]:
        return None
    return await settle(tx, till, row, intent)
