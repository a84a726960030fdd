"""The bank's pages, which stand in for Stripe's: paying by card, proving who one is, a checkout, an account for payouts, the portal.

They hold forms, no script and no style. Whoever has the address may use them, as with Stripe's.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from html import escape
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from souk.kernel.assembly import Market
from souk.kernel.db import Database
from souk.kernel.errors import Refusal
from souk.kernel.http import ANYONE, Content, operation
from souk.modules.payments.providers import Till
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.paper import CARD, TEST_CARDS, amount_of, fields_of, form, hidden, link, page, said

T = TypeVar("T")
FORM_BYTES: Final = 4096
ClientSecret = Annotated[str, Meta(max_length=200)]
Id = Annotated[str, Meta(max_length=100)]


class PageNotFound(Refusal, status=404, message="There is no such page: its address is wrong, or its time is over."):
    """One answer for all that is not there."""


class Back(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Where a page leads when it is done with."""

    back: Annotated[str, Meta(max_length=2000)] = ""


# Paying


@operation("GET", "/pay/{client_secret}", who=ANYONE, refusals=(PageNotFound,), tags=("development",))
async def show_pay_page(database: Database, market: Market, till: Till, client_secret: ClientSecret) -> Content:
    """The page on which a payer pays by card, saves one, or proves who they are."""
    bank = bank_of(database, till)
    return pay_page(market, await secret_thing(bank, client_secret))


@operation(
    "POST",
    "/pay/{client_secret}",
    who=ANYONE,
    idempotent=False,
    kind="webhook",
    max_body=FORM_BYTES,
    refusals=(PageNotFound,),
    tags=("development",),
)
async def pay_by_page(database: Database, market: Market, till: Till, client_secret: ClientSecret, raw: bytes) -> Content:
    """Pay by the card that was typed in, or say whether the payer proved who they are."""
    bank = bank_of(database, till)
    thing = await secret_thing(bank, client_secret)
    wrong = await answering(_pay(bank, thing, fields_of(raw)))
    return pay_page(market, await secret_thing(bank, client_secret), wrong)


async def _pay(bank: Bank, thing: o.PaymentIntent | o.SetupIntent, sent: dict[str, str]) -> None:
    saving = isinstance(thing, o.SetupIntent)
    if "passed" in sent:
        await (bank.complete_setup if saving else bank.complete_action)(thing.id, passed=sent["passed"] == "yes")
        return
    method = await bank.create_payment_method({"card": {"number": sent.get("number", "")}})
    await (bank.confirm_setup_intent if saving else bank.confirm_payment_intent)(thing.id, {"payment_method": method.id})


def pay_page(market: Market, thing: o.PaymentIntent | o.SetupIntent, wrong: str = "") -> Content:
    """What the payer can do now."""
    action = f"{market.base}/pay/{thing.client_secret}"
    what = f"Pay {amount_of(thing.amount, thing.currency)}" if isinstance(thing, o.PaymentIntent) else "Save a card"
    last = thing.last_payment_error if isinstance(thing, o.PaymentIntent) else thing.last_setup_error
    wanted = wrong or (last.message if last else "")
    if thing.status in ("requires_payment_method", "requires_confirmation"):
        return page(market, what, said(wanted) + form(action, CARD, what) + TEST_CARDS)
    if thing.status == "requires_action":
        question = "<p>Your bank asks: is it you?</p>"
        return page(
            market, what, question + form(action, hidden("passed", "yes"), "It is me") + form(action, hidden("passed", "no"), "Refuse")
        )
    return page(market, what, f"<p>This is {escape(thing.status.replace('_', ' '))}. You can close this page.</p>")


async def secret_thing(bank: Bank, client_secret: str) -> o.PaymentIntent | o.SetupIntent:
    """What a client secret opens."""
    object_id = client_secret.partition("_secret_")[0]
    read: Callable[[str], Awaitable[o.PaymentIntent | o.SetupIntent]] = (
        bank.retrieve_setup_intent if object_id.startswith("seti_") else bank.retrieve_payment_intent
    )
    thing = await there(read(object_id))
    if not hmac.compare_digest(thing.client_secret.encode(), client_secret.encode()):
        raise PageNotFound
    return thing


# Checkout


@operation("GET", "/pay/checkout/{session_id}", who=ANYONE, refusals=(PageNotFound,), tags=("development",))
async def show_checkout_page(database: Database, market: Market, till: Till, session_id: Id) -> Content:
    """The page on which somebody subscribes or buys."""
    return checkout_page(market, await there(bank_of(database, till).retrieve_checkout_session(session_id)))


@operation(
    "POST",
    "/pay/checkout/{session_id}",
    who=ANYONE,
    idempotent=False,
    kind="webhook",
    max_body=FORM_BYTES,
    refusals=(PageNotFound,),
    tags=("development",),
)
async def pay_checkout(database: Database, market: Market, till: Till, session_id: Id, raw: bytes) -> Content:
    """Subscribe or buy by the card that was typed in."""
    bank = bank_of(database, till)
    await there(bank.retrieve_checkout_session(session_id))
    wrong = await answering(_check_out(bank, session_id, fields_of(raw)))
    return checkout_page(market, await there(bank.retrieve_checkout_session(session_id)), wrong)


