"""A provider that errs: it tells of another payment, refuses the market's key, forgets what it was asked, or says nothing for days."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from souk.kernel.money import Money
from souk.modules import payments
from souk.modules.payments.jobs import ask_again
from souk.modules.payments.model import Row
from souk.modules.payments.provider import Customer, Intent, KeyRefused, Refund
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.conftest import SECRET, Shop

DAY = timedelta(days=1)
LIES: dict[str, Callable[[Intent], Intent]] = {
    "more": lambda told: replace(told, amount=Money(9_999, "USD"), captured=9_999),
    "less": lambda told: replace(told, amount=Money(1, "USD"), captured=1),
    "more was taken": lambda told: replace(told, captured=5_001),
    "nothing was taken": lambda told: replace(told, captured=0),
    "another currency": lambda told: replace(told, amount=Money(5_000, "EUR")),
    "one that is not used": lambda told: replace(told, amount=Money(5_000, "JPY")),
    "another payment": lambda told: replace(told, metadata={"payment": "01a1fda1-7abb-71b5-986e-0989d2cf1634"}),
}


class Erring(Sandbox):
    """A sandbox that does so on demand."""

    lie: Callable[[Intent], Intent] = staticmethod(lambda told: told)
    shut: frozenset[str] = frozenset()
    """Calls for which the market's key is not taken."""
    refunded: int | None = None

    async def _told(self, found: Any) -> Intent:
        told = await super()._told(found)
        return self.lie(told) if found.amount_received else told

    def _door(self, call: str) -> None:
        if call in self.shut:
            raise KeyRefused("key_refused: Invalid API Key provided: sk_…")

    async def create_customer(self, key: str, **about: Any) -> Customer:
        self._door("create_customer")
        return await super().create_customer(key, **about)

    async def create_intent(self, key: str, amount: Money, **about: Any) -> Intent:
        self._door("create_intent")
        return await super().create_intent(key, amount, **about)

    async def confirm_intent(self, key: str, intent: str, method: str | None = None) -> Intent:
        self._door("confirm_intent")
        return await super().confirm_intent(key, intent, method)

    async def capture_intent(self, key: str, intent: str, amount: int | None = None) -> Intent:
        self._door("capture_intent")
        return await super().capture_intent(key, intent, amount)

    async def intent(self, intent: str) -> Intent:
        self._door("intent")
        return await super().intent(intent)

    async def refund(self, key: str, intent: str, amount: int, **about: Any) -> Refund:
        self._door("refund")
        told = await super().refund(key, intent, amount, **about)
        return replace(told, amount=Money(self.refunded, "USD")) if self.refunded is not None else told


@pytest.fixture
def erring(shop: Shop) -> Erring:
    """The provider of the shop."""
    made = Erring(shop.bank, [SECRET])
    shop.till.providers = payments.Providers("sandbox", {"sandbox": lambda _database: made})
    return made


async def forgotten(shop: Shop) -> None:
    """More than a day passes, and the provider forgets its keys."""
    shop.clock.move_to(shop.clock.offset + DAY)
    await shop.bank.store.tidy(shop.clock.now())


