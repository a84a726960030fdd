"""Payouts that go wrong: refused, unanswered, sent back, asked for by those who owe. No money is lost by it, and none is paid twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from souk.kernel.db import Tx
from souk.kernel.http import Actor
from souk.kernel.money import Money
from souk.modules import ledger, payments
from souk.modules.payments.outgoing import NewPayout
from souk.modules.payments.payouts import request
from souk.modules.payments.provider import Failure, Misused, Payout, PayoutState
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sending import apply, carry_out_payout, take_due
from tests.modules.payments.conftest import ASSETS, SECRET, Shop
from tests.modules.payments.payees import CLOSED, COMES_BACK, asks, earner, sends, sent_to_bank, state

IN_TRANSIT = payments.PAYOUTS.of(ledger.USD)


async def owes(shop: Shop, person: UUID) -> int:
    return -await shop.total(payments.RECEIVABLE.of(ledger.USD, person))


async def test_a_payout_that_comes_back_days_after_it_was_paid_is_in_the_wallet_again(shop: Shop) -> None:
    worker = await earner(shop, number=COMES_BACK)
    payout = await asks(worker, 5_000)
    await sends(shop)
    await shop.passes(days=1, hours=1)
    assert (await state(shop, payout), await shop.has(worker.id)) == ("paid", (15_000, 0))
    await shop.passes(days=3)
    assert (await state(shop, payout), await shop.has(worker.id)) == ("returned", (20_000, 0))
    listed = (await worker.asks("GET", "/wallet/payouts")).json()["data"]
    assert listed[0]["failure"] == "The bank account could not be located."
    assert await shop.announced("payout.paid", "payout.failed") == ["payout.paid", "payout.failed"]
    assert (await shop.cleared(), await sent_to_bank(shop)) == (20_000, 0)
    await shop.lawful()


async def test_a_payout_that_was_never_paid_is_booked_out_and_back_as_the_bank_does(shop: Shop) -> None:
    worker = await earner(shop, number=CLOSED)
    payout = await asks(worker, 5_000)
    await sends(shop)
    await shop.passes(days=1, hours=1)
    assert (await state(shop, payout), await shop.has(worker.id)) == ("returned", (20_000, 0))
    assert await shop.announced("payout.paid", "payout.failed") == ["payout.failed"]
    kinds = await shop.rows("select kind from journals where reference_id = $1 order by id", UUID(payout["id"]))
    assert kinds == [("payout.requested",), ("payout.left",), ("payout.returned",)]
    await shop.lawful()


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_AFTER, Fault.BUSY])
@pytest.mark.parametrize("call", ["create_transfer", "create_payout"])
async def test_an_answer_that_never_came_is_asked_for_again_and_the_payout_is_sent_once(shop: Shop, fault: Fault, call: str) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    shop.bank.faults.next(fault, call)
    await sends(shop)
    assert await state(shop, payout) == "unknown"
    assert await shop.total(IN_TRANSIT) == 5_000
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)


async def test_the_clock_asks_again(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_transfer")
    await sends(shop)
    await shop.passes(minutes=2)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)


async def test_nobody_asks_again_when_the_provider_has_forgotten_the_key(shop: Shop) -> None:
    worker, sam = await earner(shop), await shop.staff()
    payout = await asks(worker, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_transfer")
    await sends(shop)
    path = f"/admin/payouts/{payout['id']}/reject"
    assert (await sam.asks("POST", path, reason="lost")).json()["error"]["code"] == "PAYOUT_IN_DOUBT"
    shop.clock.move_to(shop.clock.offset + timedelta(hours=23, minutes=30))
    await shop.work()
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("unknown", 0)
    answer = await (await shop.sign_in("sam")).asks("POST", path, reason="It is not in the provider's list.")
    assert answer.json()["data"]["status"] == "declined"
    assert await shop.has(worker.id) == (20_000, 0)
    await shop.lawful()


async def test_a_payout_whose_answer_was_lost_for_days_is_known_by_its_webhook(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    for call in ("create_payout", "update_transfer"):
        shop.bank.faults.next(Fault.TIMEOUT_AFTER, call)
    await sends(shop)
    shop.clock.move_to(shop.clock.offset + timedelta(hours=25))
    await shop.bank.work()
    assert await state(shop, payout) == "unknown"
    await shop.tells()
    assert await state(shop, payout) == "paid"


async def test_what_the_provider_refuses_has_not_left(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_transfer")
    await sends(shop)
    await shop.do("update payouts set recipient_id = 'acct_closed'")
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert (await state(shop, payout), await shop.has(worker.id)) == ("failed", (20_000, 0))
    assert await sent_to_bank(shop) == 0
    await shop.lawful()


class Poor(Sandbox):
    """A provider at which the platform's money has not arrived yet."""

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        raise Misused("balance_insufficient", f"{key}: nothing there for {recipient}: {amount} {metadata}")


