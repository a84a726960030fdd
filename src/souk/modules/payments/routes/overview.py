"""What staff see of all payments, over HTTP."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import Actor, Page, operation
from souk.modules.payments import overview, reading
from souk.modules.payments.capacities import STAFF
from souk.modules.payments.errors import PaymentNotFound
from souk.modules.payments.model import PaymentDetail
from souk.modules.payments.transactions import PaymentsQuery, StaffPayment


@operation("GET", "/admin/payments", who=STAFF)
async def list_all_payments(tx: Tx, query: PaymentsQuery) -> Page[StaffPayment]:
    """List everybody's payments, newest first: by how far they are, whose they are, or what they are for."""
    return await overview.all_payments(tx, query)


@operation("GET", "/admin/payments/{payment_id}", who=STAFF, shared=True, refusals=(PaymentNotFound,))
async def read_any_payment(tx: Tx, by: Actor, payment_id: UUID) -> PaymentDetail:
    """Read anybody's payment, with what was sent back of it."""
    return await reading.detail(tx, by, payment_id)
