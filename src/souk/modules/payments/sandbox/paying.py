"""Payments: intents, what a card says to them, authorising, capturing, letting go."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Params, amount, currency, flag, metadata, one_of, perhaps
from souk.modules.payments.sandbox.cards import NOT_PROVEN, Decline, behind
from souk.modules.payments.sandbox.desk import Desk, fresh_id
from souk.modules.payments.sandbox.errors import BankError, unexpected
from souk.modules.payments.sandbox.knowing import NOT_AUTHENTICATED, OPEN, attach, last_error, secret_of, usable_method

AUTHORISED_FOR: Final = timedelta(days=7)
"""How long an authorisation is good for; then it is let go."""
SLOW: Final = timedelta(days=1)
"""How long slow money takes."""
CANCELABLE: Final = (*OPEN, "requires_capture")


async def create_payment_intent(desk: Desk, *, params: Params) -> o.PaymentIntent:
    """Begin a payment."""
    customer, method = perhaps(params, "customer"), perhaps(params, "payment_method")
    if customer is not None:
        await desk.get(o.Customer, customer, "customer")
    intent_id = fresh_id(o.PaymentIntent)
    intent = o.PaymentIntent(
        id=intent_id,
        amount=amount(params),
        currency=currency(params),
        capture_method=one_of(params, "capture_method", ("automatic", "automatic_async", "manual")),
        client_secret=secret_of(intent_id),
        customer=customer,
        setup_future_usage=perhaps(params, "setup_future_usage"),
        description=perhaps(params, "description"),
        transfer_group=perhaps(params, "transfer_group"),
        metadata=metadata(params),
    )
    if method is not None:
        intent.payment_method = (await usable_method(desk, method, customer)).id
        intent.status = "requires_confirmation"
    desk.announce("payment_intent.created", desk.add(intent))
    if flag(params, "confirm"):
        await _confirm(desk, intent, off_session=flag(params, "off_session"))
    return intent


async def confirm_payment_intent(desk: Desk, intent_id: str, *, params: Params) -> o.PaymentIntent:
    """The payer wants to pay by that method."""
    intent = await desk.get(o.PaymentIntent, intent_id)
    if intent.status not in OPEN:
        raise closed(intent, "confirm")
    method = perhaps(params, "payment_method")
    if method is not None:
        intent.payment_method = (await usable_method(desk, method, intent.customer)).id
    intent.setup_future_usage = perhaps(params, "setup_future_usage") or intent.setup_future_usage
    await _confirm(desk, intent, off_session=flag(params, "off_session"))
    return intent


async def _confirm(desk: Desk, intent: o.PaymentIntent, *, off_session: bool) -> None:
    if intent.payment_method is None:
        raise unexpected(
            "payment_intent_unexpected_state",
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            payment_intent=o.told(intent),
            began=False,
        )
    method = await usable_method(desk, intent.payment_method, intent.customer)
    intent.last_payment_error = intent.next_action = None
    if not behind(method.card).secure:
        why = await charge(desk, intent, method)
    elif off_session:
        why = decline(desk, intent, method, NOT_PROVEN)
    else:
        intent.status, why = "requires_action", None
        intent.next_action = o.NextAction(redirect_to_url=o.Redirect(url=f"{desk.pages}/{intent.client_secret}"))
        desk.announce("payment_intent.requires_action", intent)
    if why is not None:
        raise BankError("card_error", why.code, why.message, 402, decline_code=why.reason, payment_intent=o.told(intent))


async def complete_action(desk: Desk, intent_id: str, *, passed: bool) -> o.PaymentIntent:
    """The payer proved who they are, or did not."""
    intent = await desk.get(o.PaymentIntent, intent_id)
    if intent.status != "requires_action" or intent.payment_method is None:
        raise closed(intent, "complete")
    method = await desk.get(o.PaymentMethod, intent.payment_method)
    intent.next_action = None
    if passed:
        await charge(desk, intent, method)
    else:
        why = Decline("payment_intent_authentication_failure", "", NOT_AUTHENTICATED)
        refuse(desk, intent, method, why)
    return intent


async def charge(desk: Desk, intent: o.PaymentIntent, method: o.PaymentMethod) -> Decline | None:
    """Ask the card for the money; says why it has none."""
    card = behind(method.card)
    if card.decline is not None and not card.slow:
        return decline(desk, intent, method, card.decline)
    made = _new_charge(desk, intent, method)
    if intent.customer is not None and intent.setup_future_usage:
        attach(desk, method, intent.customer)
    if card.slow:
        intent.status, made.status, made.paid = "processing", "pending", False
        desk.later(intent, SLOW)
        desk.announce("payment_intent.processing", intent)
    else:
        arrive(desk, intent, made)
    return None


async def come_through(desk: Desk, intent: o.PaymentIntent, made: o.Charge) -> None:
    """Slow money arrives, or its bank says no after days."""
    why = behind(made.payment_method_details.card).decline
    if why is None:
        arrive(desk, intent, made)
    else:
        bounce(desk, intent, made, await desk.get(o.PaymentMethod, made.payment_method), why)


def arrive(desk: Desk, intent: o.PaymentIntent, made: o.Charge) -> None:
    """The card's bank said yes."""
    made.status, made.paid = "succeeded", True
    desk.done(intent)
    if intent.capture_method != "manual":
        capture(desk, intent, made, intent.amount)
        desk.announce("charge.succeeded", made)
        return
    intent.status, intent.amount_capturable = "requires_capture", intent.amount
    desk.later(intent, AUTHORISED_FOR)
    desk.announce("charge.succeeded", made)
    desk.announce("payment_intent.amount_capturable_updated", intent)


