"""What goes wrong between a market and Stripe, and that no secret shows in it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import traceback
from typing import cast

import pytest

from souk.kernel.config import ConfigError, Settings
from souk.kernel.db import Database
from souk.kernel.money import Money
from souk.markets.sample import SAMPLE
from souk.modules.ledger import USD, Assets
from souk.modules.payments.provider import Declined, IntentState, KeyRefused, Misused, ProviderError, Unreachable
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.rules import Rules
from souk.modules.payments.sandbox.faults import Fault
from souk.modules.payments.stripe import StripeSettings, open_stripe, provider_of
from souk.modules.payments.stripe.adapter import Stripe
from tests.doubles.stripe_server import KEY
from tests.modules.payments.stripes import BACK, WEBHOOK_SECRET, World, world

TEN = Money(1000, "USD")


async def begin(opened: World, key: str = "k1") -> None:
    await opened.stripe.create_intent(key, TEN, metadata={})


@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY])
async def test_whoever_hears_nothing_repeats_the_call_and_it_happens_once(fault: Fault) -> None:
    async with world() as opened:
        opened.bank.faults.next(fault, "create_payment_intent")
        with pytest.raises(Unreachable):
            await begin(opened)
        assert opened.posts("/v1/payment_intents") == 1  # the SDK does not repeat by itself
        first = await opened.stripe.create_intent("k1", TEN, metadata={})
        second = await opened.stripe.create_intent("k1", TEN, metadata={})
        assert first == second
        assert len((await opened.bank.list_payment_intents()).data) == 1


async def test_a_server_that_never_answers_is_given_up() -> None:
    async with world() as opened:
        hasty = Stripe(opened.settings(), back=BACK, patience=0.2)
        opened.server.silent = True
        try:
            with pytest.raises(Unreachable, match="no answer"):
                await hasty.create_intent("k1", TEN, metadata={})
        finally:
            await hasty.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, b'{"error": {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "in use"}}'),
        (429, b'{"error": {"type": "invalid_request_error", "code": "lock_timeout", "message": "locked"}}'),
        (400, b'{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "too many"}}'),
        (503, b'{"error": {"type": "api_error", "message": "down"}}'),
        (404, b"<h1>Not here</h1>"),
        (403, b'{"blocked": true}'),
        (502, b""),
        (200, b"<h1>Welcome to this network</h1>"),
        (200, b"\xff\xfe"),
    ],
)
async def test_what_does_not_say_what_became_of_the_call_is_unreachable(status: int, body: bytes) -> None:
    async with world() as opened:
        opened.server.raw = (status, body)
        with pytest.raises(Unreachable):
            await begin(opened)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, b'{"error": {"type": "invalid_request_error", "code": "amount_too_small", "message": "m"}}', "amount_too_small"),
        (400, b'{"error": {"type": "idempotency_error", "message": "m"}}', "idempotency_error"),
        (404, b'{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "m"}}', "resource_missing"),
        (403, b'{"error": {"type": "invalid_request_error", "code": "account_invalid", "message": "m"}}', "account_invalid"),
    ],
)
async def test_other_refusals_are_the_callers_fault(status: int, body: bytes, code: str) -> None:
    async with world() as opened:
        opened.server.raw = (status, body)
        with pytest.raises(Misused) as refused:
            await begin(opened)
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [
        (401, b"", "key_refused"),
        (401, b'"code": "api_key_expired", ', "key_refused"),
        (403, b"", "key_not_allowed"),
        (403, b'"code": "more_permissions_required", ', "key_not_allowed"),
    ],
)
async def test_a_key_that_is_not_taken_says_nothing_of_what_was_asked_for_and_is_told_loudly(
    status: int, told: bytes, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world() as opened:
        opened.server.raw = (status, b'{"error": {"type": "invalid_request_error", %b"message": "m"}}' % told)
        with pytest.raises(KeyRefused, match=code):
            await begin(opened)
    assert re.search(f"error.*Stripe does not take the market's key.*{code}", capsys.readouterr().out)


async def test_a_decline_says_why_in_the_banks_own_code() -> None:
    async with world() as opened:
        stripe = opened.stripe
        with pytest.raises(Declined) as declined:
            await stripe.create_intent("k1", TEN, method="pm_card_visa_chargeDeclinedInsufficientFunds", confirm=True, metadata={})
        assert declined.value.failure.code == "insufficient_funds"
        assert "insufficient" in declined.value.failure.message


@pytest.mark.parametrize("call", ["intent", "setup", "refund_of", "dispute", "recipient", "checkout_of", "methods"])
async def test_an_empty_id_names_nothing(call: str) -> None:
    async with world() as opened:
        with pytest.raises(Misused, match="resource_missing"):
            await getattr(opened.stripe, call)("")
        assert opened.server.seen == []


# Secrets


def shown(error: BaseException) -> str:
    """All that a log or a report of an error could show of it."""
    frames = "".join(traceback.format_exception(error))
    return f"{error!r} {error} {error.args} {vars(error)} {error.__cause__!r} {error.__context__!r} {frames}"


async def test_no_secret_shows_in_logs_or_errors(caplog: pytest.LogCaptureFixture) -> None:
    async with world() as opened:
        with caplog.at_level(logging.DEBUG):
            stripe = opened.stripe
            intent = await stripe.create_intent("k1", TEN, metadata={})
            with pytest.raises(Declined) as declined:
                await stripe.confirm_intent("k2", intent.id, "pm_card_visa_chargeDeclined")
            opened.server.key = "sk_test_somethingElse"  # now the server repeats the key that it does not know
            with pytest.raises(KeyRefused) as refused:
                await stripe.intent(intent.id)
        everything = f"{caplog.text} {shown(declined.value)} {shown(refused.value)} {stripe!r} {opened.settings()!r} {opened.settings()}"
        assert "Invalid API Key provided: …" in everything
        for secret in (KEY, WEBHOOK_SECRET, intent.client_secret):
            assert secret not in everything


async def test_errors_and_values_of_the_sdk_stay_inside() -> None:
    async with world() as opened:
        intent = await opened.stripe.create_intent("k1", TEN, metadata={"order": "7"})
        assert type(intent.metadata) is dict
        assert intent.state is IntentState.REQUIRES_METHOD
        with pytest.raises(ProviderError) as refused:
            await opened.stripe.capture_intent("k2", intent.id)
        assert refused.value.__cause__ is refused.value.__context__ is None


async def test_who_runs_the_market_is_not_told_to_stripe() -> None:
    async with world() as opened:
        await begin(opened)
        await begin(opened, "k2")
        for seen in opened.server.seen:
            assert "x-stripe-client-telemetry" not in seen.headers
            assert "telemetry_id" not in seen.headers["x-stripe-client-user-agent"]


# Settings


def test_settings_are_read_and_never_shown() -> None:
    own = StripeSettings.load({"SOUK_STRIPE_KEY": KEY, "SOUK_STRIPE_WEBHOOK_SECRET": f"{WEBHOOK_SECRET}, whsec_{'x' * 20}"})
    assert own.api == "https://api.stripe.com"
    assert len(own.webhook_secrets) == 2
    assert KEY not in repr(own)


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("SOUK_STRIPE_KEY", "pk_live_0123456789", "not a secret key"),
        ("SOUK_STRIPE_KEY", "sk_live_0123456789", "SOUK_STRIPE_WEBHOOK_SECRET is missing"),
        ("SOUK_STRIPE_WEBHOOK_SECRET", "sk_live_0123456789", "not the signing secret"),
        ("SOUK_STRIPE_API", "http://stripe.example.com", "not an address that a key may be sent to"),
        ("SOUK_STRIPE_API", "https://user:pw@stripe.example.com", "not an address that a key may be sent to"),
        ("SOUK_STRIPE_API", "https://stripe.example.com/v1", "not an address that a key may be sent to"),
        ("SOUK_STRIPE_API", "https://[", "not a web address"),
    ],
)
def test_wrong_settings_are_refused_without_repeating_them(variable: str, value: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong) as refused:
        StripeSettings.load({variable: value})
    assert value not in str(refused.value)


def test_a_market_that_pays_by_stripe_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="SOUK_STRIPE_KEY is missing"):
        open_stripe(StripeSettings.load({}), back=BACK)


def test_without_the_sdk_it_is_said_what_to_install() -> None:
    code = f"""
