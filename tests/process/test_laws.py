"""Each law refuses what breaks it, and says where, by which way, and what to do."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from typing import Any
from uuid import UUID

import msgspec
import pytest

from souk.kernel.money import Rate
from souk.kernel.record import Record
from souk.process import (
    CLOCK,
    PLATFORM,
    REST,
    START,
    Actors,
    Order,
    Process,
    Unlawful,
    after,
    before,
    both,
    check,
    field,
    first_of,
    guard,
    hold,
    machine,
    param,
    party,
    process,
    process_of,
    refund,
    release,
    reserve,
    role,
    split,
    step,
    waits_on,
)
from tests.process.markets import PROCESSES

BUYER, SELLER, STRANGER = party("buyer"), party("seller"), party("stranger")
STAFF = role("admin")
PAYMENTS = machine("payments", "payment.captured")


class S(StrEnum):
    ASKED = auto()
    PAID = auto()
    DONE = auto()
    OFF = auto()


class Sale(Order):
    """What is bought."""

    buyer_id: UUID
    seller_id: UUID
    price: int
    title: str
    starts_at: datetime
    ended_at: datetime | None = None


class NewSale(Record):
    """What somebody wants."""

    seller_id: UUID
    price: int
    title: str
    starts_at: datetime


class Share(Record):
    """How much goes back."""

    back: int
    why: str


@guard("That is too much.")
def is_possible(order: Sale, params: Share) -> bool:
    """Nobody gets back more than they paid."""
    return params.back <= order.price


ASK = step("ask", by=BUYER, source=START, target=S.ASKED, takes=NewSale)
PAY = step(
    "pay", by=PAYMENTS, on="payment.captured", source=S.ASKED, target=S.PAID, money=hold("price", payer=BUYER, fee=Rate.parse("10%"))
)
LAPSE = step("lapse", by=CLOCK, source=S.ASKED, target=S.OFF, at=after(S.ASKED, hours=2))
APPROVE = step("approve", by=BUYER | CLOCK, source=S.PAID, target=S.DONE, at=after(S.PAID, days=7), money=release(SELLER))
CALL_OFF = step("call_off", by=SELLER, source=S.PAID, target=S.OFF, money=refund(), out_of_turn=True)
STEPS = (ASK, PAY, LAPSE, APPROVE, CALL_OFF)
WAITS = {S.ASKED: waits_on(PAYMENTS), S.PAID: waits_on(BUYER)}


def bought(*steps: Any, **changes: Any) -> dict[str, Any]:
    """A lawful process, with these steps in the place of those of the same name, or after them."""
    named = {each.name: each for each in steps}
    first = {each.name for each in STEPS}
    kept = (*(named.get(each.name, each) for each in STEPS), *(each for each in steps if each.name not in first))
    declared = {"order": Sale, "states": S, "parties": {BUYER: "buyer_id", SELLER: "seller_id"}, "steps": kept, "waits": WAITS}
    return {**declared, "ends": (S.DONE, S.OFF), **changes}


def without(name: str, **changes: Any) -> dict[str, Any]:
    """A process that lacks a step."""
    return bought(steps=tuple(each for each in STEPS if each.name != name), **changes)


def changed(old: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(old, **changes)


def test_what_is_lawful_is_taken() -> None:
    assert isinstance(process("sale", **bought()), Process)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (bought(steps=(*STEPS, LAPSE)), "2 steps are called lapse"),
        (bought(changed(ASK, name="ask!"), steps=None) | {"steps": (*STEPS[1:], changed(ASK, name="ask!"))}, "'ask!' cannot be a name"),
        (bought(step("buy", by=BUYER, source=S.PAID, target=S.DONE, money=release(SELLER), path="approve")),
         "in paid, buyer asking for approve may mean approve or buy"),
        (bought(steps=STEPS[1:]), "no step leads from START"),
        (bought(changed(ASK, target=None)), "ask begins an order, and leads nowhere"),
        (bought(changed(ASK, by=Actors((STAFF,)))), "ask begins an order by the role admin. Let a party begin it"),
        (bought(changed(ASK, takes=None)), "ask begins an order without price. Take it, give it a default, or let a do= function set it"),
        (without("pay"), "no order can come to paid"),
        (without("lapse", waits={**WAITS, S.ASKED: waits_on(PAYMENTS)}), "asked waits for payments for ever. Add a clock step"),
        (bought(step("again", by=CLOCK, source=S.OFF, target=S.ASKED, at=after(S.OFF))), "off is an end, and again leads out of it"),
        (bought(ends=(S.DONE,)), "nothing leads out of off. Add a step, or name it in ends="),
        (bought(changed(CALL_OFF, by=Actors((STRANGER,)))), "call_off is taken by stranger, who is no party"),
        (bought(changed(CALL_OFF, by=Actors((PLATFORM,)))), "call_off is taken by the platform, which takes no steps"),
        (bought(changed(CALL_OFF, by=Actors(()))), "nobody takes call_off"),
        (bought(changed(CALL_OFF, by=both(BUYER))), "call_off needs the agreement of buyer: only people agree, and it takes two"),
        (bought(changed(CALL_OFF, by=both(BUYER, CLOCK))), "only people agree"),
        (bought(parties={BUYER: "buyer_id", SELLER: "vendor_id"}), "the party seller is named by the field vendor_id, which Sale has not"),
        (without("call_off", parties={BUYER: "buyer_id", SELLER: "seller_id"}), "the party seller has nothing to do"),
        (bought(changed(PAY, on=())), "pay is taken by payments, and by no fact of theirs. Say on= with what they report: payment"),
        (bought(changed(PAY, on=("payment.captured", "rain"))), "pay follows from rain, which nobody who takes it reports"),
        (bought(step("move", by=process_of("box"), source=S.PAID, takes=Share)), "it can have neither parameters nor a time"),
        (bought(waits={S.PAID: waits_on(BUYER)}), "nobody knows for whom asked waits"),
        (bought(waits={**WAITS, S.OFF: waits_on(BUYER)}), "off is an end and waits for nobody"),
        (bought(waits={**WAITS, S.PAID: waits_on(STAFF)}), "paid waits for admin, who has nothing to do there"),
        (bought(changed(APPROVE, at=())), "approve is taken by the clock, at no time"),
        (bought(changed(APPROVE, by=Actors((BUYER,)))), "approve has a time, and no clock takes it"),
        (bought(changed(APPROVE, takes=Share)), "approve needs parameters, which the clock does not know"),
        (bought(changed(APPROVE, at=(after("ship", days=1),))), "approve counts from the step ship, which does not exist"),
        (bought(changed(APPROVE, at=(after(S.ASKED, days=1),))), "approve counts from asked, and cannot be taken there"),
        (bought(changed(APPROVE, at=(after(field("end"), days=1),))), "approve counts from the field end, which Sale has not"),
        (bought(changed(APPROVE, at=(before(field("title"), days=1),))), "approve counts from title, which is no moment"),
        (bought(changed(APPROVE, at=(first_of(after(S.PAID, days=9), before(field("ended_at"), days=1)),))),
         "approve counts from ended_at, which may be empty in paid. Say sets=('ended_at',) on every way there"),
        (bought(changed(APPROVE, money=())),
         "done is an end, and money would be held there for ever (start → ask → asked → pay → paid → approve → done)"),
        (bought(changed(PAY, money=())),
         "approve does release in paid, where money is nothing (start → ask → asked → pay → paid); it needs held"),
        (bought(changed(PAY, money=(reserve("price", payer=BUYER),))), "approve does release in paid, where money is reserved"),
        (bought(changed(CALL_OFF, target=S.ASKED, money=())),
         "in asked the money may stand differently: nothing by start → ask → asked; held by"),
        (bought(changed(APPROVE, by=SELLER | CLOCK, out_of_turn=True), waits={**WAITS, S.PAID: waits_on(BUYER | SELLER)}),
         "approve lets seller have the money by their own word"),
        (bought(changed(CALL_OFF, by=Actors((BUYER,)))), "call_off lets buyer have the money by their own word"),
        (bought(changed(PAY, money=(hold("prize", payer=BUYER),))), "pay needs prize, which Sale has not"),
        (bought(changed(PAY, money=(hold("title", payer=BUYER),))), "pay moves title, which is no whole number"),
        (bought(changed(PAY, money=(hold("price", payer=STRANGER),))), "pay moves money of stranger, who is no party"),
        (bought(changed(PAY, money=(hold("price", payer=BUYER, fee=field("cut")),))), "pay needs cut, which Sale has not"),
        (bought(changed(CALL_OFF, money=(split({BUYER: param("back"), SELLER: REST}, why="."),))),
         "call_off needs back, which what call_off takes has not"),
        (bought(changed(CALL_OFF, money=(split({BUYER: REST, SELLER: REST}, why="."),))), "call_off gives the rest to several"),
        (bought(changed(CALL_OFF, takes=Share, money=(split({BUYER: param("why"), SELLER: REST}, why="."),))),
         "moves why, which is no whole number"),
        (bought(changed(APPROVE, when=(is_possible,))), "the guard is_possible of approve judges parameters, and the step takes none"),
        (bought(changed(APPROVE, sets=("end",))), "approve sets end, which Sale has not"),
        (bought(changed(APPROVE, sets=("price",))), "approve sets price, and nobody says to what"),
        (bought(changed(APPROVE, by=Actors((BUYER,)), at=(), becomes=STRANGER)), "who takes approve becomes stranger"),
        (bought(changed(APPROVE, becomes=SELLER)), "who takes approve becomes seller: only people become parties"),
        (bought(changed(APPROVE, do="pay them")), "approve does 'pay them', which is no function"),
        (bought(changed(CALL_OFF, out_of_turn=False)), "call_off is open to seller, for whom nothing waits there"),
        (bought(changed(APPROVE, out_of_turn=True)), "approve is out of turn for nobody"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused_with_a_remedy(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(Unlawful) as refused:
        process("sale", **declared)
    assert said in str(refused.value)
    assert str(refused.value).startswith("the process sale is refused:\n  ")


def test_money_that_is_reserved_is_not_waited_on_for_ever() -> None:
    reserved = changed(PAY, money=(reserve("price", payer=BUYER),))
    taken = changed(APPROVE, by=Actors((BUYER,)), at=(), money=())
    with pytest.raises(Unlawful, match="paid waits for ever on money that is only reserved"):
        process("sale", **bought(reserved, taken, waits={**WAITS, S.PAID: waits_on(BUYER, because="no hurry")}))


@pytest.mark.parametrize("declared", PROCESSES, ids=lambda declared: declared.name)
def test_what_the_markets_need_can_be_said(declared: Process) -> None:
    assert check(declared) == []
