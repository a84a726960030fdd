"""The bank's objects, with Stripe's own names of fields and states. They are stored and answered as JSON just as they stand here."""

# ruff: noqa: RUF012 - a Struct copies its empty defaults itself

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from souk.modules.payments.sandbox.goods import Invoice, PortalSession, Price, Product, Recurring, Session, Subscription
from souk.modules.payments.sandbox.thing import Metadata, Object, told


class Customer(Object, kw_only=True):
    """A payer whom the bank knows."""

    KIND: ClassVar[str] = "customer"
    PREFIX: ClassVar[str] = "cus"
    email: str | None = None
    name: str | None = None
    metadata: Metadata = {}


class Card(msgspec.Struct, kw_only=True):
    """A card as it is shown. Its fingerprint is the name of the test card: what will happen follows from it."""

    brand: str
    last4: str
    fingerprint: str
    exp_month: int = 12
    exp_year: int = 2040
    country: str = "US"
    funding: str = "credit"


class PaymentMethod(Object, kw_only=True):
    """A way to pay, saved for a customer or used once."""

    KIND: ClassVar[str] = "payment_method"
    PREFIX: ClassVar[str] = "pm"
    type: str = "card"
    card: Card
    customer: str | None = None
    detached: bool = False
    """Whether it was saved once and is forgotten: then nobody can pay with it. Stripe does not show it."""
    metadata: Metadata = {}


class LastError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why the last attempt did not work."""

    type: str
    code: str
    message: str
    decline_code: str | None = None
    payment_method: PaymentMethod | None = None


class Redirect(msgspec.Struct, kw_only=True):
    """Where the payer proves who they are, and where they go then."""

    url: str
    return_url: str | None = None


class NextAction(msgspec.Struct, kw_only=True):
    """What the payer has to do next."""

    type: str = "redirect_to_url"
    redirect_to_url: Redirect


class SetupIntent(Object, kw_only=True):
    """Saving a way to pay: requires_payment_method, requires_confirmation, requires_action, succeeded, canceled."""

    KIND: ClassVar[str] = "setup_intent"
    PREFIX: ClassVar[str] = "seti"
    status: str = "requires_payment_method"
    client_secret: str
    customer: str | None = None
    payment_method: str | None = None
    payment_method_types: list[str] = msgspec.field(default_factory=lambda: ["card"])
    usage: str = "off_session"
    last_setup_error: LastError | None = None
    next_action: NextAction | None = None
    metadata: Metadata = {}


class PaymentIntent(Object, kw_only=True):
    """A payment: requires_payment_method, requires_confirmation, requires_action, processing, requires_capture, succeeded, canceled."""

    KIND: ClassVar[str] = "payment_intent"
    PREFIX: ClassVar[str] = "pi"
    status: str = "requires_payment_method"
    amount: int
    amount_capturable: int = 0
    amount_received: int = 0
    currency: str
    capture_method: str = "automatic"
    confirmation_method: str = "automatic"
    client_secret: str
    customer: str | None = None
    payment_method: str | None = None
    payment_method_types: list[str] = msgspec.field(default_factory=lambda: ["card"])
    latest_charge: str | None = None
    last_payment_error: LastError | None = None
    next_action: NextAction | None = None
    setup_future_usage: str | None = None
    description: str | None = None
    transfer_group: str | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    metadata: Metadata = {}


class MethodDetails(msgspec.Struct, kw_only=True):
    """The method of a charge, as it was then."""

    type: str = "card"
    card: Card


class Charge(Object, kw_only=True):
    """One attempt to take money: succeeded, pending, failed."""

    KIND: ClassVar[str] = "charge"
    PREFIX: ClassVar[str] = "ch"
    status: str = "succeeded"
    amount: int
    amount_captured: int = 0
    amount_refunded: int = 0
    currency: str
    captured: bool = False
    paid: bool = True
    refunded: bool = False
    disputed: bool = False
    reinstated: bool = False
    """Whether its dispute was won. Stripe shows that by the dispute only."""
    customer: str | None = None
    payment_intent: str
    payment_method: str
    payment_method_details: MethodDetails
    balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    metadata: Metadata = {}


class Refund(Object, kw_only=True):
    """Money on its way back: pending, succeeded, failed, canceled."""

    KIND: ClassVar[str] = "refund"
    PREFIX: ClassVar[str] = "re"
    status: str = "succeeded"
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str | None = None
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_reason: str | None = None
    metadata: Metadata = {}


class Dispute(Object, kw_only=True):
    """A chargeback: needs_response, under_review, won, lost."""

    KIND: ClassVar[str] = "dispute"
    PREFIX: ClassVar[str] = "du"
    status: str = "needs_response"
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str = "fraudulent"
    is_charge_refundable: bool = False
    balance_transactions: list[BalanceTransaction] = []
    evidence: dict[str, Any] = {}
    metadata: Metadata = {}


class BalanceTransaction(Object, kw_only=True):
    """A line of the books of one account."""

    KIND: ClassVar[str] = "balance_transaction"
    PREFIX: ClassVar[str] = "txn"
    amount: int
    fee: int = 0
    net: int
    currency: str
    type: str
    """charge, refund, refund_failure, adjustment, transfer, transfer_refund, payment, payout, payout_failure."""
    reporting_category: str
    """charge, refund, refund_failure, dispute, dispute_reversal, transfer, transfer_reversal, payout, payout_reversal."""
    source: str | None = None
    status: str = "available"
    available_on: int = 0
    description: str | None = None


class BankAccount(msgspec.Struct, kw_only=True):
    """Where payouts go."""

    id: str
    object: str = "bank_account"
    last4: str
    bank_name: str = "STRIPE TEST BANK"
    country: str = "US"
    currency: str = "usd"
    status: str = "new"


class Listed(msgspec.Struct, kw_only=True):
    """The bank accounts of an account."""

    object: str = "list"
    data: list[BankAccount] = []
    has_more: bool = False


class Requirements(msgspec.Struct, kw_only=True):
    """What is missing before payouts may be sent."""

    currently_due: list[str] = []
    eventually_due: list[str] = []
    past_due: list[str] = []
    disabled_reason: str | None = None


class Account(Object, kw_only=True):
    """Somebody to whom payouts go: a connected account."""

    KIND: ClassVar[str] = "account"
    PREFIX: ClassVar[str] = "acct"
    type: str = "express"
    email: str | None = None
    country: str = "US"
    charges_enabled: bool = False
    payouts_enabled: bool = False
    details_submitted: bool = False
    requirements: Requirements
    external_accounts: Listed
    capabilities: dict[str, str] = {}
    metadata: Metadata = {}


class AccountLink(msgspec.Struct, kw_only=True):
    """A page on which the owner of an account gives what is missing."""

    object: str = "account_link"
    created: int
    expires_at: int
    url: str


class Transfer(Object, kw_only=True):
    """Money moved from the platform's balance to an account's."""

    KIND: ClassVar[str] = "transfer"
    PREFIX: ClassVar[str] = "tr"
    amount: int
    amount_reversed: int = 0
    currency: str
    destination: str
    reversed: bool = False
    balance_transaction: str | None = None
    transfer_group: str | None = None
    description: str | None = None
    metadata: Metadata = {}


class TransferReversal(Object, kw_only=True):
    """Money moved back."""

    KIND: ClassVar[str] = "transfer_reversal"
    PREFIX: ClassVar[str] = "trr"
    amount: int
    currency: str
    transfer: str
    balance_transaction: str | None = None
    metadata: Metadata = {}


class Payout(Object, kw_only=True):
    """Money on its way from an account's balance to its bank: pending, in_transit, paid, failed, canceled."""

    KIND: ClassVar[str] = "payout"
    PREFIX: ClassVar[str] = "po"
    status: str = "pending"
    amount: int
    currency: str
    arrival_date: int
    destination: str | None = None
    method: str = "standard"
    type: str = "bank_account"
    balance_transaction: str | None = None
    failure_balance_transaction: str | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    description: str | None = None
    metadata: Metadata = {}


