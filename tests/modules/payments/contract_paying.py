"""What a provider promises about payers and payments, and about calls whose answer was lost."""

from __future__ import annotations

import pytest

from souk.modules.payments.provider import (
    Declined,
    IntentState,
    Misused,
    PayoutState,
    RefundState,
    Unreachable,
)
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.bench import LOST, Bench, usd


class PayerContract:
    """Payers, and the ways to pay that they saved."""

    async def test_a_method_is_saved_listed_used_and_forgotten(self, bench: Bench) -> None:
        provider, customer = bench.provider, await bench.customer()
        begun = await provider.create_setup(bench.key(), customer)
        assert (begun.state, begun.method) == ("requires_method", None)
        assert begun.client_secret.startswith(begun.id)
        await bench.bank.confirm_setup_intent(begun.id, {"payment_method": "pm_card_mastercard"})
        saved = await provider.setup(begun.id)
        assert saved.state == "succeeded"
        methods = await provider.methods(customer)
        assert [(m.id, m.kind, m.brand, m.last4) for m in methods] == [(saved.method, "card", "mastercard", "4444")]
        paid = await bench.paid(method=methods[0].id, customer=customer)
        assert (paid.state, paid.method, paid.customer) == (IntentState.SUCCEEDED, methods[0].id, customer)
        await provider.forget_method(bench.key(), methods[0].id)
        assert await provider.methods(customer) == []
        with pytest.raises(Misused):
            await bench.paid(method=methods[0].id, customer=customer)

    async def test_saving_a_card_may_need_proof(self, bench: Bench) -> None:
        customer = await bench.customer()
        begun = await bench.provider.create_setup(bench.key(), customer)
        await bench.bank.confirm_setup_intent(begun.id, {"payment_method": "pm_card_authenticationRequired"})
        assert (await bench.provider.setup(begun.id)).state == "requires_action"
        assert await bench.provider.methods(customer) == []
        await bench.bank.complete_setup(begun.id, passed=False)
        assert (await bench.provider.setup(begun.id)).state == "requires_method"
        await bench.bank.confirm_setup_intent(begun.id, {"payment_method": "pm_card_authenticationRequired"})
        await bench.bank.complete_setup(begun.id)
        assert (await bench.provider.setup(begun.id)).state == "succeeded"
        assert len(await bench.provider.methods(customer)) == 1

    async def test_nobody_pays_with_the_method_of_another(self, bench: Bench) -> None:
        owner, other = await bench.customer(), await bench.customer()
        begun = await bench.provider.create_setup(bench.key(), owner)
        await bench.bank.confirm_setup_intent(begun.id, {"payment_method": "pm_card_visa"})
        saved = (await bench.provider.methods(owner))[0].id
        with pytest.raises(Misused):
            await bench.paid(method=saved, customer=other)

    async def test_what_is_not_there_is_refused(self, bench: Bench) -> None:
        provider = bench.provider
        asked = [
            provider.intent("pi_none"),
            provider.refund_of("re_none"),
            provider.dispute("du_none"),
            provider.recipient("acct_none"),
            provider.setup("seti_none"),
            provider.checkout_of("cs_none"),
            provider.create_setup(bench.key(), "cus_none"),
            provider.capture_intent(bench.key(), "pi_none"),
            provider.refund(bench.key(), "pi_none", 5, metadata={}),
            provider.pay_out(bench.key(), "acct_none", usd(5), metadata={}),
            provider.create_intent(bench.key(), usd(5), customer="cus_none", metadata={}),
        ]
        for call in asked:
            with pytest.raises(Misused) as refused:
                await call
            assert refused.value.code == "resource_missing"


