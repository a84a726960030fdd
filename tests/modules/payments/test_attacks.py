"""Attempts to take money that is not one's own, to pay less than is owed, or to learn what is not one's business."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import msgspec
import pytest

from souk.app.application import operations_of
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules import ledger, payments
from souk.modules.payments.model import Row
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.identity.conftest import PASSWORD, Visitor
from tests.modules.payments.conftest import MARKET, PEOPLE, RULES, SECRET, Shop
from tests.modules.payments.test_methods import saved
from tests.modules.payments.test_webhooks import WAITING, posts, told

USD = ledger.USD
COUNTED = ledger.Assets((ledger.USD, ledger.EUR, ledger.CRD, ledger.TFT))
DEVELOPMENT = Settings.load({})
NO_AMOUNTS = (0, -1, 10**12 + 1, 10**15, 2**63, 100.5, "100", True, None)


# What is asked for


async def test_what_is_no_amount_is_refused_before_anything_is_written(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    paths: dict[str, dict[str, str]] = {"/wallet/deposits": {}, "/payments/create-intent": {"payeeId": str(bo.id)}}
    for amount in NO_AMOUNTS:
        for path, also in paths.items():
            answer = await ada.client.post(path, json={"amount": amount, **also})
            assert answer.status_code == 422, (path, amount, answer.text)
    row = await shop.escrow(ada.id, bo.id)
    for amount in NO_AMOUNTS[:-1]:
        for what in ("refund", "capture"):
            assert (await sam.asks("POST", f"/payments/{row.id}/{what}", amount=amount)).status_code == 422, (what, amount)
    assert (await shop.payment(row.id)).refunded == 0
    assert await shop.rows("select count(*) from payments") == [(1,)]


async def test_nobody_says_the_fee_the_payer_or_the_state(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    for name, value in (("fee", 0), ("payerId", str(bo.id)), ("status", "captured"), ("escrow", False), ("kind", "deposit"), ("key", "k")):
        answer = await ada.asks("POST", "/payments/create-intent", payeeId=str(bo.id), amount=5_000, **{name: value})
        assert answer.status_code == 422, name
    assert await shop.rows("select count(*) from payments") == [(0,)]


class TestAMarketOfSeveralAssets:
    @pytest.fixture
    def market(self) -> Market:
        return msgspec.structs.replace(MARKET, rules=(PEOPLE, COUNTED, RULES))

    async def test_credits_and_tokens_cannot_be_bought_by_card_at_a_price_of_one_s_own(self, shop: Shop) -> None:
        shop.till.assets = COUNTED
        ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
        for currency in ("CRD", "TFT", "EUR"):
            refused = await shop.deposits(ada, 5_000, currency=currency, method="pm_card_visa", status=422)
            assert refused["code"] == "UNKNOWN_ASSET"
            answer = await ada.asks("POST", "/payments/create-intent", payeeId=str(bo.id), amount=5_000, currency=currency)
            assert answer.status_code == 422
        assert await shop.rows("select count(*) from journals") == [(0,)]
        shop.till.rules = msgspec.structs.replace(RULES, currencies=frozenset({"EUR"}))
        assert (await shop.deposits(ada, 5_000, currency="EUR", method="pm_card_visa"))["status"] == "captured"


# Keys


async def test_a_key_belongs_to_one_person_and_one_request(shop: Shop) -> None:
    ada, bo, sam, sid = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff(), await shop.staff("sid")
    first = await shop.escrow(ada.id, bo.id, key="1")
    second = await shop.escrow(ada.id, bo.id, key="2")

    async def refunds(who: Visitor, row: Row, **body: object) -> tuple[int, str]:
        answer = await who.client.post(f"/payments/{row.id}/refund", json=body, headers={"Idempotency-Key": "k"})
        told = answer.json()
        return answer.status_code, told["data"]["id"] if answer.is_success else told["error"]["code"]

    one = await refunds(sam, first, amount=1_000)
    assert await refunds(sam, first, amount=1_000) == one
    assert await refunds(sam, first, amount=2_000) == (409, "IDEMPOTENCY_CONFLICT")
    assert await refunds(sam, second, amount=1_000) == (409, "IDEMPOTENCY_CONFLICT")
    assert (await refunds(sid, first, amount=1_000))[0] == 201
    assert (await shop.payment(first.id)).refunded == 2_000
    assert (await shop.payment(second.id)).refunded == 0
    assert await shop.rows("select count(*) from audit_entries where action = 'payment.refunded'") == [(2,)]


async def test_a_refund_of_all_that_is_left_is_one_however_often_it_is_repeated(shop: Shop) -> None:
    """The amount follows from what is left, and the fee from what was returned: after the first time both are others."""
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    row = await shop.escrow(ada.id, bo.id)
    await shop.released(row)
    for body in ({"amount": 6_000, "feeReturned": True}, {"feeReturned": True}):
        key = {"Idempotency-Key": f"k{body.get('amount')}"}
        answers = [await sam.client.post(f"/payments/{row.id}/refund", json=body, headers=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3, answers[-1].text
        assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert await shop.rows("select count(*) from refunds") == [(2,)]
    assert await shop.rows("select count(*) from audit_entries where action = 'payment.refunded'") == [(2,)]
    await shop.lawful()


# Other people's money


async def test_whoever_got_nothing_gives_nothing_back(shop: Shop) -> None:
    """A payer who was given back most of an escrow has their refund out of their own wallet, and no more of it out of the payee's."""
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    row = await shop.escrow(ada.id, bo.id)
    await shop.released(row, to_payee=2_700, fee=300)
    path = f"/payments/{row.id}/refund"
    refused = (await sam.asks("POST", path, reason="all of it")).json()["error"]
    assert (refused["code"], refused["details"]) == ("REFUND_TOO_LARGE", {"refundable": 3_000})
    assert (await sam.asks("POST", path, amount=3_000, feeReturned=True)).status_code == 201
    assert [await shop.has(who.id) for who in (ada, bo)] == [(7_000, 0), (0, 0)]
    assert (await sam.asks("POST", path, amount=1, source="payee")).json()["error"]["code"] == "REFUND_TOO_LARGE"
    assert (await sam.asks("POST", path, reason="the rest")).status_code == 201
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 0), (0, 0)]
    assert await shop.total(payments.RECEIVABLE.of(USD, bo.id)) == 0
    await shop.lawful()


