"""Money goes back: out of the escrow, the payer's wallet or the payee's, whole or in parts; and comes back when it did not arrive."""

from __future__ import annotations

import asyncio

import pytest

from souk.modules import ledger, payments
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.conftest import Shop

USD = ledger.USD


async def test_an_escrow_goes_back_in_parts_and_the_rest_is_released(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    assert await shop.has(ada.id) == (0, 10_000)
    for amount in (2_000, 1_000):
        assert (await shop.refunds(row, amount)).state == "succeeded"
    assert await shop.has(ada.id) == (0, 7_000)
    released = await shop.released(row)
    assert (released.held, released.released, released.fee_taken) == (0, 6_000, 1_000)
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 0), (6_000, 0)]
    assert await shop.total(ledger.FEES.of(USD)) == 1_000
    assert await shop.cleared() == 7_000
    with pytest.raises(payments.NothingHeld):
        await shop.released(row)
    assert await shop.announced("payment.refunded") == ["payment.refunded"] * 2
    await shop.tells()
    await shop.lawful()


async def test_never_more_goes_back_than_came_in_however_many_ask_at_once(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    asked = [shop.refunds(row, 3_000, key=f"k{number}") for number in range(6)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, payments.RefundTooLarge)]
    assert (len(refused), {refusal.refundable for refusal in refused}) == (3, {1_000})
    assert (await shop.refunds(row, 1_000)).state == "succeeded"
    assert (await shop.payment(row.id)).refunded == 10_000
    assert (await shop.has(ada.id), await shop.cleared()) == ((0, 0), 0)
    await shop.lawful()


async def test_a_refund_repeated_with_its_key_is_one(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    first = await asyncio.gather(*(shop.refunds(row, 3_000, key="k") for _ in range(5)))
    assert len({refund.id for refund in first}) == 1
    with pytest.raises(ledger.IdempotencyConflict):
        await shop.refunds(row, 3_001, key="k")
    assert await shop.cleared() == 7_000


async def test_staff_send_back_what_was_released_and_the_payee_owes_what_is_spent(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    row = await shop.escrow(ada.id, bo.id)
    await shop.released(row)
    assert await shop.has(bo.id) == (9_000, 0)
    path = f"/payments/{row.id}/refund"
    part = await sam.asks("POST", path, amount=4_000, feeReturned=True, reason="Half of it was not done.")
    assert part.status_code == 201, part.text
    assert (part.json()["data"]["amount"], part.json()["data"]["feeReturned"], part.json()["data"]["status"]) == (4_000, 400, "succeeded")
    assert await shop.has(bo.id) == (5_400, 0)
    await shop.database.write(
        lambda tx: ledger.post(tx, ledger.transfer("spent", "test", ledger.WALLET.of(USD, bo.id), [(ledger.SPENT.of(USD), 5_000)]))
    )
    rest = await sam.asks("POST", path, feeReturned=True, reason="Nor the rest.")
    assert (rest.json()["data"]["amount"], rest.json()["data"]["feeReturned"]) == (6_000, 600)
    assert await shop.has(bo.id) == (0, 0)
    assert await shop.total(payments.RECEIVABLE.of(USD, bo.id)) == -5_000
    assert await shop.total(ledger.FEES.of(USD)) == 0
    assert (await sam.asks("POST", path, amount=1)).json()["error"] == {
        "code": "REFUND_TOO_LARGE",
        "message": "`amount` may be 0 at most (in minor units): so much of this payment can still be sent back.",
        "details": {"refundable": 0},
    }
    assert (await ada.asks("POST", path, amount=1)).status_code == 403
    assert [action for (action,) in await shop.rows("select action from audit_entries order by at, id") if "refund" in action] == [
        "payment.refunded"
    ] * 2
    await shop.tells()
    await shop.lawful()


async def test_the_fee_stays_where_nobody_says_otherwise(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    await shop.released(row)
    await shop.refunds(row, 10_000)
    assert await shop.total(ledger.FEES.of(USD)) == 1_000
    assert await shop.has(bo.id) == (0, 0)
    assert await shop.total(payments.RECEIVABLE.of(USD, bo.id)) == -1_000
    await shop.lawful()


async def test_a_deposit_goes_back_as_far_as_it_is_there(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 10_000, kind="deposit")
    spent = ledger.transfer("spent", "test", ledger.WALLET.of(USD, ada.id), [(ledger.SPENT.of(USD), 7_000)])
    await shop.database.write(lambda tx: ledger.post(tx, spent))
    with pytest.raises(ledger.InsufficientFunds):
        await shop.refunds(row, 3_001)
    assert (await shop.refunds(row, 3_000)).state == "succeeded"
    assert await shop.has(ada.id) == (0, 0)
    await shop.lawful()


async def test_what_never_came_in_cannot_go_back(shop: Shop) -> None:
    ada, sam = await shop.join("ada"), await shop.staff()
    begun = await shop.deposits(ada, 5000)
    answer = await sam.asks("POST", f"/payments/{begun['paymentId']}/refund", amount=100)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "NOT_CAPTURED")


@pytest.mark.parametrize("released", [False, True])
async def test_a_refund_that_fails_later_is_where_it_came_from(shop: Shop, released: bool) -> None:  # noqa: FBT001 - told by pytest
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id, method="pm_card_refundFail")
    if released:
        await shop.released(row)
    before = [await shop.has(who.id) for who in (ada, bo)]
    whole = await shop.refunds(row, 10_000, fee_returned=1_000 if released else 0)
    assert whole.state == "succeeded"
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 0), (0, 0)]
    await shop.bank.fail_refund(whole.provider_id)
    await shop.passes(days=3)
    assert [await shop.has(who.id) for who in (ada, bo)] == before
    row = await shop.payment(row.id)
    assert (row.refunded, row.held, row.fee_returned) == (0, 0 if released else 10_000, 0)
    assert await shop.announced("payment.refunded", "refund.failed") == ["payment.refunded", "refund.failed"]
    await shop.lawful()


