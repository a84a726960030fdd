"""Payers and their ways to pay: customers, payment methods, and saving a method without a payment."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Final

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Params, inside, metadata, perhaps, text
from souk.modules.payments.sandbox.cards import BY_NUMBER, CARDS, Decline, behind, shown
from souk.modules.payments.sandbox.desk import Desk, fresh_id
from souk.modules.payments.sandbox.errors import BankError, invalid, missing, unexpected

OPEN: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


async def create_customer(desk: Desk, *, params: Params) -> o.Customer:
    """Make a payer known."""
    customer = o.Customer(id=fresh_id(o.Customer), email=perhaps(params, "email"), name=perhaps(params, "name"), metadata=metadata(params))
    desk.announce("customer.created", desk.add(customer))
    return customer


async def create_payment_method(desk: Desk, *, params: Params) -> o.PaymentMethod:
    """A card that was typed in."""
    card = inside(params, "card")
    number = str(card.get("number") or "").replace(" ", "")
    if not number:
        raise missing("card[number]")
    if number not in BY_NUMBER:
        raise BankError("card_error", "incorrect_number", "Your card number is incorrect.", 402, param="number", began=False)
    return new_method(desk, BY_NUMBER[number], metadata(params))


def new_method(desk: Desk, name: str, about: dict[str, str] | None = None) -> o.PaymentMethod:
    """A test card as a way to pay, not saved for anybody yet."""
    return desk.add(o.PaymentMethod(id=fresh_id(o.PaymentMethod), card=shown(name), metadata=about or {}))


async def usable_method(desk: Desk, name: str, customer: str | None) -> o.PaymentMethod:
    """A method by its id, or by the name of a test card, with which that customer may pay."""
    if name in CARDS:
        return new_method(desk, name)
    method = await desk.get(o.PaymentMethod, name, "payment_method")
    if method.detached:
        raise invalid("payment_method", "it was detached from its customer and cannot be used again")
    if method.customer is not None and method.customer != customer:
        raise invalid("payment_method", "it belongs to another customer")
    return method


async def attach_payment_method(desk: Desk, method_id: str, *, params: Params) -> o.PaymentMethod:
    """Save a method for a customer."""
    customer = await desk.get(o.Customer, text(params, "customer"), "customer")
    method = await usable_method(desk, method_id, customer.id)
    attach(desk, method, customer.id)
    return method


def attach(desk: Desk, method: o.PaymentMethod, customer: str) -> None:
    """It can be used again from now on."""
    if method.customer is None:
        method.customer = customer
        desk.announce("payment_method.attached", method)


async def detach_payment_method(desk: Desk, method_id: str) -> o.PaymentMethod:
    """Forget a saved method."""
    method = await desk.get(o.PaymentMethod, method_id)
    if method.customer is None:
        raise unexpected("payment_method_not_attached", "The payment method you provided is not attached to a customer.")
    method.customer, method.detached = None, True
    desk.announce("payment_method.detached", method)
    return method


async def create_setup_intent(desk: Desk, *, params: Params) -> o.SetupIntent:
    """Begin to save a method."""
    customer = perhaps(params, "customer")
    if customer is not None:
        await desk.get(o.Customer, customer, "customer")
    setup_id = fresh_id(o.SetupIntent)
    setup = o.SetupIntent(id=setup_id, client_secret=secret_of(setup_id), customer=customer, metadata=metadata(params))
    desk.announce("setup_intent.created", desk.add(setup))
    return setup


def secret_of(object_id: str) -> str:
    """What the payer's browser shows to go on with it."""
    return f"{object_id}_secret_{token_urlsafe(18)}"


async def confirm_setup_intent(desk: Desk, setup_id: str, *, params: Params) -> o.SetupIntent:
    """The payer gave a card."""
    setup = await desk.get(o.SetupIntent, setup_id)
    if setup.status not in OPEN:
        raise _closed(setup, "confirm")
    method = await usable_method(desk, text(params, "payment_method"), setup.customer)
    setup.payment_method, setup.last_setup_error = method.id, None
    card = behind(method.card)
    if card.secure:
        setup.status = "requires_action"
        setup.next_action = o.NextAction(redirect_to_url=o.Redirect(url=f"{desk.pages}/{setup.client_secret}"))
        desk.announce("setup_intent.requires_action", setup)
    elif card.decline is not None:
        raise _declined(desk, setup, method, card.decline)
    else:
        _save(desk, setup, method)
    return setup


async def complete_setup(desk: Desk, setup_id: str, *, passed: bool) -> o.SetupIntent:
    """The payer proved who they are, or did not."""
    setup = await desk.get(o.SetupIntent, setup_id)
    if setup.status != "requires_action" or setup.payment_method is None:
        raise _closed(setup, "complete")
    method = await desk.get(o.PaymentMethod, setup.payment_method)
    setup.next_action = None
    if passed:
        _save(desk, setup, method)
    else:
        _declined(desk, setup, method, Decline("setup_intent_authentication_failure", "", NOT_AUTHENTICATED))
    return setup


NOT_AUTHENTICATED: Final = "We are unable to authenticate your payment method. Please choose a different payment method and try again."


async def cancel_setup_intent(desk: Desk, setup_id: str) -> o.SetupIntent:
    """Give it up."""
    setup = await desk.get(o.SetupIntent, setup_id)
    if setup.status not in OPEN:
        raise _closed(setup, "cancel")
    setup.status, setup.next_action = "canceled", None
    desk.announce("setup_intent.canceled", setup)
    return setup


def _save(desk: Desk, setup: o.SetupIntent, method: o.PaymentMethod) -> None:
    setup.status = "succeeded"
    if setup.customer is not None:
        attach(desk, method, setup.customer)
    desk.announce("setup_intent.succeeded", setup)


def _declined(desk: Desk, setup: o.SetupIntent, method: o.PaymentMethod, why: Decline) -> BankError:
    setup.status, setup.payment_method = "requires_payment_method", None
    setup.last_setup_error = last_error(why, method)
    desk.announce("setup_intent.setup_failed", setup)
    return BankError("card_error", why.code, why.message, 402, decline_code=why.reason or None, setup_intent=o.told(setup))


def last_error(why: Decline, method: o.PaymentMethod) -> o.LastError:
    """A decline as an intent remembers it."""
    kind = "invalid_request_error" if why.code.endswith("authentication_failure") else "card_error"
    return o.LastError(type=kind, code=why.code, message=why.message, decline_code=why.reason or None, payment_method=method)


def _closed(setup: o.SetupIntent, what: str) -> BankError:
    message = f"You cannot {what} this SetupIntent because it has a status of {setup.status}."
    return unexpected("setup_intent_unexpected_state", message, setup_intent=o.told(setup))