async def test_an_escrow_that_went_back_to_its_payer_is_not_refunded_by_the_payee(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    row = await shop.escrow(ada.id, bo.id)
    await shop.released(row, to_payee=0, fee=0)
    assert await shop.has(ada.id) == (10_000, 0)
    assert (await sam.asks("POST", f"/payments/{row.id}/refund", reason="all")).status_code == 201
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 0), (0, 0)]
    assert await shop.total(payments.RECEIVABLE.of(USD, bo.id)) == 0
    await shop.lawful()


async def test_a_release_of_less_than_nothing_takes_nothing(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    row = await shop.escrow(ada.id, bo.id)
    for who in (ada, bo):
        await shop.pays(who.id, 500, kind="deposit")
    for parts in ({"to_payee": -1, "fee": 1}, {"to_payee": 10_001, "fee": -1}, {"to_payee": 9_001, "fee": 1_000}, {"fee": 10_001}):
        with pytest.raises((ledger.NotPositive, ledger.MoreThanHeld)):
            await shop.released(row, **parts)
    assert [await shop.has(who.id) for who in (ada, bo)] == [(500, 10_000), (500, 0)]
    await shop.lawful()


async def test_what_was_authorised_is_not_given_up_by_the_payer_who_ordered_on_it(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.pays(ada.id, 10_000, manual=True, escrow=True)
    answer = await ada.asks("POST", f"/payments/{row.id}/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "PAYMENT_OVER")
    assert (await shop.payment(row.id)).state == "authorised"
    assert (await payments.cancel(shop.database, shop.till, row.id)).state == "canceled"


async def test_a_saved_card_of_somebody_else_pays_nothing(shop: Shop) -> None:
    ada, eve = await shop.join("ada"), await shop.join("eve")
    card = await saved(shop, ada)
    begun = await shop.deposits(eve, 5_000, method=card)
    assert begun["status"] == "failed"
    assert (await shop.confirms(eve, begun["paymentId"], card)).json()["data"]["status"] == "failed"
    assert (await eve.asks("DELETE", f"/payments/methods/{card}")).status_code == 404
    assert (await shop.has(eve.id), await shop.cleared()) == ((0, 0), 0)


async def test_nobody_tries_one_card_after_the_other(shop: Shop) -> None:
    ada = await shop.join("ada")
    begun = await shop.deposits(ada, 5_000)
    tried = [await shop.confirms(ada, begun["paymentId"], "pm_card_visa_chargeDeclined") for _ in range(61)]
    assert [answer.status_code for answer in tried] == [200] * 60 + [429]


# What is nobody else's business


async def test_a_payee_and_staff_never_see_what_opens_a_payment(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    wanted = {"payeeId": str(bo.id), "amount": 5_000, "method": "pm_card_authenticationRequired"}
    begun = (await ada.client.post("/payments/create-intent", json=wanted)).json()["data"]
    secret = begun["clientSecret"]
    assert (begun["status"], secret in begun["nextUrl"]) == ("action", True)
    paths = (f"/payments/{begun['paymentId']}", "/payments/history", "/users/me/export")
    for who in (bo, sam, ada):
        for path in paths:
            assert secret.partition("_secret_")[2] not in (await who.asks("GET", path)).text, path
    again = (await shop.confirms(ada, begun["paymentId"])).json()["data"]
    assert (again["clientSecret"], again["nextUrl"]) == (secret, begun["nextUrl"])


async def test_why_a_card_was_declined_is_told_to_its_owner_alone(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    wanted = {"payeeId": str(bo.id), "amount": 5_000, "method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
    begun = (await ada.client.post("/payments/create-intent", json=wanted)).json()["data"]
    path = f"/payments/{begun['paymentId']}"
    asked = (await ada.asks("GET", path), await sam.asks("GET", f"/admin{path}"), await bo.asks("GET", path))
    reasons = [answer.json()["data"]["failure"] for answer in asked]
    assert reasons == ["Your card has insufficient funds."] * 2 + [None]
    listed = [(await who.asks("GET", "/payments/history")).json()["data"][0]["failure"] for who in (ada, bo)]
    assert listed == ["Your card has insufficient funds.", None]


async def test_the_provider_s_own_words_stay_in_the_log(shop: Shop) -> None:
    """They name its objects, and how it is asked."""
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    begun = await shop.deposits(ada, 5_000, method="pm_nobodys")
    assert begun["status"] == "failed"
    row = await shop.escrow(ada.id, bo.id)
    await shop.bank.create_refund({"payment_intent": row.provider_id, "amount": "8000"})
    assert (await shop.refunds(row, 4_000)).state == "failed"
    told = [(await ada.asks("GET", path)).text for path in (f"/payments/{row.id}", f"/payments/{begun['paymentId']}", "/payments/history")]
    events = await shop.rows("select payload::text from events")
    for text in (json.dumps(begun["failure"]), *told, *(payload for (payload,) in events)):
        for inside in ("pm_nobodys", "payment_method:", "unrefunded", "resource_missing:"):
            assert inside not in text, text


async def test_history_holds_one_s_own_payments_alone_whatever_the_cursor_says(shop: Shop) -> None:
    ada, eve = await shop.join("ada"), await shop.join("eve")
    for number in range(3):
        await shop.deposits(ada, 1_000 + number)
    hers = (await ada.asks("GET", "/payments/history?limit=1")).json()["pagination"]["nextCursor"]
    for cursor, status in ((hers, 200), ("", 200), ("%27%20or%201%3D1", 422), ("e30", 422)):
        answer = await eve.asks("GET", f"/payments/history?cursor={cursor}" if cursor else "/payments/history")
        assert answer.status_code == status, answer.text
        assert answer.json().get("data", []) == []
    assert len((await ada.asks("GET", f"/payments/history?cursor={hers}")).json()["data"]) == 2


async def test_no_log_event_audit_entry_or_dead_letter_holds_what_opens_a_payment(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    shop.bank.faults.next(Fault.ERROR_AFTER, "confirm_payment_intent")
    begun = [await shop.deposits(ada, 5_000, method=card) for card in ("pm_card_visa", "pm_nobodys", "pm_card_authenticationRequired")]
    row = await shop.pays(ada.id, 10_000, manual=True, payee_id=bo.id, escrow=True)
    secrets = [secret for (secret,) in await shop.rows("select client_secret from payments") if secret]
    assert len(secrets) == 4
    await sam.asks("POST", f"/payments/{row.id}/capture", amount=9_000)
    await sam.asks("POST", f"/payments/{row.id}/refund", amount=1_000)
    await shop.confirms(ada, begun[1]["paymentId"], "pm_nobodys")
    await shop.tells()
    await shop.later(minutes=2)
    kept = await shop.rows(
        "select e::text from events e union all select a::text from audit_entries a union all select j::text from jobs j"
    )
    everything = capsys.readouterr().out + str(kept)
    assert "payment.captured" in everything
    for secret in (SECRET, *(secret.partition("_secret_")[2] for secret in secrets)):
        assert secret not in everything


def test_the_pages_of_the_sandbox_are_not_served_in_production() -> None:
    production = msgspec.structs.replace(DEVELOPMENT, env="production")
    pages = [
        [each.path for each in operations_of(MARKET, settings) if each.path.startswith("/pay/")] for settings in (production, DEVELOPMENT)
    ]
    assert not pages[0]
    assert pages[1]


# Webhooks


async def test_webhooks_that_are_forged_huge_or_another_market_s(shop: Shop) -> None:
    ada = await shop.join("ada")
    row = await shop.payment((await shop.deposits(ada, 5_000))["paymentId"])
    raw = told("payment_intent.succeeded", {"id": row.provider_id, "object": "payment_intent"})
    assert await posts(shop, raw, secret="whsec_of_another_market") == 400
    assert await posts(shop, raw, secret="") == 400
    assert await posts(shop, raw, ago=-301) == 400
    assert await posts(shop, told("payment_intent.succeeded", {"id": "x" * 300_000, "object": "payment_intent"})) == 413
    signature = (await shop.posts(raw, {"Stripe-Signature": f"t={int(shop.clock.now().timestamp())},v1={'0' * 64}"})).status_code
    assert signature == 400
    assert await shop.rows(WAITING) == [(0,)]


@pytest.mark.parametrize(
    "odd",
    [
        {"created": 10**18},
        {"created": -(10**18)},
        {"id": "evt_" + "0123456789" * 30},
        {"data": []},
        {"id": "evt\u0000"},
        {"data": {"object": {"id": "pi\u0000", "object": "payment_intent"}}},
        {"type": None},
    ],
)
async def test_an_event_that_is_signed_and_makes_no_sense_is_refused(shop: Shop, odd: dict[str, object]) -> None:
    whole = json.loads(told("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}))
    assert await posts(shop, json.dumps({**whole, **odd}).encode()) in {400, 422}
    assert await shop.rows(WAITING) == [(0,)]


async def test_an_event_about_nothing_is_over_at_once(shop: Shop) -> None:
    endless = "".join(chr(33 + number * number % 90) for number in range(20_000))
    for thing in ({"id": 5, "object": "payment_intent"}, {"id": endless, "object": "refund"}, {"id": "pi_1"}, {}):
        assert await posts(shop, told("balance.available", thing)) < 300
    await shop.work()
    assert await shop.rows(WAITING) == [(0,)]


# People who leave


async def test_a_payer_who_leaves_in_the_middle_is_not_charged_afterwards(shop: Shop) -> None:
    ada = await shop.join("ada")
    shop.bank.faults.next(Fault.TIMEOUT_BEFORE, "confirm_payment_intent")
    lost = await shop.deposits(ada, 5_000, method="pm_card_visa")
    waits = await shop.deposits(ada, 4_000)
    assert (lost["status"], waits["status"]) == ("unknown", "pending")
    assert (await ada.asks("DELETE", "/users/me", password=PASSWORD)).is_success
    for _ in range(3):
        await shop.later(minutes=2)
    rows = [await shop.payment(each["paymentId"]) for each in (lost, waits)]
    assert [(row.state, row.captured, row.call) for row in rows] == [("canceled", 0, None)] * 2
    assert {intent.status for intent in (await shop.bank.list_payment_intents({})).data} == {"canceled"}
    await shop.lawful()


async def test_an_escrow_of_people_who_leave_stays_where_it_is(shop: Shop) -> None:
    ada, bo, sam = await shop.join("ada"), await shop.join("bo", "worker"), await shop.staff()
    held, earned = await shop.escrow(ada.id, bo.id, key="1"), await shop.escrow(ada.id, bo.id, key="2")
    for who in (bo, ada):
        assert (await who.asks("DELETE", "/users/me", password=PASSWORD)).is_success
    await shop.work()
    await shop.released(earned)
    assert [await shop.has(who.id) for who in (ada, bo)] == [(0, 10_000), (9_000, 0)]
    assert (await sam.asks("POST", f"/payments/{held.id}/refund", reason="nobody is here")).status_code == 201
    assert await shop.cleared() == 10_000
    await shop.lawful()


async def test_many_at_once_of_one_request_are_one(shop: Shop) -> None:
    ada = await shop.join("ada")
    body, key = {"amount": 5_000, "method": "pm_card_visa"}, {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(*(ada.client.post("/wallet/deposits", json=body, headers=key) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["data"]["paymentId"] for answer in answers}) == 1
    await shop.later(minutes=2)
    assert (await shop.has(ada.id), await shop.cleared()) == ((5_000, 0), 5_000)