async def test_a_payout_for_which_the_platforms_money_is_not_there_yet_waits_for_it(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    poor = payments.Till(shop.till.rules, ASSETS, payments.Providers("sandbox", {"sandbox": lambda _database: Poor(shop.bank, [SECRET])}))
    await shop.database.write(lambda tx: take_due(tx, poor))
    await carry_out_payout(shop.database, poor, UUID(payout["id"]))
    assert (await state(shop, payout), await shop.total(IN_TRANSIT)) == ("approved", 5_000)
    await sends(shop)
    assert await state(shop, payout) == "approved"
    await shop.passes(hours=7)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)


async def test_a_debt_is_kept_back_from_the_next_payout(shop: Shop) -> None:
    ada, worker = await shop.join("ada"), await earner(shop, amount=0)
    row = await shop.released(await shop.escrow(ada.id, worker.id))
    await asks(worker, 9_000)
    await shop.refunds(row, 4_000)
    assert await owes(shop, worker.id) == 4_000
    await shop.pays(worker.id, 10_000, kind="deposit")
    refused = await asks(worker, 3_000, status=409)
    assert (refused["code"], refused["details"]) == ("OWES_MORE", {"owed": 3_000})
    payout = await asks(worker, 6_000)
    assert (payout["amount"], payout["netted"]) == (2_000, 4_000)
    assert (await owes(shop, worker.id), await shop.has(worker.id)) == (0, (4_000, 0))
    assert await shop.total(IN_TRANSIT) == 11_000
    await shop.lawful()


async def test_of_money_that_comes_back_what_is_owed_is_kept(shop: Shop) -> None:
    ada, worker = await shop.join("ada"), await earner(shop, amount=0, number=COMES_BACK)
    row = await shop.released(await shop.escrow(ada.id, worker.id))
    payout = await asks(worker, 9_000)
    await sends(shop)
    await shop.refunds(row, 4_000)
    await shop.passes(days=1, hours=1)
    await shop.passes(days=3)
    assert await state(shop, payout) == "returned"
    assert (await owes(shop, worker.id), await shop.has(worker.id)) == (0, (5_000, 0))
    await shop.lawful()


READINGS = (PayoutState.PENDING, PayoutState.PAID, PayoutState.FAILED)
ORDERS = sorted({(*order, again) for length in (2, 3) for order in permutations(READINGS, length) for again in order})


async def test_however_the_answers_about_a_payout_come_the_ledger_is_the_same(shop: Shop) -> None:
    """Every order of all that a payout ever read like, with some of it twice, and some of it never."""
    worker = await earner(shop, amount=90_000)
    by = Actor(worker.id, frozenset(), worker.id, "sample")
    ends: dict[bool, set[Any]] = {True: set(), False: set()}
    for number, order in enumerate(ORDERS):
        failed = PayoutState.FAILED in order

        async def live(tx: Tx, number: int = number, order: tuple[PayoutState, ...] = order) -> UUID:
            payout = await request(tx, shop.till, by, NewPayout(1_000), f"key {number}")
            for reading in order:
                failure = Failure("no_account", "no such account") if reading is PayoutState.FAILED else None
                told = Payout(f"po_{number}", "acct", Money(1_000, "USD"), reading, failure)
                await apply(tx, till=shop.till, payout_id=payout.id, told=told)
            return payout.id

        payout_id = await shop.database.write(live)
        rows = await shop.rows(
            """select o.state::text, j.kind, a.purpose, e.amount from payouts o join journals j on j.reference_id = o.id
               join entries e on e.journal_id = j.id join accounts a on a.id = e.account_id where o.id = $1 order by j.kind, a.purpose""",
            payout_id,
        )
        ends[failed].add(tuple(rows))
    assert {failed: len(found) for failed, found in ends.items()} == {True: 1, False: 1}
    assert {row[0] for found in ends.values() for rows in found for row in rows} == {"paid", "returned"}
    await shop.lawful()
