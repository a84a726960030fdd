"""Saved ways to pay, and people who leave."""

from __future__ import annotations

from souk.modules.payments.sandbox.faults import Fault
from tests.modules.identity.conftest import PASSWORD, Visitor
from tests.modules.payments.conftest import Shop


async def saved(shop: Shop, visitor: Visitor, card: str = "pm_card_mastercard") -> str:
    """Somebody saves a card, the browser's part included."""
    begun = (await visitor.asks("POST", "/payments/methods")).json()["data"]
    assert begun["status"] == "requires_method"
    done = await shop.bank.confirm_setup_intent(begun["id"], {"payment_method": card})
    return str(done.payment_method)


async def test_a_card_is_saved_used_and_removed(shop: Shop) -> None:
    ada, bea = await shop.join("ada"), await shop.join("bea")
    assert (await ada.asks("GET", "/payments/methods")).json()["data"] == []
    method = await saved(shop, ada)
    listed = (await ada.asks("GET", "/payments/methods")).json()["data"]
    assert [(each["id"], each["brand"], each["last4"]) for each in listed] == [(method, "mastercard", "4444")]
    assert (await shop.deposits(ada, 5000, method=method))["status"] == "captured"
    assert (await bea.asks("GET", "/payments/methods")).json()["data"] == []
    assert (await bea.asks("DELETE", f"/payments/methods/{method}")).json()["error"]["code"] == "METHOD_NOT_FOUND"
    assert (await shop.deposits(bea, 5000, method=method))["status"] == "failed"
    assert (await ada.asks("DELETE", f"/payments/methods/{method}")).status_code == 204
    assert (await ada.asks("GET", "/payments/methods")).json()["data"] == []
    assert (await ada.asks("DELETE", f"/payments/methods/{method}")).status_code == 404
    assert await shop.rows("select count(*) from payers where customer_id is not null") == [(2,)]


async def test_a_provider_that_does_not_answer_is_said_so(shop: Shop) -> None:
    ada = await shop.join("ada")
    await saved(shop, ada)
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "list_payment_methods")
    answer = await ada.asks("GET", "/payments/methods")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_UNREACHABLE")
    assert answer.headers["retry-after"] == "10"


async def test_who_leaves_takes_payments_along_and_is_forgotten_at_the_provider(shop: Shop) -> None:
    ada = await shop.join("ada")
    method = await saved(shop, ada)
    begun = await shop.deposits(ada, 5000, method=method)
    await shop.refunds(await shop.payment(begun["paymentId"]), 5000)
    known = (await ada.asks("GET", "/users/me/export")).json()["data"]["payments"]
    assert [payment["id"] for payment in known["payments"]] == [begun["paymentId"]]
    assert [refund["amount"] for refund in known["refunds"]] == [5000]
    customer = known["knownAt"][0]["customerId"]
    assert [each.id for each in (await shop.bank.list_payment_methods({"customer": customer})).data] == [method]
    left = await ada.asks("DELETE", "/users/me", password=PASSWORD)
    assert left.is_success, left.text
    await shop.work()
    assert (await shop.bank.list_payment_methods({"customer": customer})).data == []
    assert await shop.rows("select count(*) from payers") == [(0,)]
    await shop.lawful()
