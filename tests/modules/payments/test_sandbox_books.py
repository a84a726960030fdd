"""Many processes share the sandbox's books: nothing is lost, and nothing is spent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import payments
from souk.modules.payments.sandbox import passing
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.store import Delivery, Kept, MemoryStore, Stale, Store
from souk.modules.payments.sandbox.tables import DatabaseStore

SOME_DAY = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source("payments", payments.MODULE.migrations))


@pytest.fixture
def banks(database: Database, clock: Clock) -> tuple[Bank, Bank]:
    """One bank in two processes."""
    return Bank(DatabaseStore(database), clock.now), Bank(DatabaseStore(database), clock.now)


@pytest.fixture(params=["memory", "tables"])
def store(request: pytest.FixtureRequest, database: Database) -> Store:
    return MemoryStore() if request.param == "memory" else DatabaseStore(database)


async def worked(calls: list[Awaitable[Any]]) -> list[Any]:
    """What came of calls at once, without those that were refused."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [each for each in done if isinstance(each, BaseException) and not isinstance(each, BankError)] == []
    return [each for each in done if not isinstance(each, BaseException)]


async def test_refunds_at_once_never_add_up_to_more_than_was_taken(banks: tuple[Bank, Bank]) -> None:
    paid = await banks[0].create_payment_intent({"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True})
    refunds = await worked([banks[n % 2].create_refund({"payment_intent": paid.id, "amount": 100}) for n in range(8)])
    assert len(refunds) == 5
    assert (await banks[0].retrieve_charge(str(paid.latest_charge))).amount_refunded == 500
    assert len((await banks[1].list_refunds({"payment_intent": paid.id})).data) == 5


async def test_one_key_from_many_at_once_is_one_payment(banks: tuple[Bank, Bank]) -> None:
    asked = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    answers = await worked([banks[n % 2].create_payment_intent(asked, key="k") for n in range(12)])
    assert len(answers) == 12
    assert all(answer == answers[0] for answer in answers)
    assert len((await banks[0].list_payment_intents()).data) == 1
    assert len((await banks[0].list_balance_transactions()).data) == 1


async def test_payouts_at_once_never_take_more_than_there_is(banks: tuple[Bank, Bank]) -> None:
    account = await banks[0].create_account({"email": "bo@example.com"})
    await banks[0].fill_in(account.id)
    await banks[0].create_transfer({"amount": 1000, "currency": "usd", "destination": account.id})
    payouts = await worked([banks[n % 2].create_payout({"amount": 400, "currency": "usd"}, account=account.id) for n in range(5)])
    assert len(payouts) == 2


async def test_what_is_due_is_done_once(banks: tuple[Bank, Bank], clock: Clock) -> None:
    account = await banks[0].create_account({})
    await banks[0].fill_in(account.id, "000111111116")
    await banks[0].create_transfer({"amount": 500, "currency": "usd", "destination": account.id})
    payout = await banks[0].create_payout({"amount": 500, "currency": "usd"}, account=account.id)
    clock.move_to(timedelta(days=1))
    seen = await banks[1].store.due(clock.now(), 5)
    assert [(kept.kind, kept.id) for kept in seen] == [("payout", payout.id)]
    assert await banks[0].work() == 1
    await passing.go_on(banks[1]._counter, seen[0])
    told = (await banks[0].retrieve_payout(payout.id, account=account.id)).status
    assert told == "paid", "whoever comes second does not go on with what only the days after bring"


async def test_what_is_only_read_is_not_kept_again(store: Store, clock: Clock) -> None:
    bank = Bank(store, clock.now)
    customer = await bank.create_customer({"name": "Ada", "metadata": {"z": "1", "a": "2"}})
    asked = {"amount": 500, "currency": "usd", "customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    await worked([bank.create_payment_intent(asked) for _ in range(5)])
    kept = await store.load("customer", customer.id)
    assert kept is not None
    assert kept.version == 1


async def test_nothing_is_kept_over_a_change_that_came_between(store: Store) -> None:
    first = Kept("charge", "ch_1", "", 0, SOME_DAY, None, '{"amount":1}')
    other = Kept("charge", "ch_2", "", 0, SOME_DAY, None, '{"amount":2}')
    event = Delivery("we_1", "evt_1", "{}", SOME_DAY, SOME_DAY)
    await store.save([first], None, [])
    with pytest.raises(Stale):
        await store.save([other, first], None, [event])
    assert await store.load("charge", "ch_2") is None, "all of it, or nothing"
    assert await store.take_deliveries(SOME_DAY, SOME_DAY, 5) == []
    read = await store.load("charge", "ch_1")
    assert read is not None
    await store.save([read], None, [])
    with pytest.raises(Stale):
        await store.save([read], None, [])


async def test_old_keys_are_forgotten(store: Store, clock: Clock) -> None:
    bank = Bank(store, clock.now)
    made = await bank.create_customer({"name": "Ada"}, key="k")
    await store.tidy(clock.now() + timedelta(seconds=1))
    assert await bank.create_customer({"name": "Ada"}, key="k") != made


async def test_a_list_is_read_page_by_page(store: Store, clock: Clock) -> None:
    bank = Bank(store, clock.now)
    made = [(await bank.create_customer({"name": str(n)})).id for n in range(5)]
    page, seen = await bank.list_events({"type": "customer.created", "limit": 2}), []
    while True:
        seen += [event.data.object["id"] for event in page.data]
        if not page.has_more:
            break
        page = await bank.list_events({"type": "customer.created", "limit": 2, "starting_after": page.data[-1].id})
    assert seen == made[::-1]
    with pytest.raises(BankError, match="unknown parameter"):
        await bank.list_events({"colour": "red"})
    with pytest.raises(BankError, match="between 1 and 100"):
        await bank.list_events({"limit": 101})


async def test_answers_are_filled_in(store: Store, clock: Clock) -> None:
    bank = Bank(store, clock.now)
    paid = await bank.create_payment_intent({"amount": "500", "currency": "USD", "payment_method": "pm_card_visa", "confirm": "true"})
    told = await bank.expanded(paid, ["latest_charge.balance_transaction", "payment_method", "customer", "nothing"])
    assert told["latest_charge"]["balance_transaction"]["net"] == 500
    assert told["payment_method"]["card"]["last4"] == "4242"
    assert told["customer"] is None
