"""What people and staff ask for, by the market's rules."""

from __future__ import annotations

import hashlib
from functools import partial
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, Request
from souk.kernel.http.guards import roles_allowed
from souk.kernel.http.idempotency import checked_key
from souk.kernel.ids import new_id
from souk.kernel.money import fee_of, rounded
from souk.modules import audit, identity
from souk.modules.payments.capacities import PAYEE
from souk.modules.payments.errors import DepositOutOfBounds, PayeeNotFound, PayingOneself
from souk.modules.payments.model import NewDeposit, NewIntent, Refunding, RefundRow, RefundSource, Row
from souk.modules.payments.paying import NewPayment, ask_capture, begin, carry_out
from souk.modules.payments.providers import Till
from souk.modules.payments.refunding import NewRefund, ask_refund, carry_out_refund, known_refund, payees_part, retried
from souk.modules.payments.settling import locked


def key_of(request: Request, by: Actor, what: str) -> str:
    """What makes a repeated request one: the caller's `Idempotency-Key`, or a key that nobody used before."""
    given = request.headers.get(b"idempotency-key")
    if given is None:
        return f"{what} {new_id()}"
    return f"{what} {by.id} {hashlib.sha256(checked_key(given).encode()).hexdigest()}"


async def deposit(database: Database, till: Till, by: Actor, wanted: NewDeposit, key: str, *, about: UUID | None = None) -> Row:  # noqa: PLR0913 - who brings in what, for what
    """Bring money into one's own wallet, within the market's bounds."""
    least, most = till.rules.minimum_deposit, till.rules.maximum_deposit
    if not least <= wanted.amount <= most:
        raise DepositOutOfBounds(least=least, most=most)
    amount = till.asset(wanted.currency).money(wanted.amount)
    return await begin(database, till, NewPayment(key=key, payer_id=by.id, amount=amount, reference_id=about, method=wanted.method))


async def intent(database: Database, market: Market, till: Till, by: Actor, wanted: NewIntent, key: str) -> Row:  # noqa: PLR0913, PLR0917 - who pays what, here
    """Pay for somebody's work into escrow, with the market's fee."""
    if wanted.payee_id == by.id:
        raise PayingOneself
    await database.read(partial(_check_payee, market=market, payee_id=wanted.payee_id))
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


async def _check_payee(tx: Tx, *, market: Market, payee_id: UUID) -> None:
    """Money for work goes to those who are paid here: nobody else could take it out."""
    try:
        payee = await identity.any_person(tx, payee_id)
    except identity.PersonNotFound:
        raise PayeeNotFound from None
    if payee.status is not identity.PersonStatus.ACTIVE or roles_allowed(PAYEE, market.roles).isdisjoint(payee.roles):
        raise PayeeNotFound


async def staff_refund(database: Database, till: Till, by: Actor, payment_id: UUID, wanted: Refunding, key: str) -> RefundRow:  # noqa: PLR0913, PLR0917 - who sends what back, and how
    """Send money back as staff decide, and note it in the audit log."""
    row = await retried(database, partial(_refund_by_staff, till=till, by=by, payment_id=payment_id, wanted=wanted, key=key))
    return await carry_out_refund(database, till, row.id)


async def _refund_by_staff(tx: Tx, *, till: Till, by: Actor, payment_id: UUID, wanted: Refunding, key: str) -> RefundRow:  # noqa: PLR0913 - as above
    payment = await locked(tx, payment_id)
    known = await known_refund(tx, key, payment_id, wanted.amount)
    if known is not None:
        return known  # what was left, and the fee of it, followed from how things were then
    amount = wanted.amount or payment.left
    payees = await payees_part(tx, payment) if wanted.source in (None, RefundSource.PAYEE) and not payment.held else 0
    fee = returned_fee(payment, amount, payees) if wanted.fee_returned and payees else 0
    refund = NewRefund(
        key=key, payment_id=payment_id, amount=amount, fee_returned=fee, source=wanted.source, reason=wanted.reason, asked_by=by.id
    )
    row = await ask_refund(tx, till, refund)
    after = {"refund": str(row.id), "amount": row.amount, "currency": row.currency, "feeReturned": row.fee_returned}
    await audit.record(tx, "payment.refunded", "payment", payment_id, by=by, after=after, why=wanted.reason, of=payment.payer_id)
    return row


async def staff_capture(database: Database, till: Till, by: Actor, payment_id: UUID, amount: int | None) -> Row:
    """Take what was authorised as staff decide, and note it in the audit log."""
    await database.write(partial(_capture_by_staff, by=by, payment_id=payment_id, amount=amount))
    return await carry_out(database, till, payment_id)


async def _capture_by_staff(tx: Tx, *, by: Actor, payment_id: UUID, amount: int | None) -> None:
    row = await ask_capture(tx, payment_id, amount)
    if row.call is not None:
        before, after = {"status": row.state}, {"amount": amount or row.amount, "currency": row.currency}
        await audit.record(tx, "payment.captured", "payment", row.id, by=by, before=before, after=after, of=row.payer_id)


def returned_fee(payment: Row, amount: int, payees: int) -> int:
    """The fee's share of an amount that goes back of what payee and platform have. With the last of it goes the last of the fee."""
    left = payment.fee_taken - payment.fee_returned
    if amount >= payees:
        return min(left, amount)
    return min(left, amount, rounded(payment.fee_taken * amount, payment.released + payment.fee_taken))
