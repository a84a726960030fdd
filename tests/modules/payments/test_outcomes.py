"""Answers that never come: whatever happened at the provider, it is known in the end, and it happened once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from souk.modules import ledger, payments
from souk.modules.payments.jobs import ask_again, look_after
from souk.modules.payments.provider import Intent
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.conftest import Shop

LOST = [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY]
ASKED = ledger.USD.money(5000)
CALLS = ["create_customer", "create_payment_intent", "confirm_payment_intent"]


async def test_a_payment_whose_answers_are_lost_is_asked_for_again(shop: Shop) -> None:
    faults = [(fault, call) for fault in LOST for call in CALLS]
    people = [await shop.join(f"p{number}") for number in range(len(faults))]
    begun = []
    for person, (fault, call) in zip(people, faults, strict=True):
        shop.bank.faults.next(fault, call)
        begun.append(await shop.deposits(person, 5000, method="pm_card_visa"))
        assert begun[-1]["status"] == "unknown", (fault, call)
    assert {await shop.has(person.id) for person in people} == {(0, 0)}
    busy = await people[0].asks("POST", f"/payments/{begun[0]['paymentId']}/cancel")
    assert (busy.status_code, busy.json()["error"]["code"]) == (409, "PAYMENT_BUSY")
    await shop.later(minutes=2)
    assert {await shop.has(person.id) for person in people} == {(5000, 0)}
    await shop.tells()
    assert await shop.cleared() == 5000 * len(people)
    assert len((await shop.bank.list_payment_intents({"limit": "100"})).data) == len(people)
    assert await shop.announced("payment.captured", "payment.failed") == ["payment.captured"] * len(people)
    await shop.lawful()


async def test_a_capture_and_a_cancellation_whose_answers_are_lost(shop: Shop) -> None:
    ada = await shop.join("ada")
    taken, let_go = [], []
    for fault in LOST:
        taken.append(await shop.pays(ada.id, 10_000, manual=True, escrow=True, key=f"{fault} 1"))
        let_go.append(await shop.pays(ada.id, 7_000, manual=True, escrow=True, key=f"{fault} 2"))
        shop.bank.faults.next(fault, "capture_payment_intent")
        shop.bank.faults.next(fault, "cancel_payment_intent")
        assert (await payments.capture(shop.database, shop.till, taken[-1].id, 6_000)).state == "authorised"
        assert (await payments.cancel(shop.database, shop.till, let_go[-1].id)).state == "authorised"
    await shop.later(minutes=2)
    await shop.tells()
    ends = [(row.state, row.captured, row.call) for row in [await shop.payment(row.id) for row in (*taken, *let_go)]]
    assert ends == [("captured", 6_000, None)] * len(LOST) + [("canceled", 0, None)] * len(LOST)
    assert await shop.has(ada.id) == (0, 6_000 * len(LOST))
    await shop.lawful()


async def test_a_webhook_comes_before_the_answer_that_was_lost(shop: Shop) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "confirm_payment_intent")
    begun = await shop.deposits(ada, 5000, method="pm_card_visa")
    assert begun["status"] == "unknown"
    await shop.tells()
    assert await shop.has(ada.id) == (5000, 0)
    await shop.later(minutes=2)
    row = await shop.payment(begun["paymentId"])
    assert (row.state, row.call) == ("captured", None)
    assert await shop.cleared() == 5000


async def test_a_webhook_of_a_payment_whose_name_there_is_not_known_yet_waits_for_it(shop: Shop) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_payment_intent")
    await shop.deposits(ada, 5000)
    intent = (await shop.bank.list_payment_intents({})).data[0]
    await shop.bank.confirm_payment_intent(intent.id, {"payment_method": "pm_card_visa"})
    await shop.tells()
    assert await shop.has(ada.id) == (0, 0)
    await shop.later(minutes=2)
    await shop.later(minutes=1)
    assert await shop.has(ada.id) == (5000, 0)
    assert await shop.rows("select event_id from webhook_events where processed_at is null") == []


async def test_a_process_that_dies_before_the_call_or_after_it(shop: Shop) -> None:
    """The row is committed, and nobody comes back to it: once without any call, once with one whose answer nobody wrote down."""
    ada, bea = await shop.join("ada"), await shop.join("bea")
    rows = [
        await shop.database.write(partial(payments.ask, till=shop.till, wanted=wanted))
        for wanted in (payments.NewPayment(key=str(who.id), payer_id=who.id, amount=ASKED, method="pm_card_visa") for who in (ada, bea))
    ]
    provider = shop.till.provider(shop.database)
    customer = await payments.customer_of(shop.database, provider, bea.id)
    metadata = {"payment": str(rows[1].id), "kind": "deposit", "reference": ""}
    await provider.create_intent(rows[1].call_key, ASKED, customer=customer, metadata=metadata)
    await shop.later(minutes=2)
    assert [await shop.has(who.id) for who in (ada, bea)] == [(5000, 0), (5000, 0)]
    assert len((await shop.bank.list_payment_intents({})).data) == 2
    await shop.lawful()


async def test_several_who_carry_out_one_payment_carry_it_out_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    wanted = payments.NewPayment(key="k", payer_id=ada.id, amount=ASKED, method="pm_card_visa", escrow=True)
    rows = await asyncio.gather(*(payments.begin(shop.database, shop.till, wanted) for _ in range(8)))
    assert len({row.id for row in rows}) == 1
    await shop.later(minutes=2)
    assert await shop.has(ada.id) == (0, 5000)
    assert len((await shop.bank.list_payment_intents({})).data) == 1
    assert await shop.announced("payment.captured") == ["payment.captured"]
    await shop.lawful()


async def test_a_lost_webhook_does_no_harm(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000)
    await shop.bank.confirm_payment_intent(begun["clientSecret"].partition("_secret_")[0], {"payment_method": "pm_card_visa"})
    await look_after(shop.database, shop.till)
    assert await shop.has(ada.id) == (0, 0)
    await shop.later(minutes=75)
    assert await shop.has(ada.id) == (5000, 0)


async def test_a_provider_that_stays_away_keeps_nobody_else_waiting(shop: Shop) -> None:
    people = [await shop.join(name) for name in ("ada", "bea", "cyd")]
    shop.bank.faults.next(Fault.BUSY, "create_payment_intent", times=4)
    for person in people:
        assert (await shop.deposits(person, 5000, method="pm_card_visa"))["status"] == "unknown"
    for _ in range(3):
        shop.clock.move_to(shop.clock.offset + timedelta(minutes=2))
        await ask_again(shop.database, shop.till)
    assert [await shop.has(person.id) for person in people] == [(5000, 0)] * 3
    await shop.lawful()


class Slow(Sandbox):
    """A provider whose answers take their time: meanwhile things go on."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def intent(self, intent: str) -> Intent:
        told = await super().intent(intent)
        if (meanwhile := self.meanwhile) is not None:
            self.meanwhile = None
            await meanwhile()
        return told


async def test_what_was_read_before_something_newer_was_noted_is_read_anew(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.payment((await shop.deposits(ada, 5000))["paymentId"])
    slow = Slow(shop.bank, ["whsec"])
    till = payments.Till(shop.till.rules, shop.till.assets, payments.Providers("sandbox", {"sandbox": lambda _database: slow}))

    async def declined() -> None:
        with suppress(BankError):
            await shop.bank.confirm_payment_intent(str(row.provider_id), {"payment_method": "pm_card_visa_chargeDeclined"})
        assert (await payments.confirm(shop.database, shop.till, row.id)).state == "failed"

    slow.meanwhile = declined
    assert (await payments.confirm(shop.database, till, row.id)).state == "failed"
    assert (await shop.payment(row.id)).state == "failed"
    assert slow.meanwhile is None
