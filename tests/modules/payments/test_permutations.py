"""However the answers about a payment come, late, twice, in any order: the ledger is the same in the end.

An event makes the market read the thing that it names, so what an event does is what the thing read like at that moment. Here
every reading that a payment's life ever allowed comes in every order, those that are long out of date included, and some twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice, permutations
from typing import Any
from uuid import UUID, uuid4

import msgspec

from souk.kernel.db import Tx
from souk.kernel.money import Money
from souk.modules.payments.model import Row
from souk.modules.payments.provider import Failure, Intent, IntentState, Refund, RefundState
from souk.modules.payments.refunding import NewRefund, apply, ask_refund
from souk.modules.payments.settling import locked, settle
from tests.modules.payments.conftest import Shop

AMOUNT = Money(10_000, "USD")
PENDING, CONFIRM, ACTION, PROCESSING = (
    IntentState.REQUIRES_METHOD,
    IntentState.REQUIRES_CONFIRMATION,
    IntentState.REQUIRES_ACTION,
    IntentState.PROCESSING,
)
NO_FUNDS, LOST = Failure("insufficient_funds", "There is not enough."), Failure("lost_card", "This card was lost.")
AUTHORISED, CAPTURED, CANCELED = IntentState.REQUIRES_CAPTURE, IntentState.SUCCEEDED, IntentState.CANCELED
AT_ONCE = 60
"""So many payments in one transaction."""


class Reading(msgspec.Struct, frozen=True):
    """What a payment read like at some moment of its life."""

    state: IntentState
    failure: Failure | None = None
    captured: int = 0

    def of(self, row: Row) -> Intent:
        name = f"pi_{row.id}"
        return Intent(
            name, self.state, AMOUNT, self.captured, 0, f"{name}_secret", None, None, self.failure, row.manual, {}, "https://bank"
        )


class Life(msgspec.Struct, frozen=True):
    """All that a payment and its refund ever read like, in the order in which it happened."""

    readings: tuple[Reading | RefundState, ...]
    ends: tuple[tuple[str, str, int], ...]
    """What the ledger has of it in the end."""
    manual: bool = False
    escrow: bool = False
    returned: int = 0

    def orders(self) -> Iterator[tuple[Reading | RefundState, ...]]:
        """Every order; in each, one or two come once more."""
        chance = random.Random(len(self.ends))
        for order in permutations(self.readings):
            twice = list(order)
            for again in chance.sample(order, chance.randint(1, 2)):
                twice.insert(chance.randint(0, len(twice)), again)
            yield tuple(twice)


def came(amount: int, held: int = 0) -> tuple[tuple[str, str, int], ...]:
    """What comes in, and what of it is held."""
    moved = (("payment.captured", "clearing:sandbox", -amount), ("payment.captured", "wallet", amount))
    return (*(("held", "open", held),) * (held > 0), *moved)


WHOLE = Reading(CAPTURED, None, 10_000)
OPEN = (Reading(PENDING), Reading(ACTION), Reading(PROCESSING), Reading(PENDING, NO_FUNDS))
BACK = (("payment.refunded", "clearing:sandbox", 4_000), ("payment.refunded", "wallet", -4_000))
CAME_BACK = (("refund.failed", "clearing:sandbox", -4_000), ("refund.failed", "wallet", 4_000))
SENT = (RefundState.PENDING, RefundState.SUCCEEDED)

LIVES = {
    "a deposit": Life((*OPEN, Reading(CONFIRM), WHOLE), came(10_000)),
    "an escrow": Life((*OPEN, Reading(PENDING, LOST), WHOLE), came(10_000, 10_000), escrow=True),
    "authorised first": Life((*OPEN, Reading(AUTHORISED), WHOLE), came(10_000), manual=True),
    "captured in part": Life((*OPEN, Reading(AUTHORISED), Reading(CAPTURED, None, 6_000)), came(6_000, 6_000), manual=True, escrow=True),
    "given up": Life((*OPEN, Reading(PENDING, LOST), Reading(CANCELED)), ()),
    "let go": Life((*OPEN, Reading(AUTHORISED), Reading(CANCELED)), (), manual=True, escrow=True),
    "never paid": Life((*OPEN, Reading(CONFIRM), Reading(PENDING, LOST)), ()),
    "sent back": Life((Reading(PENDING), WHOLE, *SENT), (*came(10_000), *BACK), returned=4_000),
    "did not arrive": Life((Reading(PENDING), WHOLE, *SENT, RefundState.FAILED), (*came(10_000), *BACK, *CAME_BACK), returned=4_000),
    "held again": Life(
        (Reading(ACTION), WHOLE, *SENT, RefundState.FAILED), (*came(10_000, 10_000), *BACK, *CAME_BACK), escrow=True, returned=4_000
    ),
}


class Case(msgspec.Struct, frozen=True):
    """One payment, and the order in which its readings come."""

    id: UUID
    life: str
    order: tuple[Reading | RefundState, ...]


def cases() -> list[Case]:
    return [Case(uuid4(), name, order) for name, life in LIVES.items() for order in life.orders()]


async def begin(shop: Shop, every: Sequence[Case]) -> None:
    """Payments of as many people, begun and known to the provider."""
    rows = [(case.id, uuid4(), LIVES[case.life].manual, LIVES[case.life].escrow) for case in every]
    await shop.rows(
        """insert into payments
               (id, payer_id, kind, amount, currency, provider, provider_id, state, manual, escrow, key, created_at, updated_at)
           select id, payer, 'order', 10000, 'USD', 'sandbox', 'pi_' || id, 'pending', manual, escrow, id::text, $5, $5
           from unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::boolean[]) x(id, payer, manual, escrow)""",
        *(list(column) for column in zip(*rows, strict=True)),
        shop.clock.now(),
    )


async def live(tx: Tx, shop: Shop, case: Case) -> None:
    """All that is read of one payment, in that order."""
    row = await locked(tx, case.id)
    refund: UUID | None = None
    if LIVES[case.life].returned:
        # A refund is asked for when the money is there: whatever is read of it comes after that.
        row = await settle(tx, shop.till, row, WHOLE.of(row))
        wanted = NewRefund(key=str(case.id), payment_id=case.id, amount=LIVES[case.life].returned)
        refund = (await ask_refund(tx, shop.till, wanted)).id
        row = await locked(tx, case.id)
    for reading in case.order:
        if isinstance(reading, Reading):
            row = await settle(tx, shop.till, row, reading.of(row))
        elif refund is not None:
            failure = LOST if reading is RefundState.FAILED else None
            told = Refund(f"re_{refund}", f"pi_{case.id}", Money(LIVES[case.life].returned, "USD"), reading, failure)
            await apply(tx, till=shop.till, refund_id=refund, told=told)
            row = await locked(tx, case.id)


async def ledgers(shop: Shop) -> dict[UUID, Counter[tuple[str, str, int]]]:
    """What the ledger has of each payment and its refunds."""
    found: dict[UUID, Counter[tuple[str, str, int]]] = defaultdict(Counter)
    rows: list[tuple[Any, ...]] = await shop.rows(
        """with of_payment as (
               select id as reference_id, id as payment_id from payments union all select id, payment_id from refunds)
           select o.payment_id, j.kind, a.purpose, e.amount
           from of_payment o join journals j using (reference_id)
               join entries e on e.journal_id = j.id join accounts a on a.id = e.account_id
           union all
           select o.payment_id, 'held', h.state::text, h.amount
           from of_payment o join journals j using (reference_id) join holds h on h.journal_id = j.id and h.state = 'open'"""
    )
    for payment_id, *what in rows:
        found[payment_id][tuple(what)] += 1
    return found


async def test_every_order_and_repetition_of_what_is_told_ends_in_the_same_ledger(shop: Shop) -> None:
    every = cases()
    assert len({(case.life, case.order) for case in every}) >= 5_000
    await begin(shop, every)
    waiting = iter(every)

    async def work() -> None:
        while batch := list(islice(waiting, AT_ONCE)):

            async def some(tx: Tx, batch: list[Case] = batch) -> None:
                for case in batch:
                    await live(tx, shop, case)

            await shop.database.write(some)

    await asyncio.gather(*(work() for _ in range(4)))
    ends = await ledgers(shop)
    wrong = [(case.life, case.order, ends[case.id]) for case in every if ends[case.id] != Counter(LIVES[case.life].ends)]
    assert wrong[:3] == []
    await shop.lawful()


async def test_the_sandbox_tells_late_often_and_in_any_order(shop: Shop) -> None:
    """The whole way: events over HTTP, three times each and shuffled, the inbox, the worker."""
    people = [await shop.join(f"p{number}") for number in range(4)]
    bo = await shop.join("bo", "worker")
    shop.bank.faults.copies, shop.bank.faults.shuffle = 3, random.Random(11)
    paid = await shop.escrow(people[0].id, bo.id, method="pm_card_refundFail")
    await shop.refunds(paid, 4_000)
    proven = await shop.pays(people[1].id, 10_000, method="pm_card_authenticationRequired")
    await shop.bank.complete_action(str(proven.provider_id))
    given_up = await shop.pays(people[2].id, 10_000, method="pm_card_visa_chargeDeclined")
    await shop.bank.cancel_payment_intent(str(given_up.provider_id))
    taken = await shop.pays(people[3].id, 10_000, manual=True)
    await shop.bank.capture_payment_intent(str(taken.provider_id), {"amount_to_capture": "6000"})
    await shop.passes(days=3)
    await shop.passes(minutes=5)
    await shop.passes(minutes=5)
    assert [await shop.has(person.id) for person in people] == [(0, 10_000), (10_000, 0), (0, 0), (6_000, 0)]
    events = await shop.rows("select count(*), count(processed_at), count(distinct object_id) from webhook_events")
    assert events[0][0] == events[0][1] > 10
    await shop.lawful()
