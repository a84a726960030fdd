"""What must always hold about payments and refunds; and whom a market pays through."""

from __future__ import annotations

import asyncpg
import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.config import ConfigError, Settings
from souk.modules import ledger, payments
from souk.modules.payments.providers import PaymentSettings, till_of
from tests.modules.payments.conftest import ASSETS, MARKET, Shop

BREACHES = {
    "every captured payment came in": "update payments set captured = captured - 1 where not escrow",
    "nothing came in but": "update payments set captured_by = id where not escrow",
    "what was sent back": "update payments set refunded = refunded + 1 where held > 0",
    "of no payment more": "update refunds set amount = 100000",
    "a refund left": "update refunds set state = 'failed'",
    "what a payment holds": "update payments set hold_id = payer_id where held > 0",
    "every captured escrow": "update payments set held = held - 1 where held > 1",
    "the fee that was returned": "update payments set fee_returned = fee_returned - 1 where fee_returned > 0",
}


async def test_the_laws_hold_and_each_notices_its_breach(shop: Shop) -> None:
    ada, bo = await shop.join("ada"), await shop.join("bo", "worker")
    await shop.deposits(ada, 5000, method="pm_card_visa")
    await shop.refunds(await shop.escrow(ada.id, bo.id), 2_000)
    released = await shop.released(await shop.escrow(ada.id, bo.id, 8_000, 800))
    await shop.refunds(released, 3_000, fee_returned=300)
    await shop.lawful()
    laws = {law.sentence: law.query.sql for law in payments.MODULE.laws}
    connection = await asyncpg.connect(shop.dsn)
    for begins, breach in BREACHES.items():
        law = next(sql for sentence, sql in laws.items() if sentence.startswith(begins))
        undone = connection.transaction()
        await undone.start()
        await connection.execute(breach)
        assert await connection.fetch(law), begins
        await undone.rollback()
    await connection.close()


DEVELOPMENT = Settings.load({})


def chosen(own: str = "", market: Market = MARKET) -> payments.Till:
    return till_of(DEVELOPMENT, market, PaymentSettings.load({"SOUK_PAYMENTS": own} if own else {}))


def test_a_market_pays_through_whom_its_rules_name_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen().providers.current == "sandbox"
    monkeypatch.setenv("SOUK_STRIPE_KEY", "sk_test_12345678")
    monkeypatch.setenv("SOUK_STRIPE_WEBHOOK_SECRET", "whsec_1234567890123456")
    by_stripe = Market("sample", "/test", "Bazaar", (), (), rules=(ASSETS, payments.Rules(provider="stripe")))
    assert [till.providers.current for till in (chosen(market=by_stripe), chosen("stripe"), chosen("sandbox", by_stripe))] == [
        "stripe",
        "stripe",
        "sandbox",
    ]
    with pytest.raises(ConfigError, match="SOUK_PAYMENTS"):
        chosen("bank")


def test_play_money_is_no_way_to_pay_in_production_unless_somebody_says_so() -> None:
    production = msgspec.structs.replace(DEVELOPMENT, env="production")
    closed = till_of(production, MARKET, PaymentSettings.load({})).providers
    assert not closed.has("sandbox")
    with pytest.raises(payments.PaymentsClosed):
        _ = closed.current
    assert till_of(production, MARKET, PaymentSettings.load({"SOUK_PAYMENTS": "sandbox"})).providers.current == "sandbox"


def test_a_market_with_payments_and_no_assets_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"no ledger\.Assets"):
        chosen(market=Market("sample", "/test", "Bazaar", (), (payments.MODULE,)))


def test_what_the_market_does_not_count_in_is_refused() -> None:
    till = chosen()
    assert till.asset(None) == ledger.USD
    with pytest.raises(ledger.UnknownAsset):
        till.asset("CRD")


async def test_without_a_provider_nobody_pays_and_everything_else_goes_on(shop: Shop) -> None:
    shop.till.providers = payments.Providers("", {})
    ada = await shop.join("ada")
    refused = await shop.deposits(ada, 5000, status=503)
    assert refused["code"] == "PAYMENTS_CLOSED"
    assert (await ada.asks("GET", "/payments/methods")).json()["error"]["code"] == "PAYMENTS_CLOSED"
    assert (await ada.asks("GET", "/wallet")).json()["data"]["total"] == 0
    assert await shop.hand_over(b"{}", {"Stripe-Signature": "t=1,v1=1"}) == 503
    assert await shop.rows("select count(*) from payments") == [(0,)]
