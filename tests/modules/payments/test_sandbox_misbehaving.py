"""What a developer asks of the sandbox over HTTP comes true: calls and events go wrong, and banks change their minds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from secrets import token_urlsafe
from typing import Any

import httpx
import msgspec
import pytest

from souk.app.application import operations_of
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database
from souk.kernel.messages import Catalogue
from souk.markets import MARKETS
from souk.modules import payments
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.errors import NoAnswer
from souk.modules.payments.sandbox.faults import Faults
from souk.modules.payments.sandbox.misbehaving import CALLS
from souk.modules.payments.sandbox.mischief import PlannedFault, SharedFaults
from souk.modules.payments.sandbox.provider import provider_of
from souk.modules.payments.sandbox.store import MemoryStore
from souk.modules.payments.sandbox.tables import DatabaseStore
from tests.modules.payments.conftest import ASSETS, MARKET, MODULES, RULES, SECRET, Shop
from tests.modules.payments.payees import asks, earner, sends, state

OPEN_HOUSE = msgspec.structs.replace(payments.MODULE, operations=(*payments.MODULE.operations, *payments.MODULE.development))


@pytest.fixture
def market() -> Market:
    """The market as development has it."""
    return msgspec.structs.replace(MARKET, modules=(*MODULES[:-1], OPEN_HOUSE))


class Workshop(Shop):
    """A market whose sandbox can be told to misbehave."""

    def _resources(self) -> dict[type, Any]:
        found = super()._resources()
        store = MemoryStore()
        self.bank = Bank(store, self.clock.now, faults=SharedFaults(store, self.clock.now))
        sandbox = Sandbox(self.bank, [SECRET])
        self.till = payments.Till(RULES, ASSETS, payments.Providers("sandbox", {"sandbox": lambda _database: sandbox}))
        return {**found, payments.Till: self.till}

    async def has_it(self, method: str, path: str, *, status: int = 200, **body: object) -> Any:
        """Have the sandbox do something, as somebody who needs no account here."""
        answer: httpx.Response = await (await self.client()).request(method, f"/sandbox/{path}", json=body or None)
        assert answer.status_code == status, answer.text
        return answer.json()["data" if answer.is_success else "error"] if answer.content else None


@pytest.fixture
def shop(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Workshop:
    shop = Workshop(market, database, clock, catalogue, runtime_dsn)
    shop.closing = closing
    return shop


NOTHING_WRONG = {"calls": [], "events": {"lateSeconds": 0, "copies": 1, "shuffled": False}}


async def test_the_next_calls_of_a_name_go_wrong_and_those_after_them_do_not(shop: Workshop) -> None:
    ada = await shop.join("ada")
    planned = await shop.has_it("POST", "faults", fault="timeout_after", call="confirm_payment_intent", times=2)
    assert planned["calls"] == [{"fault": "timeout_after", "call": "confirm_payment_intent", "times": 2}]
    states = [(await shop.deposits(ada, 1_000, method="pm_card_visa"))["status"] for _ in range(3)]
    assert states == ["unknown", "unknown", "captured"]
    assert await shop.has_it("GET", "faults") == NOTHING_WRONG
    await shop.later(minutes=2)
    assert await shop.has(ada.id) == (3_000, 0)
    await shop.lawful()


async def test_events_come_late_and_twice_until_it_is_said_otherwise(shop: Workshop) -> None:
    ada = await shop.join("ada")
    await shop.has_it("PUT", "events", lateSeconds=3600, copies=2)
    begun = await shop.deposits(ada, 1_000)
    await shop.has_it("POST", f"payments/{begun['clientSecret']}/confirm", card="4242424242424242")
    assert await shop.tells() == 0
    await shop.later(minutes=61)
    assert await shop.tells() == 2 * len((await shop.bank.list_events({"limit": 100})).data)
    assert await shop.has(ada.id) == (1_000, 0)
    await shop.has_it("DELETE", "faults", status=204)
    assert await shop.has_it("GET", "faults") == NOTHING_WRONG
    await shop.deposits(ada, 2_000, method="pm_card_visa")
    assert await shop.tells() > 0


async def test_what_is_wrong_in_what_is_asked_is_named(shop: Workshop) -> None:
    wrong = await shop.has_it("POST", "faults", status=422, fault="timeout_after", call="create_payment")
    ((field, problem),) = [tuple(each.values()) for each in wrong["details"]["fields"]]
    assert (field, "create_payment_intent" in problem) == ("call", True)
    assert (await shop.has_it("GET", "faults")) == NOTHING_WRONG
    begun = await shop.deposits(await shop.join("ada"), 1_000)
    path = f"payments/{begun['clientSecret']}/confirm"
    for body in ({}, {"card": "1234"}, {"card": "4242424242424242", "passed": True}):
        assert (await shop.has_it("POST", path, status=422, **body or {"card": None}))["details"]["fields"][0]["field"] == "card"


async def test_a_payer_pays_without_a_browser(shop: Workshop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 1_000)
    path = f"payments/{begun['clientSecret']}/confirm"
    no = await shop.has_it("POST", path, status=402, card="4000000000009995")
    assert (no["code"], no["message"], no["details"]["decline"]) == (
        "CARD_DECLINED",
        "Your card has insufficient funds.",
        "insufficient_funds",
    )
    asked = await shop.has_it("POST", path, card="4000 0027 6000 3184")
    assert (asked["status"], begun["clientSecret"] in asked["nextUrl"]) == ("requires_action", True)
    assert (await shop.has_it("POST", path, status=402, passed=False))["code"] == "CARD_DECLINED"
    await shop.has_it("POST", path, card="pm_card_authenticationRequired")
    assert (await shop.has_it("POST", path, passed=True))["status"] == "succeeded"
    assert (await shop.has_it("POST", path, status=409, passed=True))["code"] == "SANDBOX_REFUSED"
    assert (await shop.has_it("POST", path.replace("_secret_", "_secret_x"), status=404, passed=True))["code"] == "PAGE_NOT_FOUND"
    await shop.tells()
    assert await shop.has(ada.id) == (1_000, 0)


async def test_a_payer_saves_a_card_without_a_browser(shop: Workshop) -> None:
    ada = await shop.join("ada")
    begun = (await ada.asks("POST", "/payments/methods")).json()["data"]
    path = f"payments/{begun['clientSecret']}/confirm"
    assert (await shop.has_it("POST", path, card="4000002760003184"))["status"] == "requires_action"
    assert (await shop.has_it("POST", path, passed=True))["status"] == "succeeded"
    assert [each["last4"] for each in (await ada.asks("GET", "/payments/methods")).json()["data"]] == ["3184"]


async def test_slow_money_may_be_declined_in_the_end(shop: Workshop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 1_000, method="pm_usBankAccount_insufficientFunds")
    assert begun["status"] == "pending"
    await shop.passes(hours=25)
    row = await shop.payment(begun["paymentId"])
    assert (row.state, row.failure_code) == ("failed", "insufficient_funds")
    assert (await shop.confirms(ada, row.id, "pm_card_visa")).json()["data"]["status"] == "captured"
    assert await shop.has(ada.id) == (1_000, 0)


async def test_a_bank_sends_a_refund_back_after_it_succeeded(shop: Workshop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    refund = await shop.refunds(row, 4_000)
    assert (await shop.has_it("POST", f"refunds/{refund.id}/fail"))["status"] == "failed"
    await shop.tells()
    assert await shop.has(ada.id) == (0, 10_000)
    assert (await shop.has_it("POST", f"refunds/{refund.id}/fail", status=409))["code"] == "SANDBOX_REFUSED"
    assert (await shop.has_it("POST", f"refunds/{row.id}/fail", status=404))["code"] == "NOT_IN_SANDBOX"
    await shop.lawful()


async def test_a_bank_sends_a_payout_back_after_it_was_paid(shop: Workshop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    assert (await shop.has_it("POST", f"payouts/{payout['id']}/fail", status=404))["code"] == "NOT_IN_SANDBOX"
    await sends(shop)
    await shop.passes(days=2)
    assert await state(shop, payout) == "paid"
    assert (await shop.has_it("POST", f"payouts/{payout['id']}/fail"))["status"] == "failed"
    await shop.tells()
    assert (await state(shop, payout), await shop.has(worker.id)) == ("returned", (20_000, 0))
    await shop.lawful()


async def test_a_bank_takes_a_payment_back_and_decides(shop: Workshop) -> None:
    ada = await shop.join("ada")
    payment = (await shop.deposits(ada, 5_000, method="pm_card_visa"))["paymentId"]
    assert (await shop.has_it("POST", f"disputes/{payment}/decide", status=404, won=True))["code"] == "NOT_IN_SANDBOX"
    taken = await shop.has_it("POST", "disputes", status=201, paymentId=payment, amount=2_000, reason="product_not_received")
    assert (taken["amount"], taken["status"]) == (2_000, "needs_response")
    await shop.tells()
    assert await shop.has(ada.id) == (3_000, 0)
    assert (await shop.has_it("POST", "disputes", status=409, paymentId=payment))["code"] == "SANDBOX_REFUSED"
    assert (await shop.has_it("POST", f"disputes/{payment}/decide", won=True))["status"] == "won"
    await shop.tells()
    assert await shop.has(ada.id) == (5_000, 0)
    await shop.lawful()


# Several processes


async def test_every_process_hears_of_it_and_together_they_fail_as_often_as_was_asked(database: Database, clock: Clock) -> None:
    banks = [Bank(store := DatabaseStore(database), clock.now, faults=SharedFaults(store, clock.now)) for _ in range(3)]
    for bank in banks:
        await bank.create_customer({})  # each has looked a moment ago, and found nothing
    faults = banks[0].faults
    assert isinstance(faults, SharedFaults)
    fault = msgspec.convert({"fault": "timeout_before", "call": "create_customer", "times": 5}, PlannedFault)
    await faults.plan(lambda now: msgspec.structs.replace(now, calls=[fault]))
    outcomes = await asyncio.gather(*(bank.create_customer({}) for bank in banks for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, NoAnswer) for each in outcomes) == 5
    assert {type(each).__name__ for each in outcomes} == {"NoAnswer", "Customer"}
    assert (await faults.asked_for()).calls == []


DEVELOPMENT = Settings.load({})
PRODUCTION = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": token_urlsafe(48), "SOUK_PUBLIC_URL": "https://souk.example"})


@pytest.mark.parametrize(("settings", "faults"), [(DEVELOPMENT, SharedFaults), (PRODUCTION, Faults)])
async def test_production_has_none_of_it(database: Database, settings: Settings, faults: type[Faults]) -> None:
    paths = {operation.path for operation in operations_of(MARKETS["tulifo"], settings)}
    assert ("/sandbox/faults" in paths) is (settings is DEVELOPMENT)
    made = provider_of(settings, MARKET)(database)
    assert isinstance(made, Sandbox)
    assert type(made.bank.faults) is faults


def test_every_call_that_can_fail_is_one_that_the_market_makes() -> None:
    assert {"create_payment_intent", "confirm_payment_intent", "create_refund", "create_payout", "retrieve_payment_intent"} <= set(CALLS)
