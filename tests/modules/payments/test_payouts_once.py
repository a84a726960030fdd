"""A payout leaves once: whoever sends it how often, whatever breaks off where, and however late somebody comes back to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from souk.kernel.money import Money
from souk.modules import payments
from souk.modules.payments.outgoing import NOT_SENT
from souk.modules.payments.payout_jobs import ask_again_for_payouts, look_after_payouts
from souk.modules.payments.provider import KeyRefused, Misused, Payout, Recipient
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sending import carry_out_payout, take_due
from tests.modules.payments.conftest import ASSETS, SECRET, Shop
from tests.modules.payments.payees import asks, closes, earner, recipient_of, sends, sent_to_bank, state

LOST = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY)
STEPS = ("create_transfer", "create_payout", "update_transfer")
READS = ("retrieve_account", "retrieve_transfer")


def through(shop: Shop, sandbox: Sandbox) -> payments.Till:
    """The market's till, with another provider behind it."""
    return payments.Till(shop.till.rules, ASSETS, payments.Providers("sandbox", {"sandbox": lambda _database: sandbox}))


async def takes(shop: Shop, payout: dict[str, Any]) -> UUID:
    """What is due is put together; nobody has called yet."""
    await shop.database.write(lambda tx: take_due(tx, shop.till))
    return UUID(payout["id"])


async def hours(shop: Shop, count: float) -> None:
    """Time passes, in which nobody works."""
    shop.clock.move_to(shop.clock.offset + timedelta(hours=count))


@pytest.mark.parametrize("fault", [None, *LOST])
async def test_twenty_who_send_one_payout_send_it_once(shop: Shop, fault: Fault | None) -> None:
    worker = await earner(shop)
    payout_id = await takes(shop, await asks(worker, 5_000))
    if fault is not None:
        for step in STEPS:
            shop.bank.faults.next(fault, step)
    rows = await asyncio.gather(*(carry_out_payout(shop.database, shop.till, payout_id) for _ in range(20)))
    assert {str(row.state) for row in rows} <= {"unknown", "sent"}
    row = await carry_out_payout(shop.database, shop.till, payout_id)
    assert (row.state, row.calls, await sent_to_bank(shop)) == ("sent", 1, 5_000)
    assert len((await shop.bank.list_payouts(account=row.recipient_id)).data) == 1
    await shop.lawful()


@pytest.mark.parametrize("call", [*STEPS, *READS])
async def test_whatever_answer_is_lost_the_clock_comes_back_to_it(shop: Shop, call: str) -> None:
    worker = await earner(shop, amount=30_000)
    faults = LOST if call in STEPS else (Fault.TIMEOUT_BEFORE, Fault.BUSY)
    for number, fault in enumerate(faults, start=1):
        payout = await asks(worker, 1_000)
        shop.bank.faults.next(fault, call)
        await sends(shop)
        assert await state(shop, payout) in {"approved", "unknown"}, (fault, call)
        await hours(shop, 0.05)
        await ask_again_for_payouts(shop.database, shop.till)
        assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", number * 1_000), (fault, call)
    await shop.lawful()


class Dying(Sandbox):
    """A provider in the middle of whose call the process dies: before anything happened, or after all of it."""

    after = False

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        if self.after:
            await super().pay_out(key, recipient, amount, metadata=metadata)
        raise SystemExit


@pytest.mark.parametrize("after", [False, True])
async def test_a_process_that_dies_around_the_call_leaves_it_to_the_clock(shop: Shop, *, after: bool) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    payout_id, dying = await takes(shop, payout), Dying(shop.bank, [SECRET])
    dying.after = after
    with pytest.raises(SystemExit):
        await carry_out_payout(shop.database, through(shop, dying), payout_id)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("unknown", 5_000 if after else 0)
    await hours(shop, 0.05)
    await ask_again_for_payouts(shop.database, shop.till)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)
    await shop.lawful()


async def test_a_process_that_dies_before_it_has_begun_leaves_it_to_the_clock(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    await takes(shop, payout)
    await hours(shop, 0.05)
    await ask_again_for_payouts(shop.database, shop.till)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)


async def test_one_key_from_many_at_once_is_one_payout(shop: Shop) -> None:
    worker = await earner(shop)
    answers = await asyncio.gather(
        *(worker.client.post("/wallet/payouts", json={"amount": 5_000}, headers={"Idempotency-Key": "one"}) for _ in range(12))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["data"]["id"] for answer in answers if answer.is_success}) == 1
    assert await shop.has(worker.id) == (15_000, 0)


