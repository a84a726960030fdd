"""Stripe by its SDK, over HTTP: what the contract does not ask of every provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe as sdk

from souk.kernel.money import Money
from souk.modules.payments.provider import BadSignature, DisputeState, IntentState, Misused, PayoutState, RefundState, Unreachable
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.stripes import BACK, WEBHOOK_SECRET, World, world

TEN = Money(1000, "USD")


async def paid(opened: World, key: str = "k", amount: Money = TEN) -> str:
    """The id of a payment that succeeded."""
    intent = await opened.stripe.create_intent(key, amount, method="pm_card_visa", confirm=True, metadata={})
    assert intent.state is IntentState.SUCCEEDED
    return intent.id


async def recipient(opened: World) -> str:
    made = await opened.stripe.create_recipient("r", email="bo@example.com", country="US", metadata={})
    assert (made.ready, made.destination) == (False, "")
    assert made.missing
    await opened.bank.fill_in(made.id)
    found = await opened.stripe.recipient(made.id)
    assert (found.ready, found.missing, found.destination[:3]) == (True, (), "ba_")
    return made.id


def last(opened: World, path: str) -> dict[str, Any]:
    """The parameters of the last request there."""
    return next(seen.params for seen in reversed(opened.server.seen) if seen.path == path and seen.method == "POST")


# Payments


async def test_a_payment_goes_from_its_intent_to_its_refund() -> None:
    async with world() as opened:
        stripe = opened.stripe
        customer = await stripe.create_customer("c", email="ada@example.com", name="Ada", metadata={"person": "1"})
        intent = await stripe.create_intent("i", TEN, customer=customer.id, manual=True, metadata={"order": "7"})
        assert (intent.state, intent.manual, intent.customer) == (IntentState.REQUIRES_METHOD, True, customer.id)
        assert (await stripe.confirm_intent("i2", intent.id, "pm_card_visa")).state is IntentState.REQUIRES_CAPTURE
        captured = await stripe.capture_intent("i3", intent.id, 600)
        assert (captured.state, captured.captured, captured.metadata) == (IntentState.SUCCEEDED, 600, {"order": "7"})
        refund = await stripe.refund("f", intent.id, 250, metadata={})
        assert (refund.state, refund.intent, refund.amount) == (RefundState.SUCCEEDED, intent.id, Money(250, "USD"))
        assert (await stripe.intent(intent.id)).refunded == 250


async def test_a_payment_is_confirmed_with_the_method_that_it_has() -> None:
    async with world() as opened:
        intent = await opened.stripe.create_intent("i", TEN, method="pm_card_visa", metadata={})
        assert intent.state is IntentState.REQUIRES_CONFIRMATION
        assert (await opened.stripe.confirm_intent("c", intent.id)).state is IntentState.SUCCEEDED


async def test_the_payer_is_led_back_to_the_market_after_proving_who_they_are() -> None:
    async with world() as opened:
        intent = await opened.stripe.create_intent("i", TEN, metadata={})
        asked = await opened.stripe.confirm_intent("c", intent.id, "pm_card_authenticationRequired")
        assert asked.state is IntentState.REQUIRES_ACTION
        assert asked.next_url
        assert last(opened, f"/v1/payment_intents/{intent.id}/confirm")["return_url"] == BACK


async def test_a_saved_method_is_listed_until_it_is_forgotten() -> None:
    async with world() as opened:
        stripe = opened.stripe
        customer = (await stripe.create_customer("c", email="", name="", metadata={})).id
        setup = await stripe.create_setup("s", customer)
        assert setup.state == "requires_method"
        await opened.bank.confirm_setup_intent(setup.id, {"payment_method": "pm_card_visa"})
        method = (await stripe.setup(setup.id)).method
        assert method
        (found,) = await stripe.methods(customer)
        assert (found.id, found.kind, found.brand, found.last4) == (method, "card", "visa", "4242")
        await stripe.forget_method("d", method)
        assert await stripe.methods(customer) == []


async def test_pages_carry_what_the_market_wants_to_find_again() -> None:
    async with world() as opened:
        stripe = opened.stripe
        await opened.bank.put_price("price_month", 900, "usd", "month")
        customer = (await stripe.create_customer("c", email="ada@example.com", name="Ada", metadata={})).id
        page = await stripe.checkout(
            "p", customer=customer, price="price_month", quantity=2, mode="subscription", success=BACK, cancel=BACK, metadata={"plan": "x"}
        )
        assert (page.state, bool(page.url), page.subscription) == ("open", True, None)
        await opened.bank.complete_checkout(page.id)
        done = await stripe.checkout_of(page.id)
        assert (done.state, done.url, done.customer) == ("complete", "", customer)
        assert (await opened.bank.retrieve_subscription(done.subscription or "")).metadata == {"plan": "x"}
        assert (await stripe.portal(customer, back=BACK)).startswith("http")
        with pytest.raises(Misused):
            await stripe.checkout("q", customer=customer, price="price_month", quantity=1, mode="gift", success="", cancel="", metadata={})


# Chargebacks


async def test_a_chargeback_tells_its_fee_and_its_end() -> None:
    async with world() as opened:
        intent = await paid(opened)
        dispute = (await opened.bank.open_dispute(intent)).id
        found = await opened.stripe.dispute(dispute)
        assert (found.intent, found.amount, found.state, found.inquiry) == (intent, TEN, DisputeState.OPEN, False)
        assert found.fee > 0
        await opened.bank.decide_dispute(dispute, won=True)
        won = await opened.stripe.dispute(dispute)
        assert (won.state, won.fee) == (DisputeState.WON, found.fee)


@pytest.mark.parametrize(
    ("status", "state", "inquiry"),
    [
        ("warning_needs_response", DisputeState.OPEN, True),
        ("warning_under_review", DisputeState.OPEN, True),
        ("warning_closed",         DisputeState.WON,  True),
        ("prevented",              DisputeState.WON,  True),
        ("under_review",           DisputeState.OPEN, False),
        ("appeal_under_review",    DisputeState.OPEN, False),
        ("lost",                   DisputeState.LOST, False),
        ("of_tomorrow",            DisputeState.OPEN, False),
    ],
)  # fmt: skip
async def test_a_bank_that_only_asks_has_taken_nothing(status: str, state: DisputeState, inquiry: bool) -> None:  # noqa: FBT001
    async with world() as opened:
        told = {"id": "du_1", "object": "dispute", "amount": 5, "currency": "usd", "reason": "general", "payment_intent": "pi_1"}
        opened.server.raw = (200, json.dumps({**told, "status": status, "balance_transactions": []}).encode())
        found = await opened.stripe.dispute("du_1")
        assert (found.state, found.inquiry, found.fee) == (state, inquiry, 0)


# Payouts


async def test_a_payout_is_a_transfer_and_a_payout_that_name_each_other() -> None:
    async with world() as opened:
        to = await recipient(opened)
        payout = await opened.stripe.pay_out("p", to, TEN, metadata={"payout": "ours"})
        assert (payout.state, payout.recipient) == (PayoutState.PENDING, to)
        assert await opened.stripe.pay_out("p", to, TEN, metadata={"payout": "ours"}) == payout
        (transfer,) = {seen.path for seen in opened.server.seen if seen.path.startswith("/v1/transfers/")}
        assert (await opened.bank.retrieve_transfer(transfer.rpartition("/")[2])).metadata["payout"] == payout.id
        await opened.days(3)
        assert (await opened.stripe.payout(payout.id, to)).state is PayoutState.PAID


async def books(opened: World) -> list[tuple[str, str, int]]:
    since, until = opened.now - timedelta(days=9), opened.now + timedelta(days=9)
    return [(line.kind, line.source, line.amount.amount) async for line in opened.stripe.bookings(since, until)]


async def test_the_money_of_a_payout_that_fails_after_it_was_paid_comes_back() -> None:
    async with world() as opened:
        to = await recipient(opened)
        payout = (await opened.stripe.pay_out("p", to, TEN, metadata={})).id
        await opened.days(3)
        await opened.bank.fail_payout(payout, to)
        for _ in range(2):
            found = await opened.stripe.payout(payout, to)
            assert found.state is PayoutState.FAILED
            assert found.failure
        await opened.days(2)  # Stripe has forgotten the key of the reversal by now
        assert (await opened.stripe.payout(payout, to)).state is PayoutState.FAILED
        assert await books(opened) == [("payout_failure", payout, 1000), ("payout", payout, -1000)]


async def test_a_payout_that_is_refused_leaves_no_money_with_the_recipient() -> None:
    async with world() as opened:
        to = (await opened.stripe.create_recipient("r", email="bo@example.com", country="US", metadata={})).id
        with pytest.raises(Misused, match="payouts_not_allowed"):
            await opened.stripe.pay_out("p", to, TEN, metadata={})
        await opened.bank.fill_in(to)
        await opened.bank.create_transfer({"amount": 5000, "currency": "usd", "destination": to})  # money for somebody else's payout
        with pytest.raises(Misused, match="payouts_not_allowed"):
            await opened.stripe.pay_out("p", to, TEN, metadata={})
        assert (await opened.bank.list_payouts(account=to)).data == []
        assert sum(amount for _kind, _source, amount in await books(opened)) == -5000


@pytest.mark.parametrize("call", ["create_transfer", "create_payout", "update_transfer"])
@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_AFTER])
async def test_a_payout_that_breaks_off_anywhere_is_repeated_and_happens_once(call: str, fault: Fault) -> None:
    async with world() as opened:
        to = await recipient(opened)
        opened.bank.faults.next(fault, call)
        with pytest.raises(Unreachable):
            await opened.stripe.pay_out("p", to, TEN, metadata={})
        payout = await opened.stripe.pay_out("p", to, TEN, metadata={})
        assert await books(opened) == [("payout", payout.id, -1000)]
        assert len((await opened.bank.list_payouts(account=to)).data) == 1


async def test_a_payout_is_not_over_while_its_money_could_not_be_brought_back() -> None:
    async with world() as opened:
        to = await recipient(opened)
        payout = (await opened.stripe.pay_out("p", to, TEN, metadata={})).id
        await opened.bank.fail_payout(payout, to)
        elsewhere = await opened.bank.create_payout({"amount": 1000, "currency": "usd"}, account=to)
        with pytest.raises(Unreachable, match="could not be reversed"):
            await opened.stripe.payout(payout, to)
        assert elsewhere.status == "pending"


# Books


async def test_the_books_are_read_page_by_page() -> None:
    async with world() as opened:
        asked = {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
        intents = [(await opened.bank.create_payment_intent(asked)).id for _ in range(230)]
        found = await books(opened)
        assert sorted(source for _kind, source, _amount in found) == sorted(intents)
        assert sum(seen.path == "/v1/balance_transactions" for seen in opened.server.seen) == 3


async def test_the_books_of_a_day_end_with_it() -> None:
    async with world() as opened:
        since = opened.now
        first = await paid(opened, "a")
        await opened.days(1)
        second = await paid(opened, "b")
        days = [(since, since + timedelta(days=1)), (since + timedelta(days=1), since + timedelta(days=2))]
        assert [[line.source async for line in opened.stripe.bookings(*day)] for day in days] == [[first], [second]]


# Webhooks


def event(**other: Any) -> bytes:
    thing = {"id": "du_1", "object": "dispute", "payment_intent": "pi_1", "charge": {"id": "ch_1"}, "customer": None}
    told = {"id": "evt_1", "object": "event", "type": "charge.dispute.created", "created": 1_790_000_000, "data": {"object": thing}}
    return json.dumps(told | other).encode()


def signed(raw: bytes, at: datetime, secret: str = WEBHOOK_SECRET) -> Mapping[bytes, bytes]:
    """As the SDK signs for tests."""
    header = sdk.WebhookSignature.generate_signature_header(raw.decode(), secret, int(at.timestamp()))
    return {b"stripe-signature": header.encode()}


async def test_what_stripe_signed_a_moment_ago_is_read() -> None:
    async with world() as opened:
        raw = event(account="acct_1")
        read = opened.stripe.read_webhook(raw, signed(raw, opened.now - timedelta(seconds=299)), opened.now)
        assert (read.id, read.kind, read.object_id, read.object_kind) == ("evt_1", "charge.dispute.created", "du_1", "dispute")
        assert read.at.timestamp() == 1_790_000_000
        assert read.about == {"payment_intent": "pi_1", "charge": "ch_1", "account": "acct_1"}


async def test_an_invoice_names_its_subscription_wherever_the_version_of_the_api_puts_it() -> None:
    async with world() as opened:
        invoice = {"id": "in_1", "object": "invoice", "customer": "cus_1"}
        for where in ({"subscription": "sub_1"}, {"parent": {"subscription_details": {"subscription": "sub_1"}}}):
            raw = event(type="invoice.payment_succeeded", data={"object": invoice | where})
            read = opened.stripe.read_webhook(raw, signed(raw, opened.now), opened.now)
            assert read.about == {"customer": "cus_1", "subscription": "sub_1"}


async def test_what_is_old_or_not_stripes_is_refused() -> None:
    async with world() as opened:
        raw, now = event(), opened.now
        good = signed(raw, now)[b"stripe-signature"]
        old = signed(raw, now - timedelta(seconds=301))[b"stripe-signature"]
        stamp, signature = old.split(b",")
        fresh = b"t=%d" % now.timestamp()
        for header in (
            b"",
            old,
            signed(raw, now + timedelta(seconds=301))[b"stripe-signature"],
            signed(raw, now, "whsec_of_somebody_else_0123")[b"stripe-signature"],
            signed(raw + b" ", now)[b"stripe-signature"],
            good.replace(b"v1=", b"v0="),
            good + "é".encode(),
            fresh + b"," + signature,
            stamp + b"=x," + fresh + b"," + signature,  # the SDK would verify the one time, and we believe the other
            stamp + b"," + fresh + b"," + signature,
            b"t=+" + stamp[2:] + b"," + fresh + b"," + signature,
        ):
            with pytest.raises(BadSignature):
                opened.stripe.read_webhook(raw, {b"stripe-signature": header}, now)
        assert opened.stripe.read_webhook(raw, {b"stripe-signature": good}, now).id == "evt_1"


@pytest.mark.parametrize("raw", [b"{}", b"nothing", b'{"id": "evt_1", "object": "v2.core.event", "type": "x", "created": "2026"}'])
async def test_what_is_signed_and_no_event_is_refused(raw: bytes) -> None:
    async with world() as opened:
        with pytest.raises(BadSignature, match="no event"):
            opened.stripe.read_webhook(raw, signed(raw, opened.now), opened.now)
        latin = b"\xff" + raw
        with pytest.raises(BadSignature):
            opened.stripe.read_webhook(latin, signed(raw, opened.now), opened.now)
