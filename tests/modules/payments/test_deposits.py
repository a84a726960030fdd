"""Money comes in: by a saved method, in the browser, with proof of who pays, at the second try, or not at all."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

from tests.modules.payments.conftest import Shop


async def test_a_deposit_by_a_saved_method_is_in_the_wallet_at_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 12500, method="pm_card_visa")
    assert (begun["status"], begun["amount"], begun["clientSecret"]) == ("captured", 12500, None)
    wallet = (await ada.asks("GET", "/wallet")).json()["data"]
    assert wallet == {"available": 12500, "onHold": 0, "total": 12500, "currency": "USD"}
    assert (await ada.asks("GET", "/wallet?currency=EUR")).json()["data"]["total"] == 0
    assert (await ada.asks("GET", "/wallet?currency=XXX")).json()["error"]["code"] == "UNKNOWN_ASSET"
    await shop.tells()
    assert await shop.has(ada.id) == (12500, 0)
    assert await shop.cleared() == 12500
    assert await shop.announced("payment.captured") == ["payment.captured"]
    await shop.lawful()


async def test_the_browser_pays_and_the_webhook_tells(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000)
    assert begun["status"] == "pending"
    intent = begun["clientSecret"].partition("_secret_")[0]
    assert intent.startswith("pi_")
    await shop.bank.confirm_payment_intent(intent, {"payment_method": "pm_card_visa"})
    assert await shop.has(ada.id) == (0, 0)
    assert await shop.tells() > 0
    assert await shop.has(ada.id) == (5000, 0)
    read = (await ada.asks("GET", f"/payments/{begun['paymentId']}")).json()["data"]
    assert (read["status"], read["captured"], read["refunds"]) == ("captured", 5000, [])
    await shop.lawful()


async def test_the_browser_pays_and_the_page_asks_before_the_webhook_comes(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000)
    await shop.bank.confirm_payment_intent(begun["clientSecret"].partition("_secret_")[0], {"payment_method": "pm_card_visa"})
    answer = await shop.confirms(ada, begun["paymentId"])
    assert answer.json()["data"]["status"] == "captured", answer.text
    await shop.tells()
    assert await shop.has(ada.id) == (5000, 0)


async def test_a_payer_proves_who_they_are(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000, method="pm_card_authenticationRequired")
    assert begun["status"] == "action"
    assert begun["nextUrl"].startswith("http")
    assert await shop.has(ada.id) == (0, 0)
    row = await shop.payment(begun["paymentId"])
    await shop.bank.complete_action(str(row.provider_id))
    await shop.tells()
    assert await shop.has(ada.id) == (5000, 0)
    await shop.lawful()


async def test_a_declined_card_takes_nothing_and_another_may_work(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000, method="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert (begun["status"], begun["failure"]) == ("failed", "Your card has insufficient funds.")
    await shop.tells()
    assert await shop.announced("payment.failed", "payment.captured") == ["payment.failed"]
    again = (await shop.confirms(ada, begun["paymentId"], "pm_card_visa_chargeDeclined")).json()["data"]
    assert again["status"] == "failed"
    assert (await shop.confirms(ada, begun["paymentId"], "pm_card_visa")).json()["data"]["status"] == "captured"
    await shop.tells()
    assert await shop.announced("payment.failed", "payment.captured") == ["payment.failed", "payment.failed", "payment.captured"]
    assert await shop.has(ada.id) == (5000, 0)
    await shop.lawful()


async def test_a_method_that_is_not_there_fails_and_can_be_mended(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000, method="pm_nobodys")
    assert begun["status"] == "failed"
    assert (await shop.confirms(ada, begun["paymentId"], "pm_card_visa")).json()["data"]["status"] == "captured"


async def test_a_deposit_repeated_with_its_key_is_one(shop: Shop) -> None:
    ada, bea = await shop.join("ada"), await shop.join("bea")
    first = await shop.deposits(ada, 5000, key="k1", method="pm_card_visa")
    assert await shop.deposits(ada, 5000, key="k1", method="pm_card_visa") == first
    assert (await shop.deposits(ada, 6000, key="k1", status=409))["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await shop.deposits(bea, 5000, key="k1", method="pm_card_visa"))["paymentId"] != first["paymentId"]
    assert await shop.has(ada.id) == (5000, 0)
    assert await shop.cleared() == 10_000


async def test_a_deposit_keeps_within_the_market_s_bounds(shop: Shop) -> None:
    ada = await shop.join("ada")
    refused = await shop.deposits(ada, 99, status=422)
    assert (refused["code"], refused["details"]) == ("DEPOSIT_OUT_OF_BOUNDS", {"least": 100, "most": 1_000_000})
    assert (await shop.deposits(ada, 1_000_001, status=422))["code"] == "DEPOSIT_OUT_OF_BOUNDS"
    assert (await shop.deposits(ada, 0, status=422))["code"] == "INVALID"
    assert (await shop.deposits(ada, 500, currency="XXX", status=422))["code"] == "UNKNOWN_ASSET"


async def test_payments_are_seen_by_their_parties_and_staff_alone(shop: Shop) -> None:
    ada, bea, bo = await shop.join("ada"), await shop.join("bea"), await shop.join("bo", "worker")
    sam = await shop.staff()
    paid = (await ada.asks("POST", "/payments/create-intent", payeeId=str(bo.id), amount=10_000, bookingId=str(uuid4()))).json()["data"]
    assert (paid["fee"], paid["netAmount"], paid["currency"]) == (1_000, 9_000, "USD")
    path = f"/payments/{paid['paymentId']}"
    assert [(await who.asks("GET", path)).status_code for who in (ada, bo, bea, sam)] == [200, 200, 404, 403]
    assert [(await who.asks("GET", f"/admin{path}")).status_code for who in (ada, bo, bea, sam)] == [403, 403, 403, 200]
    assert (await shop.confirms(bea, paid["paymentId"], "pm_card_visa")).status_code == 404
    assert (await shop.confirms(bo, paid["paymentId"], "pm_card_visa")).status_code == 403
    assert (await bea.asks("POST", f"{path}/cancel")).status_code == 404
    assert (await ada.asks("POST", "/payments/create-intent", payeeId=str(ada.id), amount=10_000)).json()["error"][
        "code"
    ] == "PAYING_ONESELF"
    assert (await ada.asks("POST", "/payments/create-intent", payeeId=str(uuid4()), amount=10_000)).status_code == 404
    seen = [(await who.asks("GET", "/payments/history")).json()["data"] for who in (ada, bo, bea)]
    assert [[payment["id"] for payment in each] for each in seen] == [[paid["paymentId"]], [paid["paymentId"]], []]


async def test_history_and_statement_go_on_from_page_to_page(shop: Shop) -> None:
    ada = await shop.join("ada")
    for amount in (1000, 2000, 3000):
        await shop.deposits(ada, amount, method="pm_card_visa")
    first = (await ada.asks("GET", "/payments/history?limit=2")).json()
    rest = (await ada.asks("GET", f"/payments/history?limit=2&cursor={first['pagination']['nextCursor']}")).json()
    assert [payment["amount"] for payment in first["data"] + rest["data"]] == [3000, 2000, 1000]
    assert rest["pagination"]["nextCursor"] is None
    lines = (await ada.asks("GET", "/wallet/statement?limit=2")).json()
    assert [(line["kind"], line["amount"], line["balance"]) for line in lines["data"]] == [
        ("payment.captured", 3000, 6000),
        ("payment.captured", 2000, 3000),
    ]
    answer = await ada.asks("GET", "/wallet/statement.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [row[3:6] for row in csv.reader(io.StringIO(answer.text))][1:] == [
        ["30.00", "60.00", "USD"],
        ["20.00", "30.00", "USD"],
        ["10.00", "10.00", "USD"],
    ]


async def test_a_payment_is_given_up(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000)
    path = f"/payments/{begun['paymentId']}"
    assert (await ada.asks("POST", f"{path}/cancel")).json()["data"]["status"] == "canceled"
    assert (await ada.asks("POST", f"{path}/cancel")).json()["data"]["status"] == "canceled"
    refused = await shop.confirms(ada, begun["paymentId"], "pm_card_visa")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "PAYMENT_OVER")
    await shop.tells()
    assert await shop.announced("payment.canceled") == ["payment.canceled"]
    paid = await shop.deposits(ada, 5000, method="pm_card_visa")
    assert (await ada.asks("POST", f"/payments/{paid['paymentId']}/cancel")).json()["error"]["code"] == "PAYMENT_OVER"
    assert await shop.cleared() == 5000


async def test_what_was_authorised_is_captured_in_part_and_the_rest_is_let_go(shop: Shop) -> None:
    ada, sam = await shop.join("ada"), await shop.staff()
    row = await shop.pays(ada.id, 10_000, manual=True, escrow=True)
    assert row.state == "authorised"
    assert await shop.has(ada.id) == (0, 0)
    await shop.tells()
    path = f"/payments/{row.id}/capture"
    assert (await ada.asks("POST", path, amount=6_000)).status_code == 403
    assert (await sam.asks("POST", path, amount=10_001)).json()["error"]["code"] == "MORE_THAN_HELD"
    taken = await sam.asks("POST", path, amount=6_000)
    assert (taken.json()["data"]["status"], taken.json()["data"]["captured"]) == ("captured", 6_000)
    await shop.tells()
    assert await shop.has(ada.id) == (0, 6_000)
    assert await shop.announced("payment.authorised", "payment.captured") == ["payment.authorised", "payment.captured"]
    waits = await shop.pays(ada.id, 500, method=None)
    refused = await sam.client.post(f"/payments/{waits.id}/capture", json={})
    assert refused.json()["error"]["code"] == "NOT_AUTHORISED"
    await shop.lawful()
