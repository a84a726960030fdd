"""What staff see of all payments, over HTTP."""

from __future__ import annotations

from souk.kernel.db import Tx
from souk.kernel.http import Page, operation
from souk.modules.payments import overview
from souk.modules.payments.capacities import STAFF
from souk.modules.payments.transactions import PaymentsQuery, StaffPayment


@operation("GET", "/admin/payments", who=STAFF)
async def list_all_payments(tx: Tx, query: PaymentsQuery) -> Page[StaffPayment]:
    """List everybody's payments, newest first: by how far they are, whose they are, or what they are for."""
    return await overview.all_payments(tx, query)