async def test_many_at_once_take_out_no_more_than_there_is(shop: Shop) -> None:
    worker = await earner(shop, amount=20_000)
    answers = await asyncio.gather(*(worker.client.post("/wallet/payouts", json={"amount": 3_000}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [422] * 6
    assert await shop.has(worker.id) == (2_000, 0)
    await shop.lawful()


async def test_who_cancels_while_it_is_sent_gets_it_back_or_has_it_sent(shop: Shop) -> None:
    worker = await earner(shop, amount=30_000)
    for _ in range(6):
        payout = await asks(worker, 2_000)
        before = await sent_to_bank(shop)
        answer, _ = await asyncio.gather(worker.asks("POST", f"/wallet/payouts/{payout['id']}/cancel"), sends(shop))
        await shop.work()
        left = await sent_to_bank(shop) - before
        assert (answer.is_success, await state(shop, payout), left) in [(True, "canceled", 0), (False, "sent", 2_000)]
    await shop.lawful()


# Keys


class Unkeyed(Sandbox):
    """A provider that does not take the market's key."""

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        raise KeyRefused(f"key_refused: {key} {recipient} {amount} {metadata}")


class Unknowing(Unkeyed):
    """One that does not even tell of accounts."""

    async def recipient(self, recipient: str) -> Recipient:
        raise KeyRefused(f"key_not_allowed: {recipient}")


class Reworded(Sandbox):
    """A provider that was asked for the same in other words, under the same key."""

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        raise Misused("idempotency_error", f"{key} {recipient} {amount} {metadata}")


@pytest.mark.parametrize(("kind", "stands"), [(Unkeyed, "unknown"), (Unknowing, "approved"), (Reworded, "unknown")])
async def test_a_key_that_is_not_taken_fails_no_payout(shop: Shop, kind: type[Sandbox], stands: str) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    payout_id = await takes(shop, payout)
    for _ in range(2):
        await carry_out_payout(shop.database, through(shop, kind(shop.bank, [SECRET])), payout_id)
    assert (await state(shop, payout), await shop.has(worker.id)) == (stands, (15_000, 0))
    assert await shop.announced("payout.failed") == []
    await carry_out_payout(shop.database, shop.till, payout_id)
    assert (await state(shop, payout), await sent_to_bank(shop)) == ("sent", 5_000)


@pytest.mark.parametrize(
    ("faults", "ends", "left"),
    [
        ({"create_payout": Fault.TIMEOUT_AFTER}, "sent", 5_000),
        ({"update_transfer": Fault.TIMEOUT_BEFORE}, "sent", 5_000),
        ({"create_payout": Fault.TIMEOUT_BEFORE}, "failed", 0),
        ({"create_transfer": Fault.TIMEOUT_AFTER}, "failed", 0),
        ({"create_transfer": Fault.TIMEOUT_BEFORE}, "failed", 0),
    ],
)
async def test_what_nobody_knew_for_a_day_is_looked_for_and_never_sent_again(
    shop: Shop, faults: dict[str, Fault], ends: str, left: int
) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    for call, fault in faults.items():
        shop.bank.faults.next(fault, call)
    await sends(shop)
    await shop.bank.store.tidy(shop.clock.now())
    before = await sent_to_bank(shop)
    await hours(shop, 23.5)
    for work in (ask_again_for_payouts, look_after_payouts):
        await work(shop.database, shop.till)
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert await sent_to_bank(shop) == before
    assert await state(shop, payout) == "unknown", "a call may be on its way for an hour still"
    await hours(shop, 1)
    for work in (ask_again_for_payouts, look_after_payouts, look_after_payouts):
        await work(shop.database, shop.till)
    assert (await state(shop, payout), await sent_to_bank(shop)) == (ends, left)
    assert await shop.has(worker.id) == (20_000 - left, 0)
    assert await shop.announced("payout.failed") == ([] if left else ["payout.failed"])
    await shop.lawful()


async def test_what_cannot_be_looked_for_stays_lost(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_payout")
    await sends(shop)
    await hours(shop, 25)
    shop.bank.faults.next(Fault.BUSY, "list_payouts")
    await look_after_payouts(shop.database, shop.till)
    assert await state(shop, payout) == "unknown"
    await look_after_payouts(shop.database, shop.till)
    assert await state(shop, payout) == "sent"


# Refused


async def test_a_refused_payout_gives_the_money_back_once(shop: Shop) -> None:
    worker = await earner(shop)
    payout = await asks(worker, 5_000)
    payout_id = await takes(shop, payout)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_transfer")
    await carry_out_payout(shop.database, shop.till, payout_id)
    await closes(shop, await recipient_of(shop, worker.id))
    await asyncio.gather(*(carry_out_payout(shop.database, shop.till, payout_id) for _ in range(20)))
    assert (await state(shop, payout), await shop.has(worker.id)) == ("failed", (20_000, 0))
    seen = (await worker.asks("GET", f"/wallet/payouts/{payout['id']}")).json()["data"]
    assert (seen["status"], seen["failure"]) == ("failed", NOT_SENT), "the provider's own words are not for everybody"
    assert await shop.announced("payout.failed") == ["payout.failed"]
    assert await sent_to_bank(shop) == 0
    await shop.lawful()
