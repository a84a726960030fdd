"""Subscribing and buying: prices, checkout pages, subscriptions with their invoices, the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox import paying
from souk.modules.payments.sandbox.asking import Params, amount, currency, flag, inside, metadata, one_of, perhaps, text, whole
from souk.modules.payments.sandbox.desk import Desk, fresh_id
from souk.modules.payments.sandbox.errors import BankError, invalid, missing, unexpected
from souk.modules.payments.sandbox.knowing import attach, usable_method

OPEN_FOR: Final = timedelta(hours=24)
PERIODS: Final = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30), "year": timedelta(days=365)}
"""Months of thirty days: what comes after what is the same as with Stripe's."""


async def create_product(desk: Desk, *, params: Params) -> o.Product:
    """Something to sell."""
    return desk.add(o.Product(id=fresh_id(o.Product), name=text(params, "name"), metadata=metadata(params)))


async def create_price(desk: Desk, *, params: Params) -> o.Price:
    """What it costs."""
    product = await desk.get(o.Product, text(params, "product"), "product")
    interval = perhaps(inside(params, "recurring"), "interval")
    return _price(desk, fresh_id(o.Price), product.id, interval, params)


async def put_price(desk: Desk, price_id: str, *, params: Params) -> o.Price:
    """The price of that id, made when there is none."""
    known = await desk.find(o.Price, price_id)
    if known is not None:
        return known
    product = desk.add(o.Product(id=fresh_id(o.Product), name=price_id))
    return _price(desk, price_id, product.id, perhaps(params, "interval"), params)


def _price(desk: Desk, price_id: str, product: str, interval: str | None, params: Params) -> o.Price:
    if interval is not None and interval not in PERIODS:
        raise invalid("recurring[interval]", f"must be one of {', '.join(PERIODS)}")
    price = o.Price(
        id=price_id,
        product=product,
        currency=currency(params),
        unit_amount=amount(params, "unit_amount"),
        recurring=o.Recurring(interval=interval) if interval else None,
        type="recurring" if interval else "one_time",
        lookup_key=perhaps(params, "lookup_key"),
        metadata=metadata(params),
    )
    return desk.add(price)


# Checkout


async def create_checkout_session(desk: Desk, *, params: Params) -> o.Session:
    """A page to subscribe or to buy."""
    customer = perhaps(params, "customer")
    if customer is not None:
        await desk.get(o.Customer, customer, "customer")
    mode = one_of(params, "mode", ("payment", "subscription"))
    lines = [await _line(desk, line, mode) for line in params.get("line_items") or ()]
    if not lines:
        raise missing("line_items")
    session_id = fresh_id(o.Session)
    session = o.Session(
        id=session_id,
        mode=mode,
        url=desk.page("checkout", session_id),
        customer=customer,
        amount_total=sum(line["amount_total"] for line in lines),
        currency=lines[0]["currency"],
        expires_at=int((desk.now + OPEN_FOR).timestamp()),
        success_url=perhaps(params, "success_url"),
        cancel_url=perhaps(params, "cancel_url"),
        client_reference_id=perhaps(params, "client_reference_id"),
        lines=lines,
        metadata=metadata(params),
        passed_on=metadata(inside(params, "subscription_data" if mode == "subscription" else "payment_intent_data")),
    )
    desk.add(session)
    desk.later(session, OPEN_FOR)
    return session


async def _line(desk: Desk, line: Params, mode: str) -> dict[str, Any]:
    price = await desk.get(o.Price, text(line, "price"), "line_items[price]")
    if mode == "subscription" and price.recurring is None:
        raise invalid("line_items[price]", "a subscription needs a recurring price")
    quantity = whole(line, "quantity", 1)
    if quantity < 1:
        raise invalid("line_items[quantity]", "must be at least 1", "parameter_invalid_integer")
    return {"price": price.id, "quantity": quantity, "amount_total": price.unit_amount * quantity, "currency": price.currency}


async def expire_checkout_session(desk: Desk, session_id: str) -> o.Session:
    """Close the page."""
    session = await desk.get(o.Session, session_id)
    _still_open(session)
    session.status, session.url = "expired", None
    desk.done(session)
    desk.announce("checkout.session.expired", session)
    return session


def _still_open(session: o.Session) -> None:
    if session.status != "open":
        raise unexpected("checkout_session_unexpected_state", f"This session has a status of {session.status}.")


async def complete_checkout(desk: Desk, session_id: str, *, method: str) -> o.Session:
    """The payer paid there. A card that says no leaves the page open."""
    session = await desk.get(o.Session, session_id)
    _still_open(session)
    customer = await _buyer(desk, session)
    paid_with = await usable_method(desk, method, customer)
    intent = await _pay(desk, customer, paid_with, session.amount_total, session.currency, session.passed_on)
    if intent.status != "succeeded":
        raise _not_paid(intent)
    session.status, session.payment_status, session.url, session.customer = "complete", "paid", None, customer
    if session.mode == "payment":
        session.payment_intent = intent.id
    else:
        attach(desk, paid_with, customer)
        session.subscription = (await _subscribe(desk, session, customer, paid_with, intent)).id
    desk.done(session)
    desk.announce("checkout.session.completed", session)
    return session


async def _buyer(desk: Desk, session: o.Session) -> str:
    if session.customer is not None:
        return session.customer
    customer = desk.add(o.Customer(id=fresh_id(o.Customer)))
    desk.announce("customer.created", customer)
    return customer.id


