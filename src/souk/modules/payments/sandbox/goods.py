"""The bank's objects of buying and subscribing, as those in `objects`."""

# ruff: noqa: RUF012 - a Struct copies its empty defaults itself

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from souk.modules.payments.sandbox.thing import Metadata, Object


class Recurring(msgspec.Struct, kw_only=True):
    """How often a price is paid again."""

    interval: str = "month"
    interval_count: int = 1


class Product(Object, kw_only=True):
    """What is sold."""

    KIND: ClassVar[str] = "product"
    PREFIX: ClassVar[str] = "prod"
    name: str
    active: bool = True
    metadata: Metadata = {}


class Price(Object, kw_only=True):
    """What it costs, once or again and again."""

    KIND: ClassVar[str] = "price"
    PREFIX: ClassVar[str] = "price"
    active: bool = True
    currency: str
    unit_amount: int
    product: str
    recurring: Recurring | None = None
    type: str = "one_time"
    lookup_key: str | None = None
    metadata: Metadata = {}


class Session(Object, kw_only=True):
    """A page to subscribe or to buy: open, complete, expired."""

    KIND: ClassVar[str] = "checkout.session"
    PREFIX: ClassVar[str] = "cs"
    status: str = "open"
    payment_status: str = "unpaid"
    mode: str
    url: str | None = None
    customer: str | None = None
    subscription: str | None = None
    payment_intent: str | None = None
    amount_total: int = 0
    currency: str = "usd"
    expires_at: int
    success_url: str | None = None
    cancel_url: str | None = None
    client_reference_id: str | None = None
    lines: list[dict[str, Any]] = []
    """What is bought; Stripe lists it under an address of its own."""
    passed_on: Metadata = {}
    """The metadata of what comes of it."""
    metadata: Metadata = {}


class Subscription(Object, kw_only=True):
    """Something paid again and again: active, past_due, canceled."""

    KIND: ClassVar[str] = "subscription"
    PREFIX: ClassVar[str] = "sub"
    status: str = "active"
    customer: str
    currency: str
    default_payment_method: str | None = None
    items: dict[str, Any] = {}
    latest_invoice: str | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    current_period_start: int = 0
    current_period_end: int = 0
    metadata: Metadata = {}


class Invoice(Object, kw_only=True):
    """One payment of a subscription: open, paid, void."""

    KIND: ClassVar[str] = "invoice"
    PREFIX: ClassVar[str] = "in"
    status: str = "open"
    customer: str
    subscription: str | None = None
    payment_intent: str | None = None
    billing_reason: str = "subscription_create"
    amount_due: int
    amount_paid: int = 0
    currency: str
    period_start: int = 0
    period_end: int = 0
    attempt_count: int = 0
    metadata: Metadata = {}


class PortalSession(Object, kw_only=True):
    """A page on which a customer manages subscriptions."""

    KIND: ClassVar[str] = "billing_portal.session"
    PREFIX: ClassVar[str] = "bps"
    customer: str
    url: str
    return_url: str | None = None
