"""Providers forget the keys of calls after a day. Whoever comes back later looks what became of a call, and does not make it again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from souk.modules import ledger, payments
from souk.modules.payments.jobs import ask_again
from souk.modules.payments.provider import Intent, KeyRefused, Refund
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.conftest import ASSETS, SECRET, Shop


async def a_day_later(shop: Shop) -> None:
    """Nobody worked for a day, the keys are forgotten, and then the clock comes back to it."""
    await shop.bank.store.tidy(shop.clock.now() + timedelta(seconds=1))
    shop.clock.move_to(shop.clock.offset + timedelta(hours=25))
    await ask_again(shop.database, shop.till)


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER])
async def test_a_payment_that_the_provider_may_not_know_has_failed_and_may_be_tried_again(shop: Shop, fault: Fault) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(fault, "create_payment_intent")
    row = await shop.pays(ada.id, 5_000, kind="deposit")
    assert row.state == "unknown"
    await a_day_later(shop)
    row = await shop.payment(row.id)
    assert (row.state, row.failure_code, row.call) == ("failed", "never_began", None)
    await shop.tells()
    assert await shop.rows("select event_id from webhook_events where processed_at is null") == []
    assert (await payments.confirm(shop.database, shop.till, row.id, "pm_card_visa")).state == "captured"
    assert await shop.has(ada.id) == (5_000, 0)
    assert await shop.cleared() == 5_000


@pytest.mark.parametrize(("fault", "ends"), [(Fault.TIMEOUT_BEFORE, "pending"), (Fault.TIMEOUT_AFTER, "captured")])
async def test_nobody_is_charged_a_day_after_they_paid(shop: Shop, fault: Fault, ends: str) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(fault, "confirm_payment_intent")
    row = await shop.pays(ada.id, 5_000, kind="deposit")
    assert row.state == "unknown"
    await a_day_later(shop)
    row = await shop.payment(row.id)
    assert (row.state, row.call, await shop.cleared()) == (ends, None, 5_000 if ends == "captured" else 0)
    await shop.lawful()


async def test_a_day_counts_from_the_first_time_that_a_call_was_made(shop: Shop) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.BUSY, "confirm_payment_intent", times=4)
    row = await shop.pays(ada.id, 5_000, kind="deposit")
    for _ in range(3):
        assert (await shop.payment(row.id)).state == "unknown"
        shop.clock.move_to(shop.clock.offset + timedelta(hours=7))
        await ask_again(shop.database, shop.till)
    shop.clock.move_to(shop.clock.offset + timedelta(hours=3))
    await ask_again(shop.database, shop.till)
    assert ((await shop.payment(row.id)).state, await shop.cleared()) == ("pending", 0)


@pytest.mark.parametrize(("fault", "ends"), [(Fault.TIMEOUT_BEFORE, "authorised"), (Fault.TIMEOUT_AFTER, "captured")])
async def test_a_capture_is_read_a_day_later_and_may_be_made_anew(shop: Shop, fault: Fault, ends: str) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 5_000, manual=True, escrow=True)
    shop.bank.faults.next(fault, "capture_payment_intent")
    await payments.capture(shop.database, shop.till, row.id)
    await a_day_later(shop)
    assert (await shop.payment(row.id)).state == ends
    assert (await payments.capture(shop.database, shop.till, row.id)).state == "captured"
    assert await shop.has(ada.id) == (0, 5_000)


async def test_of_two_refunds_that_nobody_knew_for_days_the_one_that_left_counts_for_one(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    for number, fault in enumerate((Fault.TIMEOUT_AFTER, Fault.TIMEOUT_BEFORE)):
        shop.bank.faults.next(fault, "create_refund")
        assert (await shop.refunds(row, 4_000, key=f"refund {number}")).state == "unknown"
    for _ in range(2):
        await a_day_later(shop)
    assert [each.amount for each in (await shop.bank.list_refunds({})).data] == [4_000, 4_000]
    assert (await shop.has(ada.id), await shop.cleared()) == ((0, 2_000), 2_000)
    await shop.lawful()


class Unkeyed(Sandbox):
    """A provider that does not take the market's key."""

    async def create_intent(self, key: str, *given: Any, **also: Any) -> Intent:
        raise KeyRefused(f"key_refused: {key} {given} {also}")

    async def refund(self, key: str, *given: Any, **also: Any) -> Refund:
        raise KeyRefused(f"key_not_allowed: {key} {given} {also}")


async def test_a_key_that_is_not_taken_fails_no_payment_and_no_refund(shop: Shop) -> None:
    ada = await shop.join("ada")
    unkeyed = payments.Providers("sandbox", {"sandbox": lambda _database: Unkeyed(shop.bank, [SECRET])})
    till = payments.Till(shop.till.rules, ASSETS, unkeyed)
    paid = await shop.pays(ada.id, 5_000, kind="deposit")
    wanted = payments.NewPayment(key="k", payer_id=ada.id, amount=ledger.USD.money(1_000), method="pm_card_visa")
    row = await payments.begin(shop.database, till, wanted)
    refund = await payments.refund(shop.database, till, payments.NewRefund(key="r", payment_id=paid.id, amount=5_000))
    assert (row.state, refund.state) == ("unknown", "unknown")
    assert await shop.announced("payment.failed", "refund.failed") == []
    await shop.later(minutes=2)
    assert await shop.has(ada.id) == (1_000, 0)
    assert await shop.cleared() == 1_000
    await shop.lawful()
