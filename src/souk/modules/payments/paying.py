"""Paying: what is asked of a provider is written down, then asked, then its outcome is written down.

Between the first two a process may die, and an answer may be lost: then `call` still stands in the row, and whoever makes the
same call again, with the same key, gets the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
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
from souk.modules.payments.errors import NotAuthorised, PayingOneself, PaymentBusy, PaymentNotFound, PaymentOver
from souk.modules.payments.events import PaymentCanceled, PaymentFailed
from souk.modules.payments.model import OPEN, RANKS, Call, PaymentState, Row
from souk.modules.payments.payers import customer_of, has_left
from souk.modules.payments.provider import (
    KEY_REUSED,
    KEYS_KEPT,
    Declined,
    Failure,
    Intent,
    IntentState,
    Misused,
    PaymentProvider,
    ProviderError,
)
from souk.modules.payments.providers import Till, answering
from souk.modules.payments.settling import NO_CALL, locked, save, settle, told
from souk.modules.payments.sql import paying as sql

FURTHER: Final = frozenset({IntentState.SUCCEEDED, IntentState.REQUIRES_CAPTURE, IntentState.PROCESSING, IntentState.CANCELED})
"""Where a payment is not confirmed any more."""
READ_AGAIN: Final = 5
"""How often a payment is read anew because it changed while the provider was asked."""
NEVER_BEGAN: Final = Failure("never_began", "The payment provider was not reached for a day; nothing was taken.")
NOT_TAKEN: Final = "The payment provider does not take this; nothing was paid. Another way to pay may work."
"""What a payer is told of a call that was refused. The provider's own words name its objects; they are for the log."""


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
    till.payable(wanted.amount.currency)
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
    except ProviderError as error:
        log.warning("a provider did not answer", payment_id=str(row.id), call=str(row.call), error=str(error))
        return None
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return Failure(refusal.code, refusal.text())


async def _made(database: Database, provider: PaymentProvider, row: Row) -> Intent:
    """The call itself. What became of it, where it may not be made any more: its key is forgotten, or its payer has left."""
    if row.called_at is not None and database.clock.now() > row.called_at + KEYS_KEPT:
        if row.provider_id is None:
            raise Declined(NEVER_BEGAN)
        return await provider.intent(row.provider_id)
    if row.call is Call.CREATE or row.provider_id is None:
        customer = await customer_of(database, provider, row.payer_id)
        metadata = {"payment": str(row.id), "kind": row.kind, "reference": str(row.reference_id or "")}
        amount = Money(row.amount, row.currency)
        return await provider.create_intent(row.call_key, amount, customer=customer, manual=row.manual, metadata=metadata)
    if row.call is Call.CONFIRM:
        if await has_left(database, row.provider, row.payer_id):
            return await provider.intent(row.provider_id)
        return await provider.confirm_intent(row.call_key, row.provider_id, row.call_method)
    if row.call is Call.CAPTURE:
        return await provider.capture_intent(row.call_key, row.provider_id, row.call_amount)
    return await provider.cancel_intent(row.call_key, row.provider_id)


async def _despite(provider: PaymentProvider, row: Row, misused: Misused) -> Intent | Failure | None:
    """A call that was refused may have come too late: then the payment is further than it was known to be, and that is the outcome.

    So it is where the call's key was used for another: that one is over, and the payment is where it led.
    """
    reused = misused.code == KEY_REUSED
    if row.provider_id is None:
        return None if reused else Failure(misused.code, NOT_TAKEN)
    try:
        intent = await provider.intent(row.provider_id)
    except ProviderError:
        return None
    return intent if reused or row.call is not Call.CONFIRM or intent.state in FURTHER else Failure(misused.code, NOT_TAKEN)


async def _answered(tx: Tx, *, till: Till, seen: Row, outcome: Intent | Failure | None) -> Row:
    """Write down what became of a call, unless somebody else who made it has."""
    row = await locked(tx, seen.id)
    waiting = row.call is not None and row.calls == seen.calls
    if isinstance(outcome, Failure):
        return await _refused(tx, row, outcome) if waiting else row
    if outcome is not None:
        row = await settle(tx, till, row, outcome, answer=waiting)
    if waiting and row.call is not None:
        return await save(tx, row, state=PaymentState.UNKNOWN if RANKS[row.state] == 0 else row.state)
    if waiting and seen.call is Call.CREATE and seen.call_method and RANKS[row.state] == 0:
        return await _next(tx, row, Call.CONFIRM, method=seen.call_method)
    return row


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
    return await _go_on(database, till, lambda tx: _ask_confirm(tx, payment_id, method))


