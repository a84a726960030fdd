"""Sending money back: whole or in parts, out of the escrow, the payer's wallet, or that of the payee to whom it was released.

The money leaves the ledger when a refund is asked for, so that nobody spends it meanwhile. A refund that fails, even after it
succeeded, is taken back: then the money is where it came from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from souk.kernel.db import Database, Tx
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.kernel.money import Money
from souk.kernel.telemetry import log
from souk.modules import ledger
from souk.modules.payments.errors import FeeTooLarge, NotCaptured, NothingHeld, PaymentNotFound, RefundTooLarge
from souk.modules.payments.events import PaymentRefunded, RefundFailed
from souk.modules.payments.model import REFUND_RANKS, PaymentState, RefundRow, RefundSource, RefundStatus, Row
from souk.modules.payments.paying import any_payment
from souk.modules.payments.provider import KEYS_KEPT, Failure, PaymentProvider, ProviderError, Refund, RefundState, why_not
from souk.modules.payments.providers import Till, answering
from souk.modules.payments.settling import locked, save
from souk.modules.payments.sql import refunding as sql
from souk.modules.payments.sql.disputes import PAID_BACK
from souk.modules.payments.taking import Cause, Taken, put_back, take

TRIES: Final = 3
STATUS_OF: Final = {
    RefundState.PENDING: RefundStatus.PENDING,
    RefundState.SUCCEEDED: RefundStatus.SUCCEEDED,
    RefundState.FAILED: RefundStatus.FAILED,
}


class NewRefund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as it is asked for."""

    key: str
    """Whoever asks twice with one key, asks once."""
    payment_id: UUID
    amount: int
    fee_returned: int = 0
    """What of it the platform gives out of the fee that it took; the rest is the payee's."""
    source: RefundSource | None = None
    """Out of the escrow while there is one, then of the payee's wallet; of what was never an escrow, out of the payer's."""
    reason: str | None = None
    asked_by: UUID | None = None


async def refund(database: Database, till: Till, wanted: NewRefund) -> RefundRow:
    """Ask for a refund, and have the provider send it."""
    row = await retried(database, lambda tx: ask_refund(tx, till, wanted))
    return await carry_out_refund(database, till, row.id)


async def retried(database: Database, work: Callable[[Tx], Awaitable[RefundRow]]) -> RefundRow:
    """Ask for a refund anew where a payee spent what was there a moment before: then more of it is owed."""
    for _ in range(TRIES - 1):
        with suppress(ledger.InsufficientFunds):
            return await database.write(work)
    return await database.write(work)


async def ask_refund(tx: Tx, till: Till, wanted: NewRefund) -> RefundRow:
    """Take the money and write down what is wanted. Whoever does so in a transaction of their own calls `carry_out_refund` after it."""
    payment = await locked(tx, wanted.payment_id)
    known = await known_refund(tx, wanted.key, wanted.payment_id, wanted.amount)
    if known is not None:
        if known.fee_returned != wanted.fee_returned:
            raise ledger.IdempotencyConflict
        return known
    source = _checked(payment, wanted, await payees_part(tx, payment))
    refund_id = new_id()
    why = Cause(f"refund {refund_id}", "payment.refunded", refund_id)
    taken, payment = await take(tx, till, payment, wanted.amount, source=source, fee=wanted.fee_returned, why=why)
    await _add(tx, payment, wanted, source, refund_id, taken)
    await save(tx, payment, refunded=payment.refunded + wanted.amount)
    return await any_refund(tx, refund_id)


async def known_refund(tx: Tx, key: str, payment_id: UUID, amount: int | None) -> RefundRow | None:
    """The refund that was asked for with that key. amount: what is asked for now; None is whatever was left then."""
    known = await tx.run(sql.REFUND_BY_KEY, key)
    if known is not None and (known.payment_id != payment_id or amount not in {None, known.amount}):
        raise ledger.IdempotencyConflict
    return known


async def payees_part(tx: Tx, payment: Row) -> int:
    """What payee and platform have of a payment. The rest of an escrow that is over is in the payer's wallet."""
    back = await tx.run(PAID_BACK, payment.id)
    return max(0, payment.released + payment.fee_taken - payment.fee_returned - back.payee - back.platform) if payment.released else 0


def _checked(payment: Row, wanted: NewRefund, payees: int) -> RefundSource:
    """Where the money is to come from, if it may go."""
    if payment.state is not PaymentState.CAPTURED:
        raise NotCaptured
    if wanted.amount <= 0:
        raise ledger.NotPositive
    if wanted.amount > payment.left:
        raise RefundTooLarge(refundable=payment.left)
    source = wanted.source or (RefundSource.HOLD if payment.held else RefundSource.PAYEE if payees else RefundSource.PAYER)
    if source is RefundSource.HOLD and not payment.held:
        raise NothingHeld
    there = {RefundSource.HOLD: payment.held, RefundSource.PAYEE: payees, RefundSource.PAYER: payment.left}[source]
    if wanted.amount > there:
        raise RefundTooLarge(refundable=there)
    returnable = min(payment.fee_taken - payment.fee_returned, wanted.amount) if source is RefundSource.PAYEE else 0
    if not 0 <= wanted.fee_returned <= returnable:
        raise FeeTooLarge(returnable=returnable)
    return source


async def _add(tx: Tx, payment: Row, wanted: NewRefund, source: RefundSource, refund_id: UUID, taken: Taken) -> None:  # noqa: PLR0913, PLR0917 - a row
    await tx.run(
        sql.ADD_REFUND,
        refund_id,
        payment.id,
        wanted.amount,
        payment.currency,
        wanted.fee_returned,
        source,
        taken.owed,
        payment.provider,
        wanted.reason,
        wanted.asked_by,
        wanted.key,
        taken.journals,
        tx.now,
    )


