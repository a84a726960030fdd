"""What staff see of all payments, refunds and payouts; and payments under the names that Nimmit's clients know."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.markets import MARKETS
from souk.modules.payments.sandbox.signing import sign
from tests.modules.identity.conftest import Visitor
from tests.modules.payments.conftest import MARKET, MODULES, SECRET, Shop
from tests.modules.payments.payees import asks, earner, sends
from tests.modules.payments.test_webhooks import told

NIMMIT = MARKETS["nimmit"].modules[-1]


@pytest.fixture
def market() -> Market:
    """The market of these tests, with what only Nimmit has."""
    return msgspec.structs.replace(MARKET, modules=(*MODULES, NIMMIT))


async def listed(who: Visitor, path: str) -> list[dict[str, Any]]:
    answer = await who.asks("GET", path)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["pagination"]["total"] == len(document["data"])
    found: list[dict[str, Any]] = document["data"]
    return found


async def test_staff_find_payments_by_state_person_and_what_they_are_for(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    order = uuid4()
    held = await shop.escrow(ada.id, bo.id, reference_id=order)
    await shop.deposits(ada, 2_000, method="pm_card_visa_chargeDeclined")
    await shop.deposits(await shop.join("bea"), 3_000, method="pm_card_visa")
    every = await listed(sam, "/admin/payments")
    assert [payment["amount"] for payment in every] == [3_000, 2_000, 10_000]
    for query in ("status=captured&personId=" + str(ada.id), f"personId={bo.id}", f"referenceId={order}"):
        (found,) = await listed(sam, f"/admin/payments?{query}")
        assert (found["id"], found["held"], found["providerId"]) == (str(held.id), 10_000, held.provider_id)
    assert (await ada.asks("GET", "/admin/payments")).status_code == 403


async def test_history_is_read_by_page_or_by_cursor(shop: Shop) -> None:
    ada = await shop.join("ada")
    for amount in (1_000, 2_000, 3_000, 4_000, 5_000):
        await shop.deposits(ada, amount, method="pm_card_visa" if amount != 2_000 else None)
    second = (await ada.asks("GET", "/payments/history?page=2&limit=2")).json()
    assert [payment["amount"] for payment in second["data"]] == [3_000, 2_000]
    cursor = second["pagination"].pop("nextCursor")
    assert second["pagination"] == {"page": 2, "limit": 2, "total": 5, "totalPages": 3}
    last = (await ada.asks("GET", f"/payments/history?limit=2&cursor={cursor}")).json()
    assert ([payment["amount"] for payment in last["data"]], last["pagination"]["nextCursor"]) == ([1_000], None)
    (pending,) = (await ada.asks("GET", "/payments/history?status=pending")).json()["data"]
    assert pending["amount"] == 2_000


async def test_transactions_are_payments_refunds_and_payouts_in_their_order(shop: Shop) -> None:
    worker, ada, sam = await earner(shop), await shop.join("ada"), await shop.staff()
    job = str(uuid4())
    begun = (await ada.client.post("/payments/intent", json={"amount": 5_000, "jobId": job, "method": "pm_card_visa"})).json()["data"]
    await shop.refunds(await shop.payment(begun["paymentId"]), 5_000, reason="=cmd()")
    await shop.deposits(ada, 2_000, method="pm_card_visa_chargeDeclined")
    await asks(worker, 4_000)
    await sends(shop)
    every = await listed(sam, "/admin/transactions")
    assert [(each["type"], each["status"], each["amount"]) for each in every] == [
        ("worker_payout", "pending", 4_000),
        ("one_time_payment", "failed", 2_000),
        ("refund", "succeeded", 5_000),
        ("one_time_payment", "refunded", 5_000),
        ("one_time_payment", "succeeded", 20_000),
    ]
    payout, _declined, refund, paid, _earned = every
    assert (payout["workerId"], payout["clientId"], payout["paymentMethod"]) == (str(worker.id), None, "bank_transfer")
    assert (refund["clientId"], refund["jobId"], refund["stripePaymentIntentId"]) == (str(ada.id), job, None)
    assert paid["stripePaymentIntentId"].startswith("pi_")
    for query, many in (("type=refund", 1), ("status=failed", 1), (f"personId={ada.id}", 3), ("until=2020-01-01T00:00:00Z", 0)):
        assert len(await listed(sam, f"/admin/transactions?{query}")) == many
    file = await sam.asks("GET", "/admin/transactions.csv?type=refund")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    heads, row = csv.reader(io.StringIO(file.text))
    assert dict(zip(heads, row, strict=True))["amount"] == "50.00"
    assert "'=cmd()" in row, "no spreadsheet takes it for a formula"
    for path in ("/admin/transactions", "/admin/transactions.csv"):
        assert [(await who.asks("GET", path)).status_code for who in (ada, worker)] == [403, 403]


async def test_a_payment_is_begun_confirmed_and_told_of_under_nimmit_s_paths(shop: Shop) -> None:
    ada, bea = await shop.join("ada"), await shop.join("bea")
    begun = (await ada.asks("POST", "/payments/intent", amount=5_000, currency="USD")).json()["data"]
    assert (begun["status"], begun["netAmount"]) == ("pending", 5_000)
    assert (await bea.asks("POST", "/payments/confirm", paymentId=begun["paymentId"])).status_code == 404
    row = await shop.payment(begun["paymentId"])
    await shop.bank.confirm_payment_intent(str(row.provider_id), {"payment_method": "pm_card_visa"})
    confirmed = (await ada.asks("POST", "/payments/confirm", paymentId=begun["paymentId"])).json()["data"]
    assert (confirmed["status"], await shop.has(ada.id)) == ("captured", (5_000, 0))
    raw = told("payment_intent.succeeded", {"id": row.provider_id, "object": "payment_intent"})
    headers = {"Stripe-Signature": sign(raw, SECRET, shop.clock.now())}
    assert (await ada.client.post("/webhooks/stripe", content=raw, headers=headers)).status_code == 200
    refused = await ada.client.post("/webhooks/stripe", content=raw)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "WEBHOOK_REFUSED")


async def test_only_who_is_paid_for_work_here_can_be_paid(shop: Shop) -> None:
    ada, bea, bo, sam = await shop.join("ada"), await shop.join("bea"), await shop.join("bo", "worker"), await shop.staff()
    await shop.do("update people set status = 'suspended' where id = $1", (cy := await shop.join("cy", "worker")).id)
    outcomes = [(await ada.asks("POST", "/payments/create-intent", payeeId=str(who.id), amount=5_000)) for who in (bo, bea, sam, cy)]
    assert [answer.status_code for answer in outcomes] == [201, 404, 404, 404]
    assert {answer.json()["error"]["code"] for answer in outcomes[1:]} == {"PAYEE_NOT_FOUND"}