class Told(msgspec.Struct, kw_only=True):
    """The object of an event, as it was when it happened."""

    object: dict[str, Any]


class Event(Object, kw_only=True):
    """A hint that something happened."""

    KIND: ClassVar[str] = "event"
    PREFIX: ClassVar[str] = "evt"
    type: str
    api_version: str = "2025-09-30"
    account: str | None = None
    data: Told
    pending_webhooks: int = 1


KINDS: dict[str, type[Object]] = {
    kind.KIND: kind
    for kind in (
        Customer, PaymentMethod, SetupIntent, PaymentIntent, Charge, Refund, Dispute, BalanceTransaction, Account, Transfer,
        TransferReversal, Payout, Product, Price, Session, Subscription, Invoice, PortalSession, Event,
    )
}  # fmt: skip

PREFIXES: dict[str, type[Object]] = {kind.PREFIX: kind for kind in KINDS.values()}
"""Which kind of object an id begins with."""

__all__ = [
    "KINDS",
    "PREFIXES",
    "Account",
    "AccountLink",
    "BalanceTransaction",
    "BankAccount",
    "Card",
    "Charge",
    "Customer",
    "Dispute",
    "Event",
    "Invoice",
    "LastError",
    "Listed",
    "MethodDetails",
    "NextAction",
    "Object",
    "PaymentIntent",
    "PaymentMethod",
    "Payout",
    "PortalSession",
    "Price",
    "Product",
    "Recurring",
    "Redirect",
    "Refund",
    "Requirements",
    "Session",
    "SetupIntent",
    "Subscription",
    "Told",
    "Transfer",
    "TransferReversal",
    "told",
]
