"""Daily reconciliation: the bank's books beside the ledger. What does not agree is found, kept, and closed when it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from souk.kernel.money import Money
from souk.modules import ledger, payments
from souk.modules.payments.books import Differences, lines_of
from souk.modules.payments.provider import Booking
from souk.modules.payments.reconciliation import reconcile
from souk.modules.payments.sandbox import objects as o
from tests.modules.payments.conftest import Shop
from tests.modules.payments.payees import COMES_BACK, asks, earner, sends

FEES = payments.PROVIDER_FEES.of(ledger.USD)


def today(shop: Shop) -> date:
    return shop.clock.now().astimezone(UTC).date()


async def compares(shop: Shop) -> None:
    """A day goes by, and its books are compared."""
    await shop.passes(days=1)


async def open_ones(shop: Shop) -> list[tuple[Any, ...]]:
    """What provider and ledger do not agree on."""
    return await shop.rows(
        "select kind::text, what, there, here from reconciliation_differences where explained_at is null order by what, there, here"
    )


async def test_a_day_on_which_everything_happened_agrees(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await earner(shop, number=COMES_BACK)
    await shop.pays(ada.id, 7_000, kind="deposit")
    row = await shop.escrow(ada.id, will.id)
    await shop.refunds(row, 2_000)
    other = await shop.released(await shop.escrow(ada.id, will.id, key="another"))
    dispute = await shop.bank.open_dispute(other.provider_id or "")
    await asks(will, 5_000)
    await sends(shop)
    await shop.tells()
    await shop.bank.decide_dispute(dispute.id, won=True)
    await shop.tells()
    for _ in range(5):
        await compares(shop)
    assert await open_ones(shop) == []
    assert await shop.rows("select count(*) from reconciliation_differences") == [(0,)]
    ((days, bookings, movements, matched),) = await shop.rows(
        "select count(*), sum(bookings), sum(movements), sum(matched) from reconciliations"
    )
    assert (days, bookings > 8, movements > 8, matched > 8) == (5, True, True, True)
    assert await shop.rows("select state::text from payouts") == [("returned",)]
    await shop.lawful()


async def test_what_the_market_never_heard_of_is_found_and_closed_when_it_does(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 7_000, method=None, kind="deposit")
    await shop.bank.confirm_payment_intent(row.provider_id or "", {"payment_method": "pm_card_visa"})
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    assert await open_ones(shop) == [("missing_here", "payment", 7_000, 0)]
    await shop.confirms(ada, row.id)
    await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=1))
    assert await open_ones(shop) == []
    assert await shop.rows("select explanation, explained_by from reconciliation_differences") == [("Both agree now.", None)]


async def test_what_the_provider_does_not_have_is_found(shop: Shop) -> None:
    ada = await shop.join("ada")
    clearing, wallet = payments.clearing("sandbox").of(ledger.USD), ledger.WALLET.of(ledger.USD, ada.id)
    await shop.database.write(lambda tx: ledger.post(tx, ledger.transfer("by hand", "gift", clearing, [(wallet, 500)])))
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    assert await open_ones(shop) == [("missing_there", "gift", 0, 500)]


async def test_another_amount_is_found_and_explained_by_staff(shop: Shop) -> None:
    ada, sam = await shop.join("ada"), await shop.staff()
    row = await shop.pays(ada.id, 7_000, kind="deposit")
    await changes_books(shop, row.provider_id or "", by=-100)
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    (found,) = (await sam.asks("GET", "/admin/reconciliation/differences?status=open")).json()["data"]
    assert (found["kind"], found["there"], found["here"], found["referenceId"]) == ("amount", 6_900, 7_000, str(row.id))
    path = f"/admin/reconciliation/differences/{found['id']}/explain"
    said = (await sam.asks("POST", path, explanation="The provider's own correction.")).json()["data"]
    assert said["explainedBy"] == str(sam.id)
    assert (await sam.asks("POST", path, explanation="Again.")).json()["error"]["code"] == "DIFFERENCE_EXPLAINED"
    assert (await ada.asks("POST", path, explanation="Mine.")).status_code == 403
    await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=1))
    assert await open_ones(shop) == [], "what is explained stays explained"
    days = (await sam.asks("GET", "/admin/reconciliation")).json()["data"]
    assert [(each["differences"], each["unexplained"]) for each in days] == [(0, 0), (1, 0)]
    assert await shop.rows("select count(*) from audit_entries where action = 'difference.explained'") == [(1,)]


async def changes_books(shop: Shop, intent: str, by: int) -> None:
    """The bank books something else than it said."""
    charge = (await shop.bank.list_charges({"payment_intent": intent})).data[0]
    kept = await shop.bank.store.load("balance_transaction", charge.balance_transaction)
    assert kept is not None
    line = msgspec.json.decode(kept.content, type=o.BalanceTransaction)
    line.amount += by
    kept.content = msgspec.json.encode(line).decode()


async def test_a_chargeback_that_no_webhook_told_of_is_booked_from_the_books(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    await shop.bank.open_dispute(row.provider_id or "")
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    assert (await shop.payment(row.id)).disputed == 10_000
    assert await open_ones(shop) == []


async def test_a_payout_on_its_way_is_no_difference_until_it_should_have_arrived(shop: Shop) -> None:
    will = await earner(shop)
    await asks(will, 5_000)
    await sends(shop)
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    assert await open_ones(shop) == []
    await shop.do("update payouts set sent_at = sent_at - interval '5 days'")
    await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=1))
    assert await open_ones(shop) == [("missing_here", "payout", -5_000, 0)]


async def test_after_a_pause_every_day_is_made_up_for(shop: Shop) -> None:
    ada = await shop.join("ada")
    await shop.pays(ada.id, 7_000, kind="deposit")
    first = today(shop)
    shop.clock.move_to(shop.clock.offset + timedelta(days=5))
    await shop.tells()
    await shop.work()
    assert await shop.rows("select day from reconciliations order by day") == [(first + timedelta(days=number),) for number in range(5)]
    assert await open_ones(shop) == []


async def test_a_day_is_compared_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    await shop.pays(ada.id, 7_000, kind="deposit")
    for _ in range(2):
        await reconcile(shop.database, shop.till, "sandbox", today(shop))
    assert await shop.rows("select bookings, movements, matched from reconciliations") == [(1, 1, 1)]


async def test_what_the_provider_takes_for_itself_is_booked_from_its_books(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 7_000, kind="deposit")
    charge = (await shop.bank.list_charges({"payment_intent": row.provider_id or ""})).data[0]
    kept = await shop.bank.store.load("balance_transaction", charge.balance_transaction)
    assert kept is not None
    line = msgspec.json.decode(kept.content, type=o.BalanceTransaction)
    line.fee = 230
    kept.content = msgspec.json.encode(line).decode()
    for number in range(2):
        await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=number))
    assert await shop.total(FEES) == -230, "once, though its line is read twice"
    assert await shop.cleared() == 6_770
    assert await open_ones(shop) == []


async def test_the_metrics_know_how_many_are_open_and_how_many_of_them_for_days(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 7_000, method=None, kind="deposit")
    await shop.bank.confirm_payment_intent(row.provider_id or "", {"payment_method": "pm_card_visa"})
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    seen = shop.resources[Differences]
    gauges = {name: read for name, (_about, read) in seen.gauges().items()}
    shop.clock.move_to(shop.clock.offset + timedelta(minutes=11))
    await shop.work()
    assert [read() for read in gauges.values()] == [1, 0]
    await shop.do("update reconciliation_differences set found_at = found_at - interval '4 days'")
    shop.clock.move_to(shop.clock.offset + timedelta(minutes=11))
    await shop.work()
    assert [read() for read in gauges.values()] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "amount", "fee", "kept"),
    [
        ("payment", 100, 3, [("payment", 100), ("fee", -3)]),
        ("dispute", -100, 15, [("dispute", -100), ("dispute_fee", -15)]),
        ("dispute_reversal", 100, 0, [("dispute", 100)]),
        ("payout_failure", 100, 0, [("payout", 100)]),
        ("dispute_fee", -15, 0, [("dispute_fee", -15)]),
        ("withdrawal", -100, 0, [("withdrawal", -100)]),
    ],
)
def test_what_is_kept_of_a_line(kind: str, amount: int, fee: int, kept: list[tuple[str, int]]) -> None:
    booking = Booking("txn_1", kind, "thing_1", Money(amount, "USD"), fee, datetime(2026, 1, 1, tzinfo=UTC))
    assert [(line.what, line.amount) for line in lines_of([booking])] == kept
