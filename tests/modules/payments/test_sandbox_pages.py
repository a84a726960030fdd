"""The sandbox's pages, as a browser without scripts meets them."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest

from souk.kernel.assembly import Market, module
from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.money import Asset, Money
from souk.modules import ledger, payments
from souk.modules.payments.provider import IntentState
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.sandbox import pages
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.store import MemoryStore
from tests.kernel.http.serving import Served, code, site

PAGES = module("payments", pages, development=(pages,)).development
EURO = Money(1250, "EUR")


class Browser:
    """Somebody at the pages of a sandbox."""

    def __init__(self, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.bank = sandbox.bank
        self.client = client

    async def opens(self, url: str) -> str:
        """Open a page of the bank's; its address is a path here."""
        answer = await self.client.get(path_of(url))
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in answer.text
        return answer.text

    async def sends(self, page: str, button: str, **fields: str) -> str:
        """Fill in the form that has this button, and send it."""
        forms = re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page)
        action, inside = next((action, inside) for action, inside in forms if f">{html.escape(button)}</button>" in inside)
        hidden = {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', inside)}
        answer = await self.client.post(path_of(html.unescape(action)), data={**hidden, **fields})
        assert answer.status_code == 200
        return answer.text


def path_of(url: str) -> str:
    return "/pay" + url.partition("/test/pay")[2]


def till_of(sandbox: Sandbox | None) -> Till:
    providers = Providers("sandbox", {"sandbox": lambda _: sandbox}) if sandbox else Providers("", {})
    return Till(payments.Rules(), ledger.Assets((Asset("EUR", 2),)), providers)


@asynccontextmanager
async def browsing(database: Database, clock: Clock, *, title: str = "Test") -> AsyncIterator[Browser]:
    sandbox = Sandbox(Bank(MemoryStore(), clock.now, pages="http://127.0.0.1/test/pay"), ["whsec_x"])
    resources = {Till: till_of(sandbox), Market: Market("test", "/test", title, ())}
    async with Served(site(database, resources=resources), PAGES) as running, running.client() as client:
        yield Browser(sandbox, client)


async def test_a_payer_pays_by_card(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        intent = await browser.sandbox.create_intent("k", EURO, metadata={})
        page = await browser.opens(f"/test/pay/{intent.client_secret}")
        assert "Pay 12.50 EUR" in page
        page = await browser.sends(page, "Pay 12.50 EUR", number="1234")
        assert "Your card number is incorrect." in page
        page = await browser.sends(page, "Pay 12.50 EUR", number="4000 0000 0000 9995")
        assert "Your card has insufficient funds." in page
        page = await browser.sends(page, "Pay 12.50 EUR", number="4242 4242 4242 4242")
        assert "This is succeeded" in page
        assert "<form" not in page
        assert (await browser.sandbox.intent(intent.id)).captured == 1250


async def test_a_payer_proves_who_they_are(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        intent = await browser.sandbox.create_intent("k", EURO, metadata={})
        asked = await browser.sandbox.confirm_intent("c", intent.id, "pm_card_authenticationRequired")
        page = await browser.sends(await browser.opens(str(asked.next_url)), "Refuse")
        assert "unable to authenticate" in html.unescape(page)
        page = await browser.sends(page, "Pay 12.50 EUR", number="4000002760003184")
        page = await browser.sends(page, "It is me")
        assert "This is succeeded" in page
        assert (await browser.sandbox.intent(intent.id)).state is IntentState.SUCCEEDED
        late = await browser.client.post(f"/pay/{intent.client_secret}", data={"passed": "yes"})
        assert "This is succeeded" in late.text
        assert (await browser.sandbox.intent(intent.id)).captured == 1250


async def test_a_payer_saves_a_card(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        customer = await browser.sandbox.create_customer("c", email="ada@example.com", name="Ada", metadata={})
        setup = await browser.sandbox.create_setup("s", customer.id)
        page = await browser.sends(await browser.opens(f"/test/pay/{setup.client_secret}"), "Save a card", number="4000002760003184")
        assert "This is succeeded" in await browser.sends(page, "It is me")
        assert [method.last4 for method in await browser.sandbox.methods(customer.id)] == ["3184"]


async def test_somebody_subscribes_and_ends_it(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        customer = await browser.sandbox.create_customer("c", email="ada@example.com", name="Ada", metadata={})
        await browser.bank.put_price("price_pro", 1500, "eur", "month")
        checkout = await browser.sandbox.checkout(
            "k", customer=customer.id, price="price_pro", quantity=1, mode="subscription",
            success='https://shop.example/?a="b"', cancel="javascript:alert(1)", metadata={},
        )  # fmt: skip
        page = await browser.opens(checkout.url)
        assert "javascript:" not in page
        page = await browser.sends(page, "Subscribe for 15.00 EUR", number="4000000000000002")
        assert "Your card was declined." in page
        page = await browser.sends(page, "Subscribe for 15.00 EUR", number="4242424242424242")
        assert '<a href="https://shop.example/?a=&quot;b&quot;"' in page
        portal = await browser.sandbox.portal(customer.id, back="https://shop.example")
        page = await browser.sends(await browser.opens(portal), "End it")
        assert "ends with its period" in page
        subscription = str((await browser.sandbox.checkout_of(checkout.id)).subscription)
        assert (await browser.bank.retrieve_subscription(subscription)).cancel_at_period_end


async def test_nobody_ends_the_subscription_of_another(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        ada = await browser.sandbox.create_customer("a", email="ada@example.com", name="Ada", metadata={})
        eve = await browser.sandbox.create_customer("e", email="eve@example.com", name="Eve", metadata={})
        await browser.bank.put_price("price_pro", 1500, "eur", "month")
        pages = {"success": "https://shop.example", "cancel": "https://shop.example"}
        checkout = await browser.sandbox.checkout(
            "k", customer=ada.id, price="price_pro", quantity=1, mode="subscription", **pages, metadata={}
        )
        await browser.bank.complete_checkout(checkout.id)
        subscription = str((await browser.sandbox.checkout_of(checkout.id)).subscription)
        portal = path_of(await browser.sandbox.portal(eve.id, back=""))
        answer = await browser.client.post(portal, data={"subscription": subscription})
        assert (answer.status_code, code(answer)) == (404, "PAGE_NOT_FOUND")
        assert not (await browser.bank.retrieve_subscription(subscription)).cancel_at_period_end


async def test_a_recipient_says_where_payouts_go(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        made = await browser.sandbox.create_recipient("r", email="bo@example.com", country="DE", metadata={})
        page = await browser.opens(await browser.sandbox.onboarding(made.id, back="https://shop.example/?a=1&b=2"))
        assert '<a href="https://shop.example/?a=1&amp;b=2"' in page
        page = await browser.sends(page, "Save", number="twelve")
        assert "must be 6 to 17 digits" in page
        page = await browser.sends(page, "Save", number="000123456789")
        assert "ends with 6789" in page
        assert '<a href="https://shop.example/?a=1&amp;b=2"' in page, "it still leads back"
        assert (await browser.sandbox.recipient(made.id)).ready


async def test_what_is_shown_is_escaped(database: Database, clock: Clock) -> None:
    async with browsing(database, clock, title="A<b>&c: d") as browser:
        made = await browser.sandbox.create_recipient("r", email="bo@example.com", country="DE", metadata={})
        back = quote('https://x/"><img src=y>')
        page = await browser.opens(f"/test/pay/account/{made.id}?back={back}")
        assert "<img" not in page
        assert "<h1>A&lt;b&gt;&amp;c</h1>" in page


@pytest.mark.parametrize("where", ["pi_none_secret_x", "seti_none_secret_x", "x", "checkout/cs_x", "account/acct_x", "portal/bps_x"])
async def test_there_is_nothing_else(database: Database, clock: Clock, where: str) -> None:
    async with browsing(database, clock) as browser:
        for answer in (await browser.client.get(f"/pay/{where}"), await browser.client.post(f"/pay/{where}", content=b"\xff")):
            assert (answer.status_code, code(answer)) == (404, "PAGE_NOT_FOUND")


async def test_the_id_alone_opens_nothing(database: Database, clock: Clock) -> None:
    async with browsing(database, clock) as browser:
        intent = await browser.sandbox.create_intent("k", EURO, metadata={})
        for secret in (intent.id, f"{intent.id}_secret_", intent.client_secret[:-1], f"{intent.client_secret}x", f"{intent.id}_secret_é"):
            answer = await browser.client.get(f"/pay/{quote(secret)}")
            assert (answer.status_code, code(answer)) == (404, "PAGE_NOT_FOUND")


async def test_a_market_that_pays_by_others_has_no_such_pages(database: Database) -> None:
    resources = {Till: till_of(None), Market: Market("test", "/test", "Test", ())}
    async with Served(site(database, resources=resources), PAGES) as running, running.client() as client:
        assert code(await client.get("/pay/pi_1_secret_2")) == "PAGE_NOT_FOUND"