def capture(desk: Desk, intent: o.PaymentIntent, made: o.Charge, taken: int) -> None:
    """Take the money; what is not taken is let go."""
    made.captured, made.amount_captured = True, taken
    made.balance_transaction = desk.book("charge", made, taken, intent.currency)
    intent.status, intent.amount_received, intent.amount_capturable = "succeeded", taken, 0
    desk.done(intent)
    desk.announce("payment_intent.succeeded", intent)
    if behind(made.payment_method_details.card).disputed:
        desk.later(made)


def _new_charge(desk: Desk, intent: o.PaymentIntent, method: o.PaymentMethod) -> o.Charge:
    made = o.Charge(
        id=fresh_id(o.Charge),
        amount=intent.amount,
        currency=intent.currency,
        customer=intent.customer,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details=o.MethodDetails(card=method.card),
        metadata=dict(intent.metadata),
    )
    intent.latest_charge = made.id
    return desk.add(made)


def decline(desk: Desk, intent: o.PaymentIntent, method: o.PaymentMethod, why: Decline) -> Decline:
    """The card's bank said no."""
    bounce(desk, intent, _new_charge(desk, intent, method), method, why)
    return why


def bounce(desk: Desk, intent: o.PaymentIntent, made: o.Charge, method: o.PaymentMethod, why: Decline) -> None:
    """Nothing comes of a charge."""
    made.status, made.paid, made.failure_code, made.failure_message = "failed", False, why.code, why.message
    desk.announce("charge.failed", made)
    refuse(desk, intent, method, why)


def refuse(desk: Desk, intent: o.PaymentIntent, method: o.PaymentMethod, why: Decline) -> None:
    """The payer has to choose another way to pay."""
    intent.status, intent.payment_method = "requires_payment_method", None
    intent.last_payment_error = last_error(why, method)
    desk.announce("payment_intent.payment_failed", intent)


async def capture_payment_intent(desk: Desk, intent_id: str, *, params: Params) -> o.PaymentIntent:
    """Take what was authorised, or part of it."""
    intent = await desk.get(o.PaymentIntent, intent_id)
    if intent.status != "requires_capture" or intent.latest_charge is None:
        raise closed(intent, "capture")
    taken = amount(params, "amount_to_capture", intent.amount_capturable)
    if taken > intent.amount_capturable:
        raise unexpected("amount_too_large", "The amount to capture is greater than what can be captured.", param="amount_to_capture")
    made = await desk.get(o.Charge, intent.latest_charge)
    capture(desk, intent, made, taken)
    desk.announce("charge.captured", made)
    return intent


async def cancel_payment_intent(desk: Desk, intent_id: str, *, params: Params) -> o.PaymentIntent:
    """Give a payment up."""
    intent = await desk.get(o.PaymentIntent, intent_id)
    if intent.status not in CANCELABLE:
        raise closed(intent, "cancel")
    let_go(desk, intent, perhaps(params, "cancellation_reason"))
    return intent


def let_go(desk: Desk, intent: o.PaymentIntent, reason: str | None) -> None:
    """Nothing will be taken any more."""
    intent.status, intent.amount_capturable, intent.next_action = "canceled", 0, None
    intent.canceled_at, intent.cancellation_reason = desk.at, reason
    desk.done(intent)
    desk.announce("payment_intent.canceled", intent)


def closed(intent: o.PaymentIntent, what: str) -> BankError:
    """Its state does not allow that."""
    message = f"You cannot {what} this PaymentIntent because it has a status of {intent.status}."
    return unexpected("payment_intent_unexpected_state", message, payment_intent=o.told(intent))
