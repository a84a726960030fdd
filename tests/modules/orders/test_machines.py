"""What machines report: payments of all kinds, and a meter. Money that nobody wants goes back, and nothing happens twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from souk.modules import ledger, payments
from souk.modules.orders.facts import follow
from tests.modules.orders.errands import SALES, MeterRead
from tests.modules.orders.street import Street, market, street

__all__ = ["market", "street"]


async def test_money_is_reserved_captured_and_released_and_the_wish_goes_along(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    begun = await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201, method="pm_card_visa")
    assert (begun["amount"], begun["fee"], begun["netAmount"]) == (10_000, 1_000, 9_000)
    await street.work()
    assert (await street.sees(cleo, f"/wishes/{visit['wishId']}"))["state"] == "booked"
    await street.asks(will, f"/visits/{visit['id']}/accept")
    await street.work()
    assert await street.has(cleo.id) == (0, 10_000)
    await street.asks(will, f"/visits/{visit['id']}/finish")
    await street.asks(cleo, f"/visits/{visit['id']}/approve")
    assert await street.has(will.id) == (9_000, 0)
    assert (await street.sees(cleo, f"/wishes/{visit['wishId']}"))["state"] == "done"
    await street.lawful()


async def test_a_worker_who_refuses_lets_the_money_go_and_the_wish_too(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.reserved(cleo, will)
    await street.asks(will, f"/visits/{visit['id']}/refuse")
    await street.work()
    assert (await street.payment_of(visit)).state is payments.PaymentState.CANCELED
    assert (await street.sees(cleo, f"/wishes/{visit['wishId']}"))["state"] == "open"
    assert await street.rows("select * from slots") == []
    await street.lawful()


async def test_a_reservation_that_a_bank_lets_go_ends_the_visit(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.reserved(cleo, will)
    payment = await street.payment_of(visit)
    await street.database.write(lambda tx: payments.ask_cancel(tx, payment.id, allowed=frozenset(payments.PaymentState)))
    await payments.carry_out(street.database, street.till, payment.id)
    await street.work()
    assert (await street.state(visit), await street.failures()) == ("lapsed", [])
    await street.lawful()


async def test_a_payment_that_is_given_up_leaves_the_one_that_counts_alone(street: Street) -> None:
    """Two were begun; one is authorised, the other is canceled: the visit is paid all the same."""
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    other = await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201)
    await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201, method="pm_card_visa")
    await street.work()
    assert await street.state(visit) == "reserved"
    await street.asks(cleo, f"/payments/{other['paymentId']}/cancel")
    await street.work()
    assert await street.state(visit) == "reserved"
    await street.lawful()


async def test_of_two_reservations_the_second_is_let_go(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    first, second = [await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201) for _ in range(2)]
    for begun in (first, second):
        await street.asks(cleo, f"/payments/{begun['paymentId']}/confirm", method="pm_card_visa")
        await street.work()
    assert (await street.payment(first["paymentId"])).state is payments.PaymentState.AUTHORISED
    assert (await street.payment(second["paymentId"])).state is payments.PaymentState.CANCELED
    assert await street.state(visit) == "reserved"


async def test_a_fact_that_comes_twice_changes_nothing(street: Street) -> None:
    """Least of all does it send back what pays for the visit."""
    cleo, will = await street.pair()
    visit = await street.active(cleo, will)
    captured = await captured_of(street, visit)
    await street.happens(captured, captured)
    assert await street.has(cleo.id) == (0, 10_000)
    await street.asks(will, f"/visits/{visit['id']}/finish")
    await street.asks(cleo, f"/visits/{visit['id']}/approve")
    await street.happens(captured)
    assert await street.has(will.id) == (9_000, 0)
    assert (await street.payment_of(visit)).refunded == 0
    await street.lawful()


async def captured_of(street: Street, visit: Any) -> payments.PaymentCaptured:
    row = await street.payment_of(visit)
    return payments.PaymentCaptured(
        payment_id=row.id,
        kind="visit",
        reference_id=UUID(visit["id"]),
        payer_id=row.payer_id,
        payee_id=row.payee_id,
        amount=row.amount,
        fee=row.fee,
        currency="USD",
        hold_id=row.hold_id,
    )


@pytest.mark.parametrize(
    "otherwise",
    [{"amount": 9_999}, {"amount": 10_001}, {"currency": "EUR"}, {"payer_id": UUID(int=1)}, {"payee_id": UUID(int=1)}, {"payee_id": None}],
    ids=str,
)
async def test_a_payment_that_does_not_fit_pays_for_nothing(street: Street, otherwise: dict[str, Any]) -> None:
    cleo, will = await street.pair()
    visit = await street.reserved(cleo, will)
    await street.asks(will, f"/visits/{visit['id']}/accept")
    fact = msgspec.structs.replace(await captured_of(street, visit), **otherwise)
    await street.database.write(lambda tx: follow(tx, fact, SALES.processes, street.till))
    assert await street.state(visit) == "capturing"


@pytest.mark.parametrize("kind", ["visit", "wish", "chore", "unknown"])
async def test_a_payment_for_what_does_not_exist_goes_back(street: Street, kind: str) -> None:
    cleo, will = await street.pair()
    row = await street.escrow(cleo.id, will.id, kind=kind, reference_id=uuid4(), key="card")
    await street.work()
    back = 0 if kind == "unknown" else 10_000
    assert (await street.payment(row.id)).refunded == back
    assert await street.failures() == []


async def test_a_capture_that_comes_after_all_was_given_up_goes_back(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    await street.later(hours=1.1)
    assert await street.state(visit) == "lapsed"
    row = await street.escrow(cleo.id, will.id, kind="visit", reference_id=UUID(visit["id"]), key="card")
    await street.work()
    assert (await street.payment(row.id)).refunded == 10_000
    await street.lawful()


async def test_a_card_that_is_declined_may_be_followed_by_another(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will)
    await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201, method="pm_card_visa_chargeDeclined")
    await street.work()
    assert (await street.sees(cleo, f"/visits/{visit['id']}"))["revision"] == 2
    await street.asks(cleo, f"/visits/{visit['id']}/payment", status=201, method="pm_card_visa")
    await street.work()
    assert await street.state(visit) == "reserved"


async def test_nothing_is_not_paid_by_card(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.visit(cleo, will, price=0)
    refused = await street.asks(cleo, f"/visits/{visit['id']}/payment", status=422, method="pm_card_visa")
    assert refused["code"] == "NOT_POSITIVE"


async def test_a_meter_says_what_it_counted(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.active(cleo, will)
    await street.happens(MeterRead(UUID(visit["id"]), 55))
    seen = await street.sees(cleo, f"/visits/{visit['id']}")
    assert (seen["minutes"], seen["state"]) == (55, "active")
    entry = (await street.sees(cleo, f"/visits/{visit['id']}/history"))[-1]
    assert (entry["step"], entry["actor"], entry["personId"], entry["params"]) == ("count", "meter", None, {"minutes": 55})


async def test_a_meter_of_something_else_or_too_early_is_not_heard(street: Street) -> None:
    cleo, will = await street.pair()
    visit = await street.reserved(cleo, will)
    await street.happens(MeterRead(UUID(visit["id"]), 55), MeterRead(uuid4(), 55))
    assert (await street.sees(cleo, f"/visits/{visit['id']}"))["minutes"] is None
    assert await street.failures() == []


async def test_what_the_platform_gets_of_a_card_s_money_is_its_own(street: Street) -> None:
    cleo, will = await street.pair()
    visit, sam = await street.finished(cleo, will), await street.head()
    await street.asks(cleo, f"/visits/{visit['id']}/dispute", reason="It leans.")
    short = await street.asks(sam, f"/visits/{visit['id']}/resolve", status=422, workerAmount=9_000, platformAmount=2_000)
    assert (short["code"], "worker_amount" in short["message"], "platform_amount" in short["message"]) == ("SPLIT_DIFFERS", True, True)
    await street.asks(sam, f"/visits/{visit['id']}/resolve", workerAmount=5_000, platformAmount=2_000, feeReturned=True)
    await street.work()
    assert await street.has(will.id) == (5_000, 0)
    assert await street.total(ledger.FEES.of(ledger.USD)) == 2_000
    assert (await street.payment_of(visit)).refunded == 3_000
    await street.lawful()
