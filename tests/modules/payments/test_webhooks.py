"""The inbox: only what the provider signed is believed, it is kept once, and nobody waits for what follows from it."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from souk.modules.payments.jobs import forget_webhooks
from souk.modules.payments.sandbox.signing import sign
from tests.modules.payments.conftest import SECRET, Shop

WAITING = "select count(*) from webhook_events where processed_at is null"


def told(kind: str, thing: dict[str, Any], event_id: str = "") -> bytes:
    return json.dumps({"id": event_id or f"evt_{uuid4().hex}", "type": kind, "created": 1_900_000_000, "data": {"object": thing}}).encode()


async def posts(shop: Shop, raw: bytes, *, secret: str = SECRET, ago: float = 0) -> int:
    at = shop.clock.now().timestamp() - ago
    header = sign(raw, secret, shop.clock.now().fromtimestamp(at, tz=shop.clock.now().tzinfo))
    return await shop.hand_over(raw, {"Stripe-Signature": header, "Content-Type": "application/json"})


async def test_only_the_provider_is_believed_and_only_for_five_minutes(shop: Shop) -> None:
    raw = told("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})
    assert await shop.hand_over(raw, {"Content-Type": "application/json"}) == 400
    assert await posts(shop, raw, secret="whsec_of_somebody") == 400
    assert await posts(shop, raw, ago=301) == 400
    assert await posts(shop, b"[]") == 400
    assert await shop.rows(WAITING) == [(0,)]
    refused = await shop.posts(raw, {"Stripe-Signature": "t=1,v1=00"})
    assert refused.json()["error"]["code"] == "WEBHOOK_REFUSED"
    assert await posts(shop, raw, ago=290) < 300
    assert await shop.rows(WAITING) == [(1,)]


async def test_an_event_that_comes_often_is_kept_and_looked_into_once(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5000)
    row = await shop.payment(begun["paymentId"])
    await shop.bank.confirm_payment_intent(str(row.provider_id), {"payment_method": "pm_card_visa"})
    raw = told("payment_intent.succeeded", {"id": row.provider_id, "object": "payment_intent"}, "evt_one")
    assert {await posts(shop, raw) for _ in range(5)} <= {200, 204}
    assert await shop.rows("select count(*) from jobs where name = 'payments.webhook'") == [(1,)]
    assert await shop.has(ada.id) == (0, 0)
    await shop.work()
    assert await shop.has(ada.id) == (5000, 0)
    await posts(shop, raw)
    await shop.work()
    assert await shop.rows("select event_id, processed_at is not null from webhook_events") == [("evt_one", True)]
    assert await shop.announced("payment.captured") == ["payment.captured"]


async def test_what_an_event_says_of_a_payment_is_not_believed(shop: Shop) -> None:
    """It is signed, and yet only a hint: what counts is what the provider says when it is asked."""
    ada = await shop.join("ada")
    row = await shop.payment((await shop.deposits(ada, 5000))["paymentId"])
    lie = {"id": row.provider_id, "object": "payment_intent", "status": "succeeded", "amount_received": 5000}
    await posts(shop, told("payment_intent.succeeded", lie))
    await shop.work()
    assert await shop.has(ada.id) == (0, 0)
    assert (await shop.payment(row.id)).state == "pending"


async def test_events_of_strangers_change_nothing_and_are_over(shop: Shop) -> None:
    """Another market of the same account, somebody at the dashboard, and what is not there at all."""
    other = await shop.bank.create_payment_intent({"amount": "500", "currency": "usd", "metadata": {"payment": str(uuid4())}})
    await shop.bank.confirm_payment_intent(other.id, {"payment_method": "pm_card_visa"})
    refund = await shop.bank.create_refund({"payment_intent": other.id})
    odd = await shop.bank.create_payment_intent({"amount": "500", "currency": "usd", "metadata": {"payment": "none"}})
    things = [
        ("payment_intent", other.id),
        ("payment_intent", odd.id),
        ("payment_intent", "pi_none"),
        ("refund", refund.id),
        ("refund", "re_none"),
    ]
    for kind, name in things:
        await posts(shop, told(f"{kind}.updated", {"id": name, "object": kind}))
    await shop.work()
    assert await shop.rows(WAITING) == [(0,)]
    assert await shop.rows("select count(*) from journals") == [(0,)]


async def test_what_payments_do_not_know_is_announced_once_for_others(shop: Shop) -> None:
    raw = told("invoice.payment_succeeded", {"id": "in_1", "object": "invoice", "subscription": "sub_1"}, "evt_invoice")
    await posts(shop, raw)
    await posts(shop, raw)
    await shop.work()
    rows = await shop.rows("select payload from events where topic = 'provider.happened'")
    assert len(rows) == 1
    fact = json.loads(rows[0][0])
    assert (fact["kind"], fact["objectKind"], fact["objectId"]) == ("invoice.payment_succeeded", "invoice", "in_1")
    assert fact["about"]["subscription"] == "sub_1"


async def test_what_was_looked_into_long_ago_is_forgotten(shop: Shop) -> None:
    await posts(shop, told("invoice.paid", {"id": "in_1", "object": "invoice"}))
    await shop.work()
    await shop.database.write(forget_webhooks)
    assert await shop.rows("select count(*) from webhook_events") == [(1,)]
    await shop.later(days=91)
    assert await shop.rows("select count(*) from webhook_events") == [(0,)]
