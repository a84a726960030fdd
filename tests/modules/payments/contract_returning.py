"""What a provider promises about money that leaves: refunds, chargebacks, payouts."""

from __future__ import annotations

import pytest

from souk.modules.payments.provider import (
    DisputeState,
    Misused,
    PayoutState,
    RefundState,
    Unreachable,
)
from souk.modules.payments.sandbox.faults import Fault
from tests.modules.payments.bench import CLOSED, SENDS_BACK, Bench, usd


class ReturnContract:
    """Money on its way back to payers."""

    async def test_refunds_never_add_up_to_more_than_was_taken(self, bench: Bench) -> None:
        paid = await bench.paid(1000)
        parts = [await bench.provider.refund(bench.key(), paid.id, part, metadata={"refund": str(part)}) for part in (300, 650)]
        assert [(r.intent, r.amount, r.state, r.failure) for r in parts] == [
            (paid.id, usd(300), RefundState.SUCCEEDED, None),
            (paid.id, usd(650), RefundState.SUCCEEDED, None),
        ]
        with pytest.raises(Misused):
            await bench.provider.refund(bench.key(), paid.id, 51, metadata={})
        await bench.provider.refund(bench.key(), paid.id, 50, metadata={})
        with pytest.raises(Misused) as refused:
            await bench.provider.refund(bench.key(), paid.id, 1, metadata={})
        assert refused.value.code == "charge_already_refunded"
        assert (await bench.provider.intent(paid.id)).refunded == 1000
        assert sorted(await bench.kinds()) == [("payment", 1000, 0), ("refund", -650, 0), ("refund", -300, 0), ("refund", -50, 0)]

    async def test_only_what_was_taken_is_refunded(self, bench: Bench) -> None:
        reserved = await bench.paid(1000, manual=True)
        with pytest.raises(Misused):
            await bench.provider.refund(bench.key(), reserved.id, 10, metadata={})
        await bench.provider.capture_intent(bench.key(), reserved.id, 600)
        with pytest.raises(Misused):
            await bench.provider.refund(bench.key(), reserved.id, 601, metadata={})
        assert (await bench.provider.refund(bench.key(), reserved.id, 600, metadata={})).amount == usd(600)

    async def test_a_refund_that_succeeded_fails_later(self, bench: Bench) -> None:
        paid = await bench.paid(1000, "pm_card_refundFail")
        refund = await bench.provider.refund(bench.key(), paid.id, 400, metadata={})
        assert refund.state is RefundState.SUCCEEDED
        await bench.later(days=3)
        failed = await bench.provider.refund_of(refund.id)
        assert failed.state is RefundState.FAILED
        assert failed.failure is not None
        assert (await bench.provider.intent(paid.id)).refunded == 0
        assert await bench.kinds() == [("payment", 1000, 0), ("refund", -400, 0), ("refund_failure", 400, 0)]
        assert [line.source for line in await bench.bookings()] == [refund.id, refund.id, paid.id]
        assert ("refund.failed", refund.id) in [(event.kind, event.object_id) for event in await bench.events()]

    async def test_a_refund_takes_its_time(self, bench: Bench) -> None:
        paid = await bench.paid(1000, "pm_card_pendingRefund")
        refund = await bench.provider.refund(bench.key(), paid.id, 400, metadata={})
        assert refund.state is RefundState.PENDING
        await bench.later(days=3)
        assert (await bench.provider.refund_of(refund.id)).state is RefundState.SUCCEEDED

    async def test_a_refund_whose_answer_was_lost_is_found_by_what_it_says(self, bench: Bench) -> None:
        paid, other = await bench.paid(1000), await bench.paid(1000)
        for number in range(3):
            await bench.provider.refund(bench.key(), paid.id, 10, metadata={"refund": f"ours {number}"})
        lost = await bench.provider.refund(bench.key(), paid.id, 300, metadata={"refund": "lost"})
        await bench.provider.refund(bench.key(), other.id, 300, metadata={"refund": "of another"})
        assert await bench.provider.find_refund(paid.id, "lost") == lost
        assert await bench.provider.find_refund(paid.id, "of another") is None
        assert await bench.provider.find_refund(paid.id, "") is None

    async def test_a_chargeback_takes_the_money_at_once_and_a_fee(self, bench: Bench) -> None:
        paid = await bench.paid(1000, "pm_card_createDispute")
        await bench.later(minutes=1)
        opened = [event for event in await bench.events() if event.kind == "charge.dispute.created"]
        assert [(event.object_kind, event.about["payment_intent"]) for event in opened] == [("dispute", paid.id)]
        dispute = await bench.provider.dispute(opened[0].object_id)
        assert (dispute.intent, dispute.amount, dispute.fee) == (paid.id, usd(1000), 1500)
        assert (dispute.state, dispute.reason) == (DisputeState.OPEN, "fraudulent")
        assert await bench.kinds() == [("payment", 1000, 0), ("dispute", -1000, 1500)]
        assert [line.source for line in await bench.bookings()] == [dispute.id, paid.id]
        with pytest.raises(Misused) as refused:
            await bench.provider.refund(bench.key(), paid.id, 10, metadata={})
        assert refused.value.code == "charge_disputed"

    async def test_a_chargeback_is_won(self, bench: Bench) -> None:
        paid = await bench.paid(1000)
        opened = await bench.bank.open_dispute(paid.id, 600, "product_not_received")
        await bench.bank.decide_dispute(opened.id, won=True)
        dispute = await bench.provider.dispute(opened.id)
        assert (dispute.state, dispute.amount, dispute.fee) == (DisputeState.WON, usd(600), 1500)
        assert await bench.kinds() == [("payment", 1000, 0), ("dispute", -600, 1500), ("dispute_reversal", 600, 0)]
        assert (await bench.provider.refund(bench.key(), paid.id, 1000, metadata={})).state is RefundState.SUCCEEDED

    async def test_a_chargeback_that_nobody_answers_is_lost(self, bench: Bench) -> None:
        paid = await bench.paid(1000)
        opened = await bench.bank.open_dispute(paid.id)
        await bench.later(days=15)
        assert (await bench.provider.dispute(opened.id)).state is DisputeState.LOST
        assert "charge.dispute.closed" in [event.kind for event in await bench.events()]