class PaymentContract:
    """Payments, from the first word to the money."""

    async def test_a_payment_succeeds(self, bench: Bench) -> None:
        begun = await bench.provider.create_intent(bench.key(), usd(1250), metadata={"order": "7"})
        assert (begun.state, begun.captured, begun.failure) == (IntentState.REQUIRES_METHOD, 0, None)
        assert (begun.amount, begun.metadata, begun.manual) == (usd(1250), {"order": "7"}, False)
        paid = await bench.provider.confirm_intent(bench.key(), begun.id, "pm_card_visa")
        assert (paid.id, paid.state, paid.captured, paid.refunded) == (begun.id, IntentState.SUCCEEDED, 1250, 0)
        assert await bench.provider.intent(begun.id) == paid
        assert await bench.kinds() == [("payment", 1250, 0)]
        assert [line.source for line in await bench.bookings()] == [begun.id]

    @pytest.mark.parametrize(
        ("card", "code"),
        [
            ("pm_card_visa_chargeDeclined", "generic_decline"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ],
    )
    async def test_a_card_is_declined_and_another_one_works(self, bench: Bench, card: str, code: str) -> None:
        begun = await bench.provider.create_intent(bench.key(), usd(900), metadata={})
        with pytest.raises(Declined) as declined:
            await bench.provider.confirm_intent(bench.key(), begun.id, card)
        assert declined.value.failure.code == code
        after = await bench.provider.intent(begun.id)
        assert (after.state, after.failure, after.captured) == (IntentState.REQUIRES_METHOD, declined.value.failure, 0)
        assert await bench.kinds() == []
        paid = await bench.provider.confirm_intent(bench.key(), begun.id, "pm_card_visa")
        assert (paid.state, paid.failure) == (IntentState.SUCCEEDED, None)

    async def test_a_payer_proves_who_they_are(self, bench: Bench) -> None:
        begun = await bench.provider.create_intent(bench.key(), usd(900), metadata={})
        asked = await bench.provider.confirm_intent(bench.key(), begun.id, "pm_card_authenticationRequired")
        assert asked.state is IntentState.REQUIRES_ACTION
        assert asked.next_url
        assert asked.next_url.startswith("http")
        await bench.bank.complete_action(begun.id, passed=False)
        refused = await bench.provider.intent(begun.id)
        assert refused.state is IntentState.REQUIRES_METHOD
        assert refused.failure is not None
        assert refused.failure.code == "payment_intent_authentication_failure"
        await bench.provider.confirm_intent(bench.key(), begun.id, "pm_card_authenticationRequired")
        await bench.bank.complete_action(begun.id)
        paid = await bench.provider.intent(begun.id)
        assert (paid.state, paid.captured, paid.next_url) == (IntentState.SUCCEEDED, 900, None)

    async def test_a_payer_proves_who_they_are_and_has_no_money(self, bench: Bench) -> None:
        begun = await bench.provider.create_intent(bench.key(), usd(900), metadata={})
        card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
        await bench.provider.confirm_intent(bench.key(), begun.id, card)
        await bench.bank.complete_action(begun.id)
        after = await bench.provider.intent(begun.id)
        assert after.failure is not None
        assert (after.state, after.failure.code) == (IntentState.REQUIRES_METHOD, "insufficient_funds")

    async def test_without_the_payer_a_card_that_needs_proof_is_declined(self, bench: Bench) -> None:
        with pytest.raises(Declined) as declined:
            await bench.paid(method="pm_card_authenticationRequired")
        assert declined.value.failure.code == "authentication_required"

    async def test_money_is_reserved_and_part_of_it_taken(self, bench: Bench) -> None:
        reserved = await bench.paid(1000, manual=True)
        assert (reserved.state, reserved.captured, reserved.manual) == (IntentState.REQUIRES_CAPTURE, 0, True)
        assert await bench.kinds() == []
        with pytest.raises(Misused):
            await bench.provider.capture_intent(bench.key(), reserved.id, 1001)
        taken = await bench.provider.capture_intent(bench.key(), reserved.id, 600)
        assert (taken.state, taken.captured, taken.amount, taken.refunded) == (IntentState.SUCCEEDED, 600, usd(1000), 0)
        with pytest.raises(Misused) as refused:
            await bench.provider.capture_intent(bench.key(), reserved.id, 400)
        assert refused.value.code == "payment_intent_unexpected_state"
        assert await bench.kinds() == [("payment", 600, 0)]

    async def test_what_was_reserved_is_taken_whole(self, bench: Bench) -> None:
        reserved = await bench.paid(1000, manual=True)
        assert (await bench.provider.capture_intent(bench.key(), reserved.id)).captured == 1000

    async def test_what_was_reserved_is_let_go(self, bench: Bench) -> None:
        reserved = await bench.paid(1000, manual=True)
        canceled = await bench.provider.cancel_intent(bench.key(), reserved.id)
        assert (canceled.state, canceled.captured) == (IntentState.CANCELED, 0)
        with pytest.raises(Misused):
            await bench.provider.capture_intent(bench.key(), reserved.id)

    async def test_what_is_reserved_for_too_long_is_let_go(self, bench: Bench) -> None:
        reserved = await bench.paid(1000, manual=True)
        await bench.later(days=8)
        assert (await bench.provider.intent(reserved.id)).state is IntentState.CANCELED
        assert "payment_intent.canceled" in [event.kind for event in await bench.events()]

    async def test_what_was_paid_cannot_be_canceled(self, bench: Bench) -> None:
        paid = await bench.paid()
        with pytest.raises(Misused) as refused:
            await bench.provider.cancel_intent(bench.key(), paid.id)
        assert refused.value.code == "payment_intent_unexpected_state"

    async def test_slow_money_takes_its_time(self, bench: Bench) -> None:
        slow = await bench.paid(method="pm_usBankAccount_processing")
        assert (slow.state, slow.captured) == (IntentState.PROCESSING, 0)
        with pytest.raises(Misused):
            await bench.provider.cancel_intent(bench.key(), slow.id)
        await bench.later(days=2)
        assert (await bench.provider.intent(slow.id)).captured == 1000


class KeyContract:
    """Keys: a call happens once, whatever becomes of its answers."""

    async def test_the_same_key_gets_the_same_answer(self, bench: Bench) -> None:
        key = bench.key()
        once = [await bench.provider.create_intent(key, usd(800), method="pm_card_visa", confirm=True, metadata={}) for _ in range(3)]
        assert once[0] == once[1] == once[2]
        assert await bench.kinds() == [("payment", 800, 0)]

    async def test_the_same_key_does_not_serve_for_something_else(self, bench: Bench) -> None:
        key = bench.key()
        await bench.provider.create_intent(key, usd(800), metadata={})
        with pytest.raises(Misused) as refused:
            await bench.provider.create_intent(key, usd(801), metadata={})
        assert refused.value.code == "idempotency_error"
        with pytest.raises(Misused):
            await bench.provider.create_customer(key, email="a@example.com", name="A", metadata={})

    async def test_a_refusal_of_the_bank_is_repeated_too(self, bench: Bench) -> None:
        key = bench.key()
        begun = await bench.provider.create_intent(bench.key(), usd(800), metadata={})
        for _ in range(2):
            with pytest.raises(Declined) as declined:
                await bench.provider.confirm_intent(key, begun.id, "pm_card_visa_chargeDeclined")
            assert declined.value.failure.code == "generic_decline"
        events = [event.kind for event in await bench.events()]
        assert events.count("payment_intent.payment_failed") == 1

    async def test_a_request_that_was_wrong_leaves_its_key_free(self, bench: Bench) -> None:
        key = bench.key()
        with pytest.raises(Misused):
            await bench.provider.create_intent(key, usd(0), metadata={})
        assert (await bench.provider.create_intent(key, usd(5), metadata={})).amount == usd(5)

    async def test_a_key_is_remembered_for_a_day(self, bench: Bench) -> None:
        key = bench.key()
        first = await bench.provider.create_intent(key, usd(800), metadata={})
        await bench.later(hours=23)
        assert (await bench.provider.create_intent(key, usd(800), metadata={})).id == first.id
        await bench.later(hours=2)
        assert (await bench.provider.create_intent(key, usd(800), metadata={})).id != first.id

    @pytest.mark.parametrize("fault", LOST)
    async def test_whoever_got_no_answer_asks_again(self, bench: Bench, fault: Fault) -> None:
        provider, faults, keys = bench.provider, bench.bank.faults, [bench.key() for _ in range(4)]
        recipient = await bench.recipient()
        intent = None
        faults.next(fault, "create_payment_intent")
        with pytest.raises(Unreachable):
            await provider.create_intent(keys[0], usd(1000), method="pm_card_visa", manual=True, confirm=True, metadata={})
        intent = await provider.create_intent(keys[0], usd(1000), method="pm_card_visa", manual=True, confirm=True, metadata={})
        faults.next(fault, "capture_payment_intent")
        with pytest.raises(Unreachable):
            await provider.capture_intent(keys[1], intent.id, 900)
        assert (await provider.capture_intent(keys[1], intent.id, 900)).captured == 900
        faults.next(fault, "create_refund")
        with pytest.raises(Unreachable):
            await provider.refund(keys[2], intent.id, 300, metadata={})
        assert (await provider.refund(keys[2], intent.id, 300, metadata={})).state is RefundState.SUCCEEDED
        for step in ("create_transfer", "create_payout", "update_transfer"):
            faults.next(fault, step)
            with pytest.raises(Unreachable):
                await provider.pay_out(keys[3], recipient, usd(200), metadata={})
        assert (await provider.pay_out(keys[3], recipient, usd(200), metadata={})).state is PayoutState.PENDING
        assert await bench.kinds() == [("payment", 900, 0), ("refund", -300, 0), ("payout", -200, 0)]

    async def test_an_error_that_is_kept_says_nothing_of_the_payment(self, bench: Bench) -> None:
        """Stripe repeats even its own failures for a day; reading tells the truth."""
        reserved = await bench.paid(1000, manual=True)
        key = bench.key()
        bench.bank.faults.next(Fault.ERROR_KEPT, "capture_payment_intent")
        for _ in range(3):
            with pytest.raises(Unreachable):
                await bench.provider.capture_intent(key, reserved.id)
        assert (await bench.provider.intent(reserved.id)).state is IntentState.REQUIRES_CAPTURE
        await bench.later(hours=25)
        assert (await bench.provider.capture_intent(key, reserved.id)).captured == 1000

    async def test_reading_may_fail_too(self, bench: Bench) -> None:
        paid = await bench.paid()
        bench.bank.faults.next(Fault.TIMEOUT_BEFORE, "retrieve_payment_intent")
        with pytest.raises(Unreachable):
            await bench.provider.intent(paid.id)
        assert (await bench.provider.intent(paid.id)).captured == 1000