async def any_refund(tx: Tx, refund_id: UUID) -> RefundRow:
    """Anybody's refund, as it stands."""
    row = await tx.run(sql.REFUND, refund_id)
    if row is None:
        raise PaymentNotFound
    return row


async def carry_out_refund(database: Database, till: Till, refund_id: UUID) -> RefundRow:
    """Have the provider send it, and write down what became of it. Any number of processes may; it is sent once."""
    row = await database.read(lambda tx: any_refund(tx, refund_id))
    if row.called_at is None:
        return row
    payment = await any_payment(database, row.payment_id)
    provider = till.provider(database, row.provider)
    try:
        outcome = await _sent(database, provider, payment.provider_id or "", row)
    except ProviderError as error:
        failure = why_not(error)
        log.warning("a provider refused a refund" if failure else "a provider did not answer", refund_id=str(row.id), error=str(error))
        if failure is None:
            return await database.write(partial(_unknown, refund_id=row.id))
        return await database.write(partial(_settled, till=till, refund_id=row.id, status=RefundStatus.FAILED, failure=failure))
    return await database.write(partial(apply, till=till, refund_id=row.id, told=outcome))


async def _sent(database: Database, provider: PaymentProvider, intent: str, row: RefundRow) -> Refund:
    """A refund, sent; or the one that was sent so long ago that its key is forgotten: sent again, it would be sent twice."""
    if database.clock.now() > row.created_at + KEYS_KEPT and (found := await provider.find_refund(intent, str(row.id))) is not None:
        return found
    return await provider.refund(str(row.id), intent, row.amount, metadata={"refund": str(row.id), "payment": str(row.payment_id)})


async def _unknown(tx: Tx, *, refund_id: UUID) -> RefundRow:
    """Nobody knows yet: the same call is made again."""
    row = await _locked_refund(tx, refund_id)
    if row.called_at is None:
        return row
    return await _save(tx, row, state=RefundStatus.UNKNOWN if REFUND_RANKS[row.state] == 0 else row.state, called_at=tx.now)


async def apply(tx: Tx, *, till: Till, refund_id: UUID, told: Refund) -> RefundRow:
    """Move a refund to where the provider says it is, unless it is further already. What is not this refund moves nothing."""
    row = await any_refund(tx, refund_id)
    if told.amount != Money(row.amount, row.currency) or told.id != (row.provider_id or told.id):
        log.error("a provider does not tell of what was asked for", refund_id=str(row.id), provider_id=told.id, amount=str(told.amount))
        return await _unknown(tx, refund_id=refund_id)
    return await _settled(tx, till=till, refund_id=refund_id, status=STATUS_OF[told.state], failure=told.failure, provider_id=told.id)


async def look_again(database: Database, till: Till, refund_id: UUID) -> None:
    """Ask the provider how far a refund is."""
    row = await database.read(lambda tx: any_refund(tx, refund_id))
    if row.provider_id is None:
        return
    with answering():
        told = await till.provider(database, row.provider).refund_of(row.provider_id)
    await database.write(partial(apply, till=till, refund_id=row.id, told=told))


async def _settled(  # noqa: PLR0913 - what became of it
    tx: Tx, *, till: Till, refund_id: UUID, status: RefundStatus, failure: Failure | None, provider_id: str | None = None
) -> RefundRow:
    # The payment first, as whoever asks for a refund does: two that lock both must not wait for each other.
    seen = await any_refund(tx, refund_id)
    payment = await locked(tx, seen.payment_id)
    row = await _locked_refund(tx, refund_id)
    provider_id = provider_id or row.provider_id
    if REFUND_RANKS[status] <= REFUND_RANKS[row.state]:
        known = row.called_at is None and row.provider_id == provider_id
        return row if known else await _save(tx, row, provider_id=provider_id, called_at=None)
    about = (payment.id, row.id, payment.kind, payment.reference_id, payment.payer_id)
    if status is RefundStatus.FAILED:
        why = failure or Failure("failed", "The money did not arrive.")
        await _came_back(tx, till, payment, row)
        await emit(tx, RefundFailed(*about, row.amount, row.currency, why.code))
        return await _save(tx, row, state=status, provider_id=provider_id, called_at=None, failure_code=why.code, failure=why.message)
    if status is RefundStatus.SUCCEEDED:
        await emit(tx, PaymentRefunded(*about, payment.payee_id, row.amount, row.fee_returned, row.currency))
    return await _save(tx, row, state=status, provider_id=provider_id, called_at=None)


async def _came_back(tx: Tx, till: Till, payment: Row, row: RefundRow) -> None:
    """A refund that failed: the money is where it came from, and can be sent again."""
    taken = Taken(row.journals, row.owed, row.fee_returned)
    why = Cause(f"refund {row.id} failed", "refund.failed", row.id)
    payment = await put_back(tx, till, payment, row.amount, source=row.source, taken=taken, why=why)
    await save(tx, payment, refunded=payment.refunded - row.amount)


async def _locked_refund(tx: Tx, refund_id: UUID) -> RefundRow:
    row = await tx.run(sql.REFUND_LOCKED, refund_id)
    if row is None:
        raise PaymentNotFound
    return row


async def _save(tx: Tx, row: RefundRow, *, failure_code: str | None = None, **changes: Any) -> RefundRow:
    row = replace(row, **changes, revision=row.revision + 1)
    await tx.run(sql.SAVE_REFUND, row.id, tx.now, row.state, row.provider_id, failure_code, row.failure, row.called_at)
    return row