# What it tells


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_not_the_payment_that_was_asked_for_is_not_booked(
    shop: Shop, erring: Erring, lie: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = await shop.join("ada")
    erring.lie = LIES[lie]
    at_once = await shop.deposits(ada, 5_000, method="pm_card_visa")
    later = await shop.deposits(ada, 5_000)
    intent = str((await shop.payment(later["paymentId"])).provider_id)
    await shop.bank.confirm_payment_intent(intent, {"payment_method": "pm_card_visa"})
    await shop.tells()
    await shop.confirms(ada, later["paymentId"])
    await shop.later(minutes=2)
    assert [(await shop.payment(each["paymentId"])).captured for each in (at_once, later)] == [0, 0]
    assert await shop.rows("select count(*) from journals") == [(0,)]
    assert await shop.announced("payment.captured", "payment.failed") == []
    assert "does not tell of what was asked for" in capsys.readouterr().out
    del erring.lie
    await shop.later(minutes=75)
    assert await shop.has(ada.id) == (10_000, 0)
    await shop.lawful()


async def test_a_refund_of_another_amount_is_not_taken_for_the_one_that_was_asked_for(shop: Shop, erring: Erring) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    erring.refunded = 9_000
    assert (await shop.refunds(row, 4_000)).state == "unknown"
    assert await shop.announced("payment.refunded") == []
    erring.refunded = None
    await shop.later(minutes=2)
    assert await shop.rows("select state::text from refunds") == [("succeeded",)]
    await shop.lawful()


# The market's key


@pytest.mark.parametrize("call", ["create_customer", "create_intent", "confirm_intent"])
async def test_a_key_that_is_refused_fails_no_payment(shop: Shop, erring: Erring, call: str, capsys: pytest.CaptureFixture[str]) -> None:
    ada = await shop.join("ada")
    erring.shut = frozenset({call})
    begun = await shop.deposits(ada, 5_000, method="pm_card_visa")
    await shop.later(minutes=2)
    assert (begun["status"], begun["failure"]) == ("unknown", None)
    assert await shop.announced("payment.failed") == []
    said = [line for line in capsys.readouterr().out.splitlines() if "key_refused" in line]
    assert said
    assert all("error" in line for line in said)
    erring.shut = frozenset()
    await shop.later(minutes=2)
    assert await shop.has(ada.id) == (5_000, 0)


async def test_a_key_that_is_refused_fails_no_capture_and_no_refund(shop: Shop, erring: Erring) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    reserved, held = await shop.pays(ada.id, 10_000, manual=True), await shop.escrow(ada.id, bo.id)
    erring.shut = frozenset({"capture_intent", "refund", "intent"})
    assert (await payments.capture(shop.database, shop.till, reserved.id)).state == "authorised"
    assert (await shop.refunds(held, 4_000)).state == "unknown"
    answer = await shop.confirms(await shop.sign_in("ada"), reserved.id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_UNREACHABLE")
    assert "key" not in answer.text.lower()
    erring.shut = frozenset()
    await shop.later(minutes=2)
    assert await shop.has(ada.id) == (10_000, 6_000)
    await shop.lawful()


# What nobody knew for a day


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
async def test_a_call_of_yesterday_is_not_made_again(shop: Shop, fault: Fault) -> None:
    """What became of it is read: it happened, or it did not."""
    ada = await shop.join("ada")
    rows: dict[str, Row] = {}
    for call in ("capture", "cancel"):
        rows[call] = await shop.pays(ada.id, 1_000, manual=True, key=call)
        shop.bank.faults.next(fault, f"{call}_payment_intent")
        await getattr(payments, call)(shop.database, shop.till, rows[call].id)
    for call in ("create", "confirm"):
        shop.bank.faults.next(fault, f"{call}_payment_intent")
        rows[call] = await shop.pays(ada.id, 1_000, key=call)
    await forgotten(shop)
    await shop.later(minutes=2)
    ends = {call: (await shop.payment(row.id)).state.value for call, row in rows.items()}
    happened = fault is Fault.TIMEOUT_AFTER
    assert ends == {
        "capture": "captured" if happened else "authorised",
        "cancel": "canceled" if happened else "authorised",
        "create": "failed",
        "confirm": "captured" if happened else "pending",
    }
    assert await shop.rows("select id from payments where call is not null") == []
    assert await shop.has(ada.id) == (2_000 if happened else 0, 0)
    assert len((await shop.bank.list_charges({"limit": 100})).data) == (3 if happened else 2)
    await shop.lawful()


async def test_what_never_began_may_be_begun_anew_or_given_up(shop: Shop) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_payment_intent", times=2)
    first, second = [await shop.deposits(ada, 1_000 + number, method="pm_card_visa") for number in range(2)]
    await forgotten(shop)
    await shop.later(minutes=2)
    again = (await shop.confirms(ada, first["paymentId"], "pm_card_visa")).json()["data"]
    assert again["status"] == "captured"
    given_up = (await ada.asks("POST", f"/payments/{second['paymentId']}/cancel")).json()["data"]
    assert given_up["status"] == "canceled"
    assert await shop.announced("payment.canceled") == ["payment.canceled"]
    assert await shop.has(ada.id) == (1_000, 0)


async def test_of_two_refunds_that_nobody_knew_for_days_the_one_that_never_left_is_sent(shop: Shop) -> None:
    """They are of one amount, and looked for side by side: what was sent is not told by what adds up."""
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    for number, fault in enumerate((Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE)):
        shop.bank.faults.next(fault, "create_refund")
        await shop.refunds(row, 4_000, key=str(number))
    await forgotten(shop)
    await ask_again(shop.database, shop.till)
    assert await shop.rows("select state::text, provider_id is not null from refunds") == [("succeeded", True)] * 2
    assert [each.amount for each in (await shop.bank.list_refunds({})).data] == [4_000] * 2
    await shop.lawful()


async def test_a_refund_that_somebody_made_by_hand_is_not_taken_for_a_lost_one(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_refund")
    await shop.refunds(row, 4_000)
    await shop.bank.create_refund({"payment_intent": row.provider_id, "amount": "5000"})
    await forgotten(shop)
    await ask_again(shop.database, shop.till)
    assert sorted(each.amount for each in (await shop.bank.list_refunds({})).data) == [4_000, 5_000]


# What it knows, and does not


async def test_whoever_changes_their_address_while_they_are_made_known_pays_all_the_same(shop: Shop) -> None:
    """The call is repeated with its key, and with other words: providers refuse that."""
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_customer")
    begun = await shop.deposits(ada, 5_000, method="pm_card_visa")
    await shop.do("update people set email = 'other@example.com', email_key = 'other@example.com' where id = $1", ada.id)
    await shop.later(minutes=2)
    assert (await shop.payment(begun["paymentId"])).state == "captured"


@pytest.mark.parametrize(("card", "end"), [("pm_card_visa", "captured"), ("pm_card_visa_chargeDeclined", "failed")])
async def test_where_a_key_was_used_for_something_else_it_counts_where_that_led(shop: Shop, card: str, end: str) -> None:
    """An older version made the call, in other words."""
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "confirm_payment_intent")
    begun = await shop.deposits(ada, 5_000, method=card)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_payment_intent")
    lost = await shop.deposits(ada, 4_000)
    await shop.do("update payments set call_method = 'pm_card_mastercard' where call = 'confirm'")
    await shop.do("update payments set kind = 'other' where id = $1", UUID(lost["paymentId"]))
    await shop.later(minutes=2)
    rows = [await shop.payment(each["paymentId"]) for each in (begun, lost)]
    assert [row.state for row in rows] == [end, "unknown"]
    assert "idempotent" not in str(rows)
    assert await shop.has(ada.id) == (5_000 if end == "captured" else 0, 0)


async def test_what_the_provider_does_not_know_any_more_is_no_fault_of_who_asks(shop: Shop) -> None:
    """The market went over to another account there, or somebody tidied up."""
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5_000)
    await shop.do("update payments set provider_id = 'pi_of_another_account'")
    await shop.do("update payers set customer_id = 'cus_of_another_account'")
    for answer in (
        await shop.confirms(ada, begun["paymentId"]),
        await ada.asks("POST", "/payments/methods"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_UNREACHABLE"), answer.text
        assert "another_account" not in answer.text


# What nobody told


async def settles(shop: Shop, row: Row, change: Awaitable[object]) -> Row:
    """Something happens at the provider, nobody tells, and time passes."""
    await change
    for _ in range(2):
        await shop.later(hours=1, minutes=15)
    return await shop.payment(row.id)


async def test_a_payment_that_failed_and_was_paid_in_the_browser_is_found_without_being_told(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5_000, method="pm_card_visa_chargeDeclined")
    row = await shop.payment(begun["paymentId"])
    paid = shop.bank.confirm_payment_intent(str(row.provider_id), {"payment_method": "pm_card_visa"})
    assert (await settles(shop, row, paid)).state == "captured"
    assert await shop.has(ada.id) == (5_000, 0)


async def test_an_authorisation_that_lapsed_is_found_without_being_told(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 5_000, manual=True)
    shop.clock.move_to(shop.clock.offset + 7 * DAY)
    assert (await settles(shop, row, shop.bank.work())).state == "canceled"