async def test_a_refund_that_fails_joins_what_is_still_held(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id, method="pm_card_refundFail")
    part = await shop.refunds(row, 4_000)
    await shop.refunds(row, 1_000)
    await shop.bank.fail_refund(part.provider_id)
    await shop.tells()
    assert (await shop.payment(row.id)).held == 9_000
    await shop.released(row)
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 0), (8_000, 0)]
    await shop.lawful()


async def test_a_debt_that_was_paid_and_is_none_any_more_is_the_payee_s_again(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id, method="pm_card_refundFail")
    await shop.released(row)
    wallet, owing = ledger.WALLET.of(USD, bo.id), payments.RECEIVABLE.of(USD, bo.id)
    await shop.database.write(lambda tx: ledger.post(tx, ledger.transfer("spent", "test", wallet, [(ledger.SPENT.of(USD), 9_000)])))
    refund = await shop.refunds(row, 5_000)
    assert (refund.owed, await shop.total(owing)) == (5_000, -5_000)
    await shop.database.write(lambda tx: ledger.post(tx, ledger.transfer("earned", "test", ledger.FEES.of(USD), [(wallet, 6_000)])))
    await shop.database.write(lambda tx: ledger.post(tx, ledger.transfer("netted", "test", wallet, [(owing, 5_000)])))
    await shop.bank.fail_refund(refund.provider_id)
    await shop.tells()
    assert (await shop.has(bo.id), await shop.total(owing)) == ((6_000, 0), 0)
    await shop.lawful()


async def test_a_refund_whose_answer_is_lost_is_sent_once(shop: Shop) -> None:
    faults = [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY]
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    for fault in faults:
        row = await shop.escrow(ada.id, bo.id, key=fault)
        shop.bank.faults.next(fault, "create_refund")
        assert (await shop.refunds(row, 4_000)).state == "unknown"
    await shop.tells()
    await shop.later(minutes=2)
    await shop.later(minutes=1)
    assert await shop.rows("select state, provider_id is not null from refunds") == [("succeeded", True)] * len(faults)
    assert [each.amount for each in (await shop.bank.list_refunds({})).data] == [4_000] * len(faults)
    assert (await shop.has(ada.id), await shop.cleared()) == ((0, 30_000), 30_000)
    assert await shop.rows("select event_id from webhook_events where processed_at is null") == []
    await shop.lawful()


async def test_a_refund_fails_before_it_is_known_that_it_was_sent(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER, "create_refund")
    await shop.refunds(row, 4_000)
    await shop.bank.fail_refund((await shop.bank.list_refunds({})).data[0].id)
    await shop.tells()
    for _ in range(2):
        await shop.later(minutes=2)
    assert await shop.rows("select state from refunds") == [("failed",)]
    assert (await shop.has(ada.id), await shop.cleared()) == ((0, 10_000), 10_000)
    await shop.lawful()


@pytest.mark.parametrize("happened", [False, True])
async def test_a_refund_of_which_nobody_knew_for_days_is_not_sent_twice(shop: Shop, happened: bool) -> None:  # noqa: FBT001 - told by pytest
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    await shop.refunds(row, 1_000)
    shop.bank.faults.next(Fault.TIMEOUT_AFTER if happened else Fault.TIMEOUT_BEFORE, "create_refund")
    await shop.refunds(row, 4_000)
    await shop.bank.store.tidy(shop.clock.now())
    await shop.later(days=3)
    assert sorted(await shop.rows("select amount, state from refunds")) == [(1_000, "succeeded"), (4_000, "succeeded")]
    assert sorted(each.amount for each in (await shop.bank.list_refunds({})).data) == [1_000, 4_000]
    await shop.lawful()


async def test_a_refund_that_the_provider_refuses_is_taken_back(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    await shop.bank.create_refund({"payment_intent": row.provider_id, "amount": "8000"})
    refund = await shop.refunds(row, 4_000)
    assert refund.state == "failed"
    assert (await shop.has(ada.id), await shop.cleared()) == ((0, 10_000), 10_000)
    assert (await shop.payment(row.id)).refunded == 0
    await shop.lawful()


async def test_a_slow_refund_arrives(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id, method="pm_card_pendingRefund")
    assert (await shop.refunds(row, 4_000)).state == "pending"
    assert await shop.announced("payment.refunded") == []
    await shop.passes(days=10)
    assert await shop.rows("select state from refunds") == [("succeeded",)]
    assert await shop.announced("payment.refunded") == ["payment.refunded"]
    await shop.lawful()