class PayoutContract:
    """Money on its way to recipients."""

    async def test_a_recipient_is_ready_once_nothing_is_missing(self, bench: Bench) -> None:
        made = await bench.recipient(number="")
        before = await bench.provider.recipient(made)
        assert not before.ready
        assert "external_account" in before.missing
        assert (await bench.provider.onboarding(made, back="https://example.com/back")).startswith("http")
        await bench.bank.fill_in(made)
        after = await bench.provider.recipient(made)
        assert (after.ready, after.missing) == (True, ())
        assert after.destination
        assert after.destination != before.destination
        await bench.bank.fill_in(made, SENDS_BACK)
        assert (await bench.provider.recipient(made)).destination not in ("", after.destination)
        assert ("account.updated", made) in [(event.kind, event.about.get("account")) for event in await bench.events()]

    async def test_a_payout_arrives(self, bench: Bench) -> None:
        sent = await bench.paid_out()
        assert (sent.state, sent.amount, sent.failure) == (PayoutState.PENDING, usd(700), None)
        await bench.later(days=2)
        assert (await bench.provider.payout(sent.id, sent.recipient)).state is PayoutState.PAID
        told = [(event.kind, event.object_id, event.about["account"]) for event in await bench.events() if event.kind.startswith("payout.")]
        assert told == [("payout.created", sent.id, sent.recipient), ("payout.paid", sent.id, sent.recipient)]
        assert [(line.kind, line.source, line.amount) for line in await bench.bookings()] == [("payout", sent.id, usd(-700))]

    async def test_a_payout_that_was_paid_comes_back(self, bench: Bench) -> None:
        sent = await bench.paid_out(SENDS_BACK)
        await bench.later(days=2)
        assert (await bench.provider.payout(sent.id, sent.recipient)).state is PayoutState.PAID
        await bench.later(days=3)
        assert "payout.failed" in [event.kind for event in await bench.events()]
        for _ in range(2):
            failed = await bench.provider.payout(sent.id, sent.recipient)
            assert failed.failure is not None
            assert (failed.state, failed.failure.code) == (PayoutState.FAILED, "no_account")
        assert await bench.kinds() == [("payout", -700, 0), ("payout_failure", 700, 0)]
        assert {line.source for line in await bench.bookings()} == {sent.id}

    async def test_a_payout_fails_on_its_way(self, bench: Bench) -> None:
        sent = await bench.paid_out(CLOSED)
        await bench.later(days=2)
        failed = await bench.provider.payout(sent.id, sent.recipient)
        assert failed.failure is not None
        assert (failed.state, failed.failure.code) == (PayoutState.FAILED, "account_closed")
        assert sum(amount for _, amount, _ in await bench.kinds()) == 0

    async def test_a_payout_that_failed_is_not_sent_again_by_its_key(self, bench: Bench) -> None:
        recipient, key = await bench.recipient(CLOSED), bench.key()
        sent = await bench.provider.pay_out(key, recipient, usd(700), metadata={})
        await bench.later(hours=23)
        await bench.bank.fail_payout(sent.id, recipient)
        await bench.provider.payout(sent.id, recipient)
        with pytest.raises(Misused):
            await bench.provider.pay_out(key, recipient, usd(700), metadata={})
        assert sum(amount for _, amount, _ in await bench.kinds()) == 0

    async def test_a_payout_whose_key_is_forgotten_is_found_by_what_it_says(self, bench: Bench) -> None:
        sent = await bench.paid_out(SENDS_BACK)
        found = bench.provider.find_payout
        assert await found(sent.recipient, "ours", bench.began) == sent
        assert await found(sent.recipient, "another", bench.began) is None
        assert await found(await bench.recipient(), "ours", bench.began) is None
        await bench.later(days=2)
        await bench.later(days=3)
        failed = await found(sent.recipient, "ours", bench.began)
        assert failed is not None
        assert failed.state is PayoutState.FAILED
        assert await found(sent.recipient, "ours", bench.clock.now()) is None
        assert await bench.kinds() == [("payout", -700, 0), ("payout_failure", 700, 0)]

    async def test_of_a_payout_that_came_half_of_the_way_the_money_is_brought_back(self, bench: Bench) -> None:
        recipient = await bench.recipient()
        bench.bank.faults.next(Fault.TIMEOUT_BEFORE, "create_payout")
        with pytest.raises(Unreachable):
            await bench.provider.pay_out(bench.key(), recipient, usd(700), metadata={"payout": "ours"})
        assert await bench.kinds() == [("payout", -700, 0)]
        for _ in range(2):
            assert await bench.provider.find_payout(recipient, "ours", bench.began) is None
            await bench.later(hours=25)
        lines = await bench.bookings()
        assert [(line.kind, line.source, line.amount) for line in reversed(lines)] == [
            ("payout", "ours", usd(-700)),
            ("payout_failure", "ours", usd(700)),
        ]

    async def test_a_refused_payout_is_one_matter_in_the_books(self, bench: Bench) -> None:
        recipient = await bench.recipient(number="")
        with pytest.raises(Misused):
            await bench.provider.pay_out(bench.key(), recipient, usd(700), metadata={"payout": "ours"})
        assert {line.source for line in await bench.bookings()} == {"ours"}
        assert sum(amount for _, amount, _ in await bench.kinds()) == 0

    async def test_nothing_leaves_while_something_is_missing(self, bench: Bench) -> None:
        recipient, key = await bench.recipient(number=""), bench.key()
        for _ in range(2):
            with pytest.raises(Misused) as refused:
                await bench.provider.pay_out(key, recipient, usd(700), metadata={})
            assert refused.value.code == "payouts_not_allowed"
            await bench.bank.fill_in(recipient)
        assert sum(amount for _, amount, _ in await bench.kinds()) == 0

    async def test_a_payout_is_only_known_with_its_recipient(self, bench: Bench) -> None:
        sent = await bench.paid_out()
        with pytest.raises(Misused):
            await bench.provider.payout(sent.id, await bench.recipient())
