"""Calls to providers that a step has asked for, made after its commit."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from souk.kernel.db import Database
from souk.kernel.messages import job
from souk.modules import payments


@job("orders.send_refund")
async def send_refund(database: Database, refund_id: UUID, till: payments.Till) -> None:
    """Have a refund sent."""
    await payments.carry_out_refund(database, till, refund_id)


@job("orders.call_provider")
async def call_provider(database: Database, payment_id: UUID, till: payments.Till) -> None:
    """Have a payment captured, or given up."""
    await payments.carry_out(database, till, payment_id)


@job("orders.send_back")
async def send_back(database: Database, payment_id: UUID, till: payments.Till) -> None:
    """Send a payment back that came for an order that does not want it any more."""
    payment = await payments.any_payment(database, payment_id)
    if payment.left:
        wanted = payments.NewRefund(key=f"too late {payment_id}", payment_id=payment_id, amount=payment.left)
        await payments.refund(database, till, wanted)


@job("orders.let_go")
async def let_go(database: Database, payment_id: UUID, till: payments.Till) -> None:
    """Give up what was reserved for an order that does not want it. Captured meanwhile, it is sent back when that is announced."""
    with suppress(payments.PaymentOver):
        await payments.cancel(database, till, payment_id)
