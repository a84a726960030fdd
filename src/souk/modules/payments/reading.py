"""Payments as their parties, and staff, may see them."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import asdict

from souk.kernel.db import Tx
from souk.kernel.http import Actor, BothPage, BothPaging, both_page
from souk.modules.payments.capacities import STAFF
from souk.modules.payments.errors import PaymentNotFound
from souk.modules.payments.model import Payment, PaymentDetail, PaymentState, Row
from souk.modules.payments.sql import paying as sql
from souk.modules.payments.sql import refunding


async def access_payment(tx: Tx, by: Actor, payment_id: UUID) -> Row:
    """A payment, for its payer, its payee, and staff."""
    row = await (tx.run(sql.PAYMENT, payment_id) if by.may(STAFF) else tx.run(sql.PAYMENT_OF, payment_id, by.id))
    if row is None:
        raise PaymentNotFound
    return row


async def own_payment(tx: Tx, by: Actor, payment_id: UUID) -> Row:
    """A payment, for who pays it."""
    row = await tx.run(sql.PAYMENT_OF, payment_id, by.id)
    if row is None or row.payer_id != by.id:
        raise PaymentNotFound
    return row


async def detail(tx: Tx, by: Actor, payment_id: UUID) -> PaymentDetail:
    """A payment, and what was sent back of it."""
    row = await access_payment(tx, by, payment_id)
    refunds = await tx.run(refunding.REFUNDS_OF, [row.id])
    shown = [refund.shown if by.may(STAFF) else refund.outlined for refund in refunds]
    return PaymentDetail(**asdict(row.shown_to(by.id)), refunds=shown)


class HistoryQuery(BothPaging, kw_only=True):
    """Which of one's payments are wanted."""

    status: PaymentState | None = None


async def history(tx: Tx, by: Actor, query: HistoryQuery) -> BothPage[Payment]:
    """What somebody paid and was paid, newest first."""
    rows = await tx.run(sql.PAYMENTS_OF, by.id, query.after(UUID), query.status, query.limit + 1, query.offset)
    total = await tx.run(sql.HOW_MANY_PAYMENTS_OF, by.id, query.status)
    return both_page([row.shown_to(by.id) for row in rows], total, query, lambda payment: payment.id)


async def payments_for(tx: Tx, reference_id: UUID) -> list[Row]:
    """What was paid for an order, newest first: for modules above."""
    return await tx.run(sql.PAYMENTS_FOR, reference_id)