async def capture(database: Database, till: Till, payment_id: UUID, amount: int | None = None) -> Row:
    """Take what was authorised, or part of it; the rest is let go."""
    return await _go_on(database, till, lambda tx: ask_capture(tx, payment_id, amount))


async def cancel(database: Database, till: Till, payment_id: UUID) -> Row:
    """Give a payment up. One that is captured cannot be; it can be sent back."""
    return await _go_on(database, till, lambda tx: ask_cancel(tx, payment_id))


async def give_up(database: Database, till: Till, payment_id: UUID) -> Row:
    """The same for its payer. What was authorised is not theirs to take back: others rely on it."""
    return await _go_on(database, till, lambda tx: ask_cancel(tx, payment_id, OPEN - {PaymentState.AUTHORISED}))


async def _go_on(database: Database, till: Till, ask_for: Callable[[Tx], Awaitable[Row]]) -> Row:
    """Write the next call down, and make it."""
    row = await database.write(ask_for)
    return await carry_out(database, till, row.id)


async def _ask_confirm(tx: Tx, payment_id: UUID, method: str | None) -> Row:
    row = await locked(tx, payment_id)
    if _is_there(row, PaymentState.CAPTURED, OPEN - {PaymentState.AUTHORISED}):
        return row
    return await _next(tx, row, Call.CREATE if row.provider_id is None else Call.CONFIRM, method=method)


async def ask_capture(tx: Tx, payment_id: UUID, amount: int | None = None) -> Row:
    """Write down that what was authorised is wanted, or part of it. Whoever does so calls `carry_out` after the commit."""
    row = await locked(tx, payment_id)
    if _is_there(row, PaymentState.CAPTURED, OPEN):
        if amount not in {None, row.captured}:
            raise PaymentOver(state=row.state)
        return row
    if row.state is not PaymentState.AUTHORISED:
        raise NotAuthorised
    if amount is not None and not 0 < amount <= row.amount:
        raise ledger.MoreThanHeld
    return await _next(tx, row, Call.CAPTURE, amount=amount)


async def ask_cancel(tx: Tx, payment_id: UUID, allowed: Collection[PaymentState] = OPEN) -> Row:
    """Write down that a payment is given up. Whoever does so calls `carry_out` after the commit."""
    row = await locked(tx, payment_id)
    if _is_there(row, PaymentState.CANCELED, allowed):
        return row
    if row.provider_id is None:
        await emit(tx, PaymentCanceled(row.id, row.kind, row.reference_id, row.payer_id))
        return await save(tx, row, state=PaymentState.CANCELED)
    return await _next(tx, row, Call.CANCEL)


def _is_there(row: Row, wanted: PaymentState, allowed: Collection[PaymentState]) -> bool:
    """Whether a payment is where it is wanted already. Nothing is asked of one that waits for an answer, or that is past it."""
    if row.call is not None:
        raise PaymentBusy
    if row.state is not wanted and row.state not in allowed:
        raise PaymentOver(state=row.state)
    return row.state is wanted


async def _next(tx: Tx, row: Row, call: Call, *, method: str | None = None, amount: int | None = None) -> Row:
    return await save(tx, row, call=call, calls=row.calls + 1, call_method=method, call_amount=amount, called_at=tx.now)


# Asking how it stands


async def refreshed(database: Database, till: Till, payment_id: UUID) -> tuple[Row, Intent | None]:
    """A payment moved to where the provider says it is. What was read before somebody else changed it counts for nothing."""
    for _ in range(READ_AGAIN):
        seen = await any_payment(database, payment_id)
        if seen.provider_id is None or RANKS[seen.state] == RANKS[PaymentState.CAPTURED]:
            return seen, None
        with answering():
            intent = await till.provider(database, seen.provider).intent(seen.provider_id)
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
