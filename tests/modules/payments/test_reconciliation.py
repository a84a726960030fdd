"""Daily reconciliation: the bank's books beside the ledger. What does not agree is found, kept, and closed when it does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from souk.kernel.money import Money
from souk.modules import ledger, payments
from souk.modules.payments.books import Differences, lines_of
from souk.modules.payments.provider import Booking
from souk.modules.payments.reconciliation import reconcile
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.sending import carry_out_payout
from tests.modules.payments.conftest import Shop
from tests.modules.payments.payees import COMES_BACK, asks, closes, earner, recipient_of, sends, state

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


async def test_a_payout_that_arrived_before_its_day_was_compared_is_none_either(shop: Shop) -> None:
    will = await earner(shop, number=COMES_BACK)
    payout, sent_on = await asks(will, 5_000), today(shop)
    await sends(shop)
    await until(shop, hour=23)
    await shop.tells()
    await shop.passes(days=1, hours=3)
    assert await state(shop, payout) == "paid"
    for number in range(5):
        await reconcile(shop.database, shop.till, "sandbox", sent_on + timedelta(days=number))
    await shop.passes(days=4)
    assert await state(shop, payout) == "returned"
    assert await shop.rows("select * from reconciliation_differences") == []


async def until(shop: Shop, hour: int, minute: int = 0) -> None:
    """The next time that it is so late; nobody works meanwhile."""
    now = shop.clock.now()
    then = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    shop.clock.move_to(shop.clock.offset + (then - now) % timedelta(days=1))


async def test_what_both_book_around_midnight_is_no_difference(shop: Shop) -> None:
    ada = await shop.join("ada")
    early = await shop.pays(ada.id, 7_000, method=None, kind="deposit")
    kept = await shop.pays(ada.id, 3_000, kind="deposit")
    await until(shop, hour=23, minute=59)
    day = today(shop)
    await shop.bank.confirm_payment_intent(early.provider_id or "", {"payment_method": "pm_card_visa"})
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_refund")
    refund = await shop.refunds(kept, 3_000)
    shop.clock.move_to(shop.clock.offset + timedelta(minutes=5))
    assert day < today(shop)
    await shop.confirms(ada, early.id)
    await payments.carry_out_refund(shop.database, shop.till, refund.id)
    for number in range(2):
        await reconcile(shop.database, shop.till, "sandbox", day + timedelta(days=number))
    assert await shop.rows("select * from reconciliation_differences") == []
    assert await shop.cleared() == 7_000


async def test_a_refused_payout_whose_money_came_back_is_nothing_in_the_end(shop: Shop) -> None:
    will = await earner(shop)
    payout = await asks(will, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_transfer")
    await sends(shop)
    await closes(shop, await recipient_of(shop, will.id))
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert await state(shop, payout) == "failed"
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    lines = await shop.rows("select kind, what, source, amount from provider_bookings where what = 'payout' order by amount")
    assert lines == [("payout", "payout", payout["id"], -5_000), ("payout_failure", "payout", payout["id"], 5_000)]
    assert await shop.rows("select * from reconciliation_differences") == []
    await shop.lawful()


@pytest.mark.parametrize(
    ("step", "found"), [("create_payout", []), ("update_transfer", [("missing_here", "payout", -5_000, 0)])], ids=["ours", "theirs"]
)
async def test_a_payout_of_which_nobody_knows_yet_agrees_when_it_is_known(shop: Shop, step: str, found: list[Any]) -> None:
    """Until then the books may have it under our id, or under a name that nobody here has heard."""
    will = await earner(shop)
    payout = await asks(will, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, step)
    await sends(shop)
    day = today(shop)
    await reconcile(shop.database, shop.till, "sandbox", day)
    assert (await state(shop, payout), await open_ones(shop)) == ("unknown", found)
    await carry_out_payout(shop.database, shop.till, UUID(payout["id"]))
    assert await state(shop, payout) == "sent"
    await reconcile(shop.database, shop.till, "sandbox", day + timedelta(days=1))
    assert await shop.rows("select explanation from reconciliation_differences") == [("Both agree now.",)] * len(found)
    await shop.passes(days=1, hours=1)
    await shop.do("update provider_bookings set amount = amount - 1 where what = 'payout'")
    await reconcile(shop.database, shop.till, "sandbox", day + timedelta(days=2))
    assert await open_ones(shop) == [("amount", "payout", -5_001, -5_000)], "under whatever name, it is one matter"


async def test_a_payout_that_left_although_its_money_was_given_back_is_found(shop: Shop) -> None:
    will = await earner(shop)
    payout = await asks(will, 5_000)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_payout")
    await sends(shop)
    shop.clock.move_to(shop.clock.offset + timedelta(hours=23, minutes=30))
    sam = await shop.staff()
    assert (await sam.asks("POST", f"/admin/payouts/{payout['id']}/reject", reason="Overlooked.")).is_success
    for number in range(2):
        await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=number))
    assert await open_ones(shop) == [("missing_here", "payout", -5_000, 0)]


async def test_what_was_explained_and_differs_otherwise_since_is_found_again(shop: Shop) -> None:
    ada, sam = await shop.join("ada"), await shop.staff()
    row = await shop.pays(ada.id, 7_000, kind="deposit")
    await changes_books(shop, row.provider_id or "", by=-100)
    await reconcile(shop.database, shop.till, "sandbox", today(shop))
    (found,) = (await sam.asks("GET", "/admin/reconciliation/differences")).json()["data"]
    await sam.asks("POST", f"/admin/reconciliation/differences/{found['id']}/explain", explanation="A known correction.")
    await shop.do("update provider_bookings set amount = amount - 50 where what = 'payment'")
    await reconcile(shop.database, shop.till, "sandbox", today(shop) + timedelta(days=1))
    assert await open_ones(shop) == [("amount", "payment", 6_850, 7_000)]
    explained = (await sam.asks("GET", "/admin/reconciliation/differences?status=explained")).json()
    assert [(each["explanation"], each["there"]) for each in explained["data"]] == [("A known correction.", 6_900)]
    strange = await sam.asks("POST", f"/admin/reconciliation/differences/{row.id}/explain", explanation="What?")
    assert strange.json()["error"]["code"] == "DIFFERENCE_NOT_FOUND"
    for path in ("/admin/reconciliation", "/admin/reconciliation/differences"):
        assert (await ada.asks("GET", path)).status_code == 403


async def test_after_a_pause_every_day_is_made_up_for(shop: Shop) -> None:
    ada = await shop.join("ada")
    await shop.pays(ada.id, 7_000, kind="deposit")
    first = today(shop)
    await shop.passes(days=5)
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
    await shop.later(minutes=11)
    assert [read() for read in gauges.values()] == [1, 0]
    await shop.do("update reconciliation_differences set found_at = found_at - interval '4 days'")
    await shop.later(minutes=11)
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
