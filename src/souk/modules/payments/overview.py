"""All that was paid in, sent back and paid out: for staff, and for whoever keeps the books elsewhere."""

from __future__ import annotations

from souk.kernel.db import Tx
from souk.kernel.http import Page
from souk.modules.payments.sql import overview as sql
from souk.modules.payments.transactions import PaymentsQuery, StaffPayment, Transaction, TransactionsQuery


async def all_payments(tx: Tx, query: PaymentsQuery) -> Page[StaffPayment]:
    """Everybody's payments, newest first."""
    wanted = (query.status, query.person_id, query.reference_id)
    rows = await tx.run(sql.ALL_PAYMENTS, *wanted, query.limit, query.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_PAYMENTS, *wanted), query)


async def transactions(tx: Tx, query: TransactionsQuery) -> Page[Transaction]:
    """Everybody's payments, refunds and payouts, newest first."""
    wanted = (query.type, query.status, query.person_id, query.since, query.until)
    rows = await tx.run(sql.TRANSACTIONS, *wanted, query.limit, query.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_TRANSACTIONS, *wanted), query)


async def newest_transactions(tx: Tx, query: TransactionsQuery, most: int) -> list[Transaction]:
    """The newest of them, for a file."""
    return await tx.run(sql.TRANSACTIONS, query.type, query.status, query.person_id, query.since, query.until, most, 0)
