"""What people and staff ask for, by the market's rules."""

from __future__ import annotations

import hashlib
from functools import partial
from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, Request
from souk.kernel.http.idempotency import checked_key
from souk.kernel.ids import new_id
from souk.kernel.money import fee_of, rounded
from souk.modules import audit, identity
from souk.modules.payments.errors import DepositOutOfBounds
from souk.modules.payments.model import NewDeposit, NewIntent, Refunding, RefundRow, RefundSource, Row
from souk.modules.payments.paying import NewPayment, begin
from souk.modules.payments.providers import Till
from souk.modules.payments.refunding import NewRefund, ask_refund, carry_out_refund, retried
from souk.modules.payments.settling import locked


def key_of(request: Request, by: Actor, what: str) -> str:
    """What makes a repeated request one: the caller's `Idempotency-Key`, or a key that nobody used before."""
    given = request.headers.get(b"idempotency-key")
    if given is None:
        return f"{what} {new_id()}"
    return f"{what} {by.id} {hashlib.sha256(checked_key(given).encode()).hexdigest()}"


async def deposit(database: Database, till: Till, by: Actor, wanted: NewDeposit, key: str) -> Row:
    """Bring money into one's own wallet, within the market's bounds."""
    least, most = till.rules.minimum_deposit, till.rules.maximum_deposit
    if not least <= wanted.amount <= most:
        raise DepositOutOfBounds(least=least, most=most)
    amount = till.asset(wanted.currency).money(wanted.amount)
    return await begin(database, till, NewPayment(key=key, payer_id=by.id, amount=amount, method=wanted.method))


async def intent(database: Database, till: Till, by: Actor, wanted: NewIntent, key: str) -> Row:
    """Pay for somebody's work into escrow, with the market's fee."""
    await database.read(lambda tx: identity.any_person(tx, wanted.payee_id))
    amount = till.asset(wanted.currency).money(wanted.amount)
    fee, _net = fee_of(amount.amount, till.rules.fee)
    payment = NewPayment(
        key=key,
        payer_id=by.id,
        payee_id=wanted.payee_id,
        amount=amount,
        kind="order",
        reference_id=wanted.about,
        fee=fee,
        escrow=True,
        method=wanted.method,
    )
    return await begin(database, till, payment)


async def staff_refund(database: Database, till: Till, by: Actor, payment_id: UUID, wanted: Refunding, key: str) -> RefundRow:  # noqa: PLR0913, PLR0917 - who sends what back, and how
    """Send money back as staff decide, and note it in the audit log."""
    row = await retried(database, partial(_refund_by_staff, till=till, by=by, payment_id=payment_id, wanted=wanted, key=key))
    return await carry_out_refund(database, till, row.id)


async def _refund_by_staff(tx: Tx, *, till: Till, by: Actor, payment_id: UUID, wanted: Refunding, key: str) -> RefundRow:  # noqa: PLR0913 - as above
    payment = await locked(tx, payment_id)
    amount = wanted.amount or payment.left
    from_payee = payment.released_by is not None and not payment.held and wanted.source in (None, RefundSource.PAYEE)
    fee = returned_fee(payment, amount) if wanted.fee_returned and from_payee else 0
    refund = NewRefund(
        key=key, payment_id=payment_id, amount=amount, fee_returned=fee, source=wanted.source, reason=wanted.reason, asked_by=by.id
    )
    row = await ask_refund(tx, till, refund)
    after = {"refund": str(row.id), "amount": row.amount, "currency": row.currency, "feeReturned": row.fee_returned}
    await audit.record(tx, "payment.refunded", "payment", payment_id, by=by, after=after, why=wanted.reason, of=payment.payer_id)
    return row


def returned_fee(payment: Row, amount: int) -> int:
    """The fee's share of an amount that goes back. With the last of it goes the last of the fee."""
    left = payment.fee_taken - payment.fee_returned
    if amount >= payment.left or not payment.captured:
        return min(left, amount)
    return min(left, amount, rounded(payment.fee_taken * amount, payment.captured))