async def _check_out(bank: Bank, session_id: str, sent: dict[str, str]) -> None:
    method = await bank.create_payment_method({"card": {"number": sent.get("number", "")}})
    await bank.complete_checkout(session_id, method.id)


def checkout_page(market: Market, session: o.Session, wrong: str = "") -> Content:
    """What there is to pay."""
    what = f"{'Subscribe for' if session.mode == 'subscription' else 'Pay'} {amount_of(session.amount_total, session.currency)}"
    if session.status == "open":
        body = said(wrong) + form(f"{market.base}/pay/checkout/{session.id}", CARD, what) + TEST_CARDS + link(session.cancel_url, "Go back")
    else:
        body = f"<p>This is {escape(session.status)}.</p>" + link(session.success_url, "Go on")
    return page(market, what, body)


# Accounts for payouts


@operation("GET", "/pay/account/{account_id}", who=ANYONE, refusals=(PageNotFound,), tags=("development",))
async def show_account_page(database: Database, market: Market, till: Till, account_id: Id, query: Back) -> Content:
    """The page on which somebody says where their payouts go."""
    return account_page(market, await there(bank_of(database, till).retrieve_account(account_id)), query.back)


@operation(
    "POST",
    "/pay/account/{account_id}",
    who=ANYONE,
    idempotent=False,
    kind="webhook",
    max_body=FORM_BYTES,
    refusals=(PageNotFound,),
    tags=("development",),
)
async def fill_in_account(database: Database, market: Market, till: Till, account_id: Id, raw: bytes) -> Content:
    """Say where payouts go."""
    bank, sent = bank_of(database, till), fields_of(raw)
    await there(bank.retrieve_account(account_id))
    wrong = await answering(bank.fill_in(account_id, sent.get("number", "")))
    return account_page(market, await there(bank.retrieve_account(account_id)), sent.get("back", ""), wrong)


def account_page(market: Market, account: o.Account, back: str, wrong: str = "") -> Content:
    """What is missing, and what is there."""
    known = "".join(f"<p>Payouts go to the account that ends with {escape(each.last4)}.</p>" for each in account.external_accounts.data)
    fields = '<p><label>Account number <input name="number" inputmode="numeric" required></label></p>' + hidden("back", back)
    tests = "<p>000123456789 works; 000111111113 is closed; 000111111116 sends payouts back after they were paid.</p>"
    body = known + said(wrong) + form(f"{market.base}/pay/account/{account.id}", fields, "Save") + tests + link(back, "Go back")
    return page(market, "Your account for payouts", body)


# The portal


@operation("GET", "/pay/portal/{portal_id}", who=ANYONE, refusals=(PageNotFound,), tags=("development",))
async def show_portal_page(database: Database, market: Market, till: Till, portal_id: Id) -> Content:
    """The page on which a customer sees their subscriptions, and ends them."""
    bank = bank_of(database, till)
    return await portal_page(bank, market, await there(bank.retrieve_portal_session(portal_id)))


@operation(
    "POST",
    "/pay/portal/{portal_id}",
    who=ANYONE,
    idempotent=False,
    kind="webhook",
    max_body=FORM_BYTES,
    refusals=(PageNotFound,),
    tags=("development",),
)
async def end_subscription(database: Database, market: Market, till: Till, portal_id: Id, raw: bytes) -> Content:
    """Let a subscription end with its period."""
    bank = bank_of(database, till)
    portal = await there(bank.retrieve_portal_session(portal_id))
    subscription = await there(bank.retrieve_subscription(fields_of(raw).get("subscription", "")))
    if subscription.customer != portal.customer:
        raise PageNotFound
    await bank.update_subscription(subscription.id, {"cancel_at_period_end": True})
    return await portal_page(bank, market, portal)


async def portal_page(bank: Bank, market: Market, portal: o.PortalSession) -> Content:
    """A customer's subscriptions."""
    found = (await bank.list_subscriptions({"customer": portal.customer, "limit": 100})).data
    rows = "".join(_subscription(f"{market.base}/pay/portal/{portal.id}", each) for each in found) or "<p>There are none.</p>"
    return page(market, "Your subscriptions", rows + link(portal.return_url, "Go back"))


def _subscription(action: str, each: o.Subscription) -> str:
    ends = each.cancel_at_period_end or each.status == "canceled"
    state = f"<p>{escape(each.id)}: {escape(each.status)}{', ends with its period' if each.cancel_at_period_end else ''}.</p>"
    return state + ("" if ends else form(action, hidden("subscription", each.id), "End it"))


# The bank behind them


def bank_of(database: Database, till: Till) -> Bank:
    """The bank behind the market's sandbox."""
    found = till.provider(database, "sandbox") if till.providers.has("sandbox") else None
    if not isinstance(found, Sandbox):
        raise PageNotFound
    return found.bank


async def there(reading: Awaitable[T]) -> T:
    """What is read, or that there is no such page."""
    try:
        return await reading
    except BankError:
        raise PageNotFound from None


async def answering(doing: Awaitable[object]) -> str:
    """What the bank says against it, in words for the payer; nothing when it was done."""
    try:
        await doing
    except BankError as refusal:
        return refusal.message
    return ""
