"""What is said live of money: to whom it belongs, and to nobody else."""

from __future__ import annotations

from uuid import UUID

import msgspec
import pytest

from souk.kernel.messages import Event
from souk.markets import MARKETS
from souk.modules import payments

PAYMENT, PAYER, PAYEE, OTHER = (UUID(int=number) for number in range(1, 5))
OWN_WORDS = "No such external account: ba_1"
ABOUT = (PAYMENT, "order", OTHER, PAYER)
BOTH, PAYER_ALONE, PAYEE_ALONE = {f"user:{PAYER}", f"user:{PAYEE}"}, {f"user:{PAYER}"}, {f"user:{PAYEE}"}

FACTS = {
    "payment.captured": (payments.PaymentCaptured(*ABOUT, PAYEE, 100, 10, "USD"), BOTH, False),
    "payment.failed": (payments.PaymentFailed(*ABOUT, "card_declined", "Your card was declined."), PAYER_ALONE, False),
    "payment.canceled": (payments.PaymentCanceled(*ABOUT), PAYER_ALONE, False),
    "payment.authorised": (payments.PaymentAuthorised(*ABOUT, 100, "USD"), PAYER_ALONE, False),
    "payment.refunded": (payments.PaymentRefunded(PAYMENT, OTHER, *ABOUT[1:], PAYEE, 50, 5, "USD"), BOTH, False),
    "refund.failed": (payments.RefundFailed(PAYMENT, OTHER, *ABOUT[1:], 50, "USD", "lost_or_stolen_card"), PAYER_ALONE, True),
    "payment.disputed": (payments.PaymentDisputed(PAYMENT, OTHER, *ABOUT[1:], PAYEE, 50, "USD", "open", "fraudulent"), BOTH, True),
    "payout.requested": (payments.PayoutRequested(OTHER, PAYEE, 90, 0, "USD"), PAYEE_ALONE, True),
    "payout.paid": (payments.PayoutPaid(OTHER, PAYEE, 90, "USD"), PAYEE_ALONE, False),
    "payout.failed": (payments.PayoutFailed(OTHER, PAYEE, 90, "USD", "failed", "misused", OWN_WORDS), PAYEE_ALONE, True),
    "payout.canceled": (payments.PayoutCanceled(OTHER, PAYEE, 90, "USD"), PAYEE_ALONE, False),
}


@pytest.mark.parametrize("name", FACTS)
def test_each_hears_what_is_theirs(name: str) -> None:
    fact, rooms, staff = FACTS[name]
    (says,) = [each for each in payments.SAYS if each.fact is type(fact)]
    assert (says.name, set(says.to(fact))) == (name, rooms)
    assert [each.name for each in payments.SAYS_TO_STAFF if each.fact is type(fact)] == [name] * staff
    assert OWN_WORDS.encode() not in msgspec.json.encode(says.what(fact)), "the provider's own words are for staff"


def test_who_had_nobody_to_pay_is_told_alone() -> None:
    fact = payments.PaymentCaptured(PAYMENT, "deposit", None, PAYER, None, 100, 0, "USD")
    (says,) = [each for each in payments.SAYS if each.fact is payments.PaymentCaptured]
    assert set(says.to(fact)) == PAYER_ALONE


@pytest.mark.parametrize(("market", "people"), [("tulifo", "/"), ("nimmit", "/jobs")])
def test_the_markets_say_it_where_their_people_are(market: str, people: str) -> None:
    live = MARKETS[market].live
    assert live is not None
    for fact, _rooms, _staff in FACTS.values():
        assert people in {path for path, _says in live.by_fact[type(fact)]}
    staff = {path for path, _says in live.by_fact[payments.PaymentDisputed]} - {people}
    assert staff == ({"/admin"} if market == "nimmit" else set())


def test_no_other_fact_of_payments_is_said() -> None:
    said = {each.fact for each in payments.SAYS}
    assert said - {type(fact) for fact, _rooms, _staff in FACTS.values()} == {payments.PayoutAccountChanged}
    assert all(issubclass(fact, Event) for fact in said)