import sys
sys.modules["stripe"] = None
from souk.modules.payments.stripe import StripeSettings, open_stripe
open_stripe(StripeSettings("{KEY}", (), ""), back="")
"""
    said = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr
    assert "stripe is not installed. Install souk[stripe]." in said
    assert KEY not in said.splitlines()[-1]


async def test_a_market_that_closes_closes_its_line_to_stripe() -> None:
    async with world() as opened:
        till = Till(Rules(), Assets((USD,)), Providers("stripe", {"stripe": lambda _database: opened.stripe}))
        await till.aclose()
        await opened.stripe.create_intent("k1", TEN, metadata={})  # whom nobody asked is not closed
        await till.provider(cast("Database", object())).create_intent("k2", TEN, metadata={})
        await till.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await opened.stripe.create_intent("k3", TEN, metadata={})


def test_a_market_has_one_line_to_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUK_STRIPE_KEY", KEY)
    monkeypatch.setenv("SOUK_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
    make = provider_of(Settings.load({"SOUK_PUBLIC_URL": "https://market.example.com"}), SAMPLE)
    database = cast("Database", object())
    assert make(database) is make(database)
    assert make(database).name == "stripe"


def test_the_sdk_is_loaded_only_where_it_is_used() -> None:
    """It takes most of a second to load."""
    code = "import sys, souk.modules.payments.stripe; sys.exit('stripe' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