async def _pay(  # noqa: PLR0913, PLR0917 - what a payment is made of
    desk: Desk, customer: str, method: o.PaymentMethod, due: int, asset: str, about: dict[str, str]
) -> o.PaymentIntent:
    params = {"amount": due, "currency": asset, "customer": customer, "metadata": about}
    intent = await paying.create_payment_intent(desk, params=params)
    intent.payment_method = method.id
    await paying.charge(desk, intent, method)
    return intent


def _not_paid(intent: o.PaymentIntent) -> BankError:
    why = intent.last_payment_error
    if why is None:
        return BankError("card_error", "card_declined", "This way to pay cannot be used here.", 402)
    return BankError("card_error", why.code, why.message, 402, decline_code=why.decline_code)


# Subscriptions


async def _subscribe(desk: Desk, session: o.Session, customer: str, method: o.PaymentMethod, intent: o.PaymentIntent) -> o.Subscription:
    prices = [await desk.get(o.Price, line["price"]) for line in session.lines]
    items = [
        {
            "id": fresh_id(o.Subscription).replace("sub", "si"),
            "object": "subscription_item",
            "price": o.told(price),
            "quantity": line["quantity"],
        }
        for price, line in zip(prices, session.lines, strict=True)
    ]
    subscription = o.Subscription(
        id=fresh_id(o.Subscription),
        customer=customer,
        currency=session.currency,
        default_payment_method=method.id,
        items={"object": "list", "data": items, "has_more": False},
        metadata=dict(session.passed_on),
    )
    desk.add(subscription)
    _begin_period(desk, subscription)
    desk.announce("customer.subscription.created", subscription)
    _invoice(desk, subscription, session.amount_total, intent, "subscription_create")
    return subscription


def _begin_period(desk: Desk, subscription: o.Subscription) -> None:
    interval = subscription.items["data"][0]["price"]["recurring"]["interval"]
    subscription.current_period_start = desk.at
    subscription.current_period_end = int((desk.now + PERIODS[interval]).timestamp())
    desk.later(subscription, PERIODS[interval])


def _invoice(desk: Desk, subscription: o.Subscription, due: int, intent: o.PaymentIntent, reason: str) -> o.Invoice:
    paid = intent.status == "succeeded"
    invoice = o.Invoice(
        id=fresh_id(o.Invoice),
        status="paid" if paid else "open",
        customer=subscription.customer,
        subscription=subscription.id,
        payment_intent=intent.id,
        billing_reason=reason,
        amount_due=due,
        amount_paid=due if paid else 0,
        currency=subscription.currency,
        period_start=subscription.current_period_start,
        period_end=subscription.current_period_end,
        attempt_count=1,
    )
    desk.add(invoice)
    subscription.latest_invoice = invoice.id
    for kind in ("invoice.paid", "invoice.payment_succeeded") if paid else ("invoice.payment_failed",):
        desk.announce(kind, invoice)
    return invoice


async def renew(desk: Desk, subscription_id: str) -> o.Invoice:
    """The next period begins; whoever cannot pay for it is late."""
    subscription = await desk.get(o.Subscription, subscription_id)
    if subscription.status == "canceled" or subscription.default_payment_method is None:
        raise unexpected("subscription_unexpected_state", f"This subscription has a status of {subscription.status}.")
    due = sum(item["price"]["unit_amount"] * item["quantity"] for item in subscription.items["data"])
    method = await desk.get(o.PaymentMethod, subscription.default_payment_method)
    _begin_period(desk, subscription)
    intent = await _pay(desk, subscription.customer, method, due, subscription.currency, dict(subscription.metadata))
    subscription.status = "active" if intent.status == "succeeded" else "past_due"
    invoice = _invoice(desk, subscription, due, intent, "subscription_cycle")
    desk.announce("customer.subscription.updated", subscription)
    return invoice


async def update_subscription(desk: Desk, subscription_id: str, *, params: Params) -> o.Subscription:
    """Let it end with its period, or not; or pay for it by another method."""
    subscription = await desk.get(o.Subscription, subscription_id)
    if "cancel_at_period_end" in params:
        subscription.cancel_at_period_end = flag(params, "cancel_at_period_end")
    method = perhaps(params, "default_payment_method")
    if method is not None:
        found = await usable_method(desk, method, subscription.customer)
        attach(desk, found, subscription.customer)
        subscription.default_payment_method = found.id
    subscription.metadata = metadata(params, subscription.metadata)
    desk.announce("customer.subscription.updated", subscription)
    return subscription


async def cancel_subscription(desk: Desk, subscription_id: str) -> o.Subscription:
    """End it now."""
    subscription = await desk.get(o.Subscription, subscription_id)
    if subscription.status == "canceled":
        raise unexpected("subscription_unexpected_state", "This subscription has ended already.")
    subscription.status, subscription.canceled_at = "canceled", desk.at
    desk.done(subscription)
    desk.announce("customer.subscription.deleted", subscription)
    return subscription


async def create_portal_session(desk: Desk, *, params: Params) -> o.PortalSession:
    """A page on which a customer looks after all that."""
    customer = await desk.get(o.Customer, text(params, "customer"), "customer")
    back = perhaps(params, "return_url")
    session_id = fresh_id(o.PortalSession)
    return desk.add(o.PortalSession(id=session_id, customer=customer.id, url=desk.page("portal", session_id), return_url=back))
