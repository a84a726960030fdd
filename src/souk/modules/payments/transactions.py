"""Payments in lists, and transactions: all that was paid in, sent back and paid out, as staff see it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from uuid import UUID

from souk.kernel.http import Paging
from souk.kernel.record import Moment, Record
from souk.modules.payments.model import Payment, PaymentState


class StaffPayment(Payment):
    """A payment as staff see it in a list."""

    provider: str
    provider_id: str | None
    held: int
    released: int


class PaymentsQuery(Paging, kw_only=True):
    """Which payments are wanted. A person's are those that they paid and those that were for them."""

    status: PaymentState | None = None
    person_id: UUID | None = None
    reference_id: UUID | None = None


class TransactionType(StrEnum):
    """What a transaction is."""

    SUBSCRIPTION_PAYMENT = auto()
    ONE_TIME_PAYMENT = auto()
    REFUND = auto()
    WORKER_PAYOUT = auto()
    CREDIT_PURCHASE = auto()


class TransactionStatus(StrEnum):
    """How a transaction stands."""

    PENDING = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    REFUNDED = auto()


class Transaction(Record):
    """Money that came from outside or went there."""

    id: UUID
    type: TransactionType
    payer_id: UUID | None
    payee_id: UUID | None
    reference_id: UUID | None
    amount: int
    currency: str
    fee: int
    net_amount: int
    provider_id: str | None
    status: TransactionStatus
    description: str
    created_at: datetime
    updated_at: datetime


class TransactionsQuery(Paging, kw_only=True):
    """Which transactions are wanted."""

    type: TransactionType | None = None
    status: TransactionStatus | None = None
    person_id: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
