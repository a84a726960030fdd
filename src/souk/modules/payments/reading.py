"""Payments as their parties, and staff, may see them."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import asdict

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.modules.payments.capacities import STAFF
from souk.modules.payments.errors import PaymentNotFound
from souk.modules.payments.model import Payment, PaymentDetail, Row
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
    return PaymentDetail(**asdict(row.shown), refunds=[refund.shown for refund in refunds])


async def history(tx: Tx, by: Actor, paging: CursorPaging) -> CursorPage[Payment]:
    """What somebody paid and was paid, newest first."""
    rows = await tx.run(sql.PAYMENTS_OF, by.id, paging.after(UUID), paging.limit + 1)
    return cursor_page([row.shown for row in rows], paging, lambda payment: payment.id)


async def payments_for(tx: Tx, reference_id: UUID) -> list[Row]:
    """What was paid for an order, newest first: for modules above."""
    return await tx.run(sql.PAYMENTS_FOR, reference_id)
