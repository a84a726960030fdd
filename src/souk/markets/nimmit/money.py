"""Payments under the paths and the names that Nimmit's clients know; what they do is the module's."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Final
from uuid import UUID

from souk.kernel.db import Database, Tx
from souk.kernel.http import ANYONE, Actor, Content, Page, Request, operation
from souk.kernel.money import Currency
from souk.kernel.record import Record
from souk.modules import ledger, payments

TAGS: Final = ("payments",)
LINES: Final = 10_000
"""A file has at most so many transactions: the newest."""


class NewJobPayment(Record):
    """Money that a client brings in by card, for a job or to have it."""

    amount: payments.Minor
    currency: Currency | None = None
    job_id: UUID | None = None
    method: payments.MethodId | None = None


class ConfirmedPayment(Record):
    """Which payment is confirmed, and how; without a method, it was paid in the browser."""

    payment_id: UUID
    method: payments.MethodId | None = None


class JobTransaction(Record):
    """A transaction as Nimmit's clients know it."""

    id: UUID
    type: payments.TransactionType
    client_id: UUID | None
    worker_id: UUID | None
    job_id: UUID | None
    amount: int
    currency: str
    fee: int
    net_amount: int
    payment_method: str
    stripe_payment_intent_id: str | None
    status: payments.TransactionStatus
    description: str
    created_at: datetime
    updated_at: datetime


@operation(
    "POST",
    "/payments/intent",
    who=payments.PAYER,
    status=201,
    limit="30/10m",
    refusals=payments.BRINGING_IN,
    example={"amount": 12500, "currency": "USD", "jobId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11"},
    tags=TAGS,
)
async def create_payment_intent(
    database: Database, request: Request, by: Actor, body: NewJobPayment, till: payments.Till
) -> payments.Begun:
    """Begin to pay by card: at once by a saved method, else with the client secret in the browser. The money is then in your wallet.

    Honours `Idempotency-Key`: repeated with the same one, it is one payment.
    """
    wanted = payments.NewDeposit(body.amount, body.currency, body.method)
    key = payments.key_of(request, by, "intent")
    return (await payments.deposit(database, till, by, wanted, key, about=body.job_id)).begun


@operation(
    "POST",
    "/payments/confirm",
    who=payments.PAYER,
    refusals=payments.confirm_payment.refusals,
    example={"paymentId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "method": "pm_card_visa"},
    tags=TAGS,
)
async def confirm_card_payment(database: Database, by: Actor, body: ConfirmedPayment, till: payments.Till) -> payments.Begun:
    """Pay by a saved method; or, after paying in the browser and without one, see at once what became of it."""
    return await payments.confirm_payment(database, by, body.payment_id, payments.Confirming(body.method), till)


@operation(
    "POST",
    "/webhooks/stripe",
    who=ANYONE,
    kind="webhook",
    idempotent=False,
    max_body=payments.receive_webhook.max_body,
    refusals=payments.receive_webhook.refusals,
    example={"id": "evt_1", "type": "payment_intent.succeeded"},
    tags=TAGS,
)
async def receive_stripe_webhook(database: Database, request: Request, raw: bytes, till: payments.Till) -> None:
    """Take the provider's word that something changed, signed by it."""
    await payments.receive_webhook(database, request, raw, till)


@operation("GET", "/admin/transactions", who=payments.STAFF, tags=TAGS)
async def list_transactions(tx: Tx, query: payments.TransactionsQuery) -> Page[JobTransaction]:
    """List all that was paid in, sent back and paid out, newest first."""
    found = await payments.transactions(tx, query)
    return Page([shown(each) for each in found.items], found.total, query)


@operation("GET", "/admin/transactions.csv", who=payments.STAFF, tags=TAGS)
async def download_transactions(tx: Tx, query: payments.TransactionsQuery, till: payments.Till) -> Content:
    """The same for a spreadsheet: the newest 10,000 of them."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADINGS)
    for each in await payments.newest_transactions(tx, query, LINES):
        digits = till.asset(each.currency).digits
        people = (str(each.payer_id or ""), str(each.payee_id or ""), str(each.reference_id or ""))
        amounts = (digits(each.amount), digits(each.fee), digits(each.net_amount), each.currency)
        at = each.created_at.isoformat()
        writer.writerow(ledger.quoted((at, each.type, each.status, *people, *amounts, each.description, str(each.id))))
    return Content(written.getvalue().encode(), "text/csv; charset=utf-8", "transactions.csv")


HEADINGS: Final = ("date", "type", "status", "client", "worker", "job", "amount", "fee", "net", "currency", "description", "transaction")


def shown(found: payments.Transaction) -> JobTransaction:
    """A transaction under Nimmit's names."""
    payout, refund = (found.type is kind for kind in (payments.TransactionType.WORKER_PAYOUT, payments.TransactionType.REFUND))
    return JobTransaction(
        found.id,
        found.type,
        found.payer_id,
        found.payee_id,
        found.reference_id,
        found.amount,
        found.currency,
        found.fee,
        found.net_amount,
        "bank_transfer" if payout else "card",
        None if payout or refund else found.provider_id,
        found.status,
        found.description,
        found.created_at,
        found.updated_at,
    )


EXAMPLES: Final = {
    JobTransaction: {
        "id": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a10",
        "type": "one_time_payment",
        "clientId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a13",
        "workerId": None,
        "jobId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11",
        "amount": 12500,
        "currency": "USD",
        "fee": 0,
        "netAmount": 12500,
        "paymentMethod": "card",
        "stripePaymentIntentId": "pi_0199b2c67a40",
        "status": "succeeded",
        "description": "deposit",
        "createdAt": "2026-11-21T09:30:00Z",
        "updatedAt": "2026-11-21T09:30:04Z",
    },
}
