"""Chargebacks: what a payer's bank takes is booked at once, from wherever it is by now, and comes back when the dispute is won."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from souk.kernel.money import Money
from souk.modules import ledger, payments
from souk.modules.payments.chargebacks import parts_of
from souk.modules.payments.disputes import book, look_at_dispute
from souk.modules.payments.model import Happened, Row
from souk.modules.payments.provider import Dispute, DisputeState
from souk.modules.payments.sandbox.adapter import Sandbox
from tests.modules.payments.conftest import ASSETS, SECRET, Shop
from tests.modules.payments.payees import asks, earner, sends, state

FEE = 1_500
LOSSES = payments.LOSSES.of(ledger.USD)
FEES = payments.PROVIDER_FEES.of(ledger.USD)


async def owes(shop: Shop, person: UUID) -> int:
    return -await shop.total(payments.RECEIVABLE.of(ledger.USD, person))


async def disputed(shop: Shop, row: Row, amount: int | None = None) -> str:
    """The payer's bank takes a payment back, and the market hears of it."""
    dispute = await shop.bank.open_dispute(row.provider_id or "", amount)
    await shop.tells()
    return dispute.id


async def decided(shop: Shop, dispute: str, *, won: bool) -> None:
    await shop.bank.decide_dispute(dispute, won=won)
    await shop.tells()


async def agrees(shop: Shop) -> None:
    """The ledger has what the bank has, and every law holds."""
    page = await shop.bank.list_balance_transactions({"limit": 100})
    assert await shop.cleared() == sum(line.net for line in page.data)
    await shop.lawful()


@pytest.mark.parametrize("won", [True, False])
async def test_a_held_escrow_is_taken_and_held_again_after_a_win(shop: Shop, *, won: bool) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await disputed(shop, row)
    assert await shop.has(ada.id) == (0, 0)
    assert (await shop.payment(row.id)).disputed == 10_000
    with pytest.raises(payments.NothingHeld):
        await shop.released(row)
    await agrees(shop)
    await decided(shop, dispute, won=won)
    assert await shop.has(ada.id) == (0, 10_000 if won else 0)
    assert await shop.total(FEES) == -FEE
    assert await shop.announced("payment.disputed") == ["payment.disputed"] * 2
    await agrees(shop)
    if won:
        await shop.released(await shop.payment(row.id))
        assert await shop.has(will.id) == (9_000, 0)
        await agrees(shop)


async def test_of_a_part_that_is_taken_the_rest_stays_held(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await disputed(shop, row, 4_000)
    assert await shop.has(ada.id) == (0, 6_000)
    await decided(shop, dispute, won=True)
    assert await shop.has(ada.id) == (0, 10_000)
    await agrees(shop)


async def test_what_is_won_after_the_rest_was_released_is_the_payees(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await disputed(shop, row, 4_000)
    await shop.released(await shop.payment(row.id))
    assert await shop.has(will.id) == (5_000, 0)
    await decided(shop, dispute, won=True)
    assert (await shop.has(will.id), await shop.has(ada.id)) == ((9_000, 0), (0, 0))
    await agrees(shop)


@pytest.mark.parametrize("won", [True, False])
async def test_what_was_released_is_taken_from_its_payee_and_the_rest_is_owed(shop: Shop, *, won: bool) -> None:
    ada, will, wilma = await shop.join("ada"), await shop.join("will", "worker"), await shop.join("wilma", "worker")
    row = await shop.released(await shop.escrow(ada.id, will.id))
    await spends(shop, will.id, wilma.id, 7_000)
    dispute = await disputed(shop, row)
    assert (await shop.has(will.id), await owes(shop, will.id)) == ((0, 0), 7_000)
    assert await shop.total(LOSSES) == -1_000, "the platform gives the fee that it took, and nobody else"
    await agrees(shop)
    await decided(shop, dispute, won=won)
    assert (await shop.has(will.id), await owes(shop, will.id)) == (((2_000, 0), 0) if won else ((0, 0), 7_000))
    assert await shop.total(LOSSES) == (0 if won else -1_000)
    await agrees(shop)


async def spends(shop: Shop, person: UUID, other: UUID, amount: int) -> None:
    """Money goes on to somebody else."""
    parts = [(ledger.WALLET.of(ledger.USD, other), amount)]
    movement = ledger.transfer(f"spent by {person}", "spent", ledger.WALLET.of(ledger.USD, person), parts)
    await shop.database.write(lambda tx: ledger.post(tx, movement))


async def test_what_was_paid_of_a_debt_comes_back_with_a_win(shop: Shop) -> None:
    ada, will, wilma = await shop.join("ada"), await shop.join("will", "worker"), await shop.join("wilma", "worker")
    row = await shop.released(await shop.escrow(ada.id, will.id))
    other = await shop.released(await shop.escrow(ada.id, will.id, key="another"))
    await spends(shop, will.id, wilma.id, 18_000)
    first, second = await disputed(shop, row), await disputed(shop, other)
    assert await owes(shop, will.id) == 18_000
    await decided(shop, first, won=True)
    assert (await shop.has(will.id), await owes(shop, will.id)) == ((0, 0), 9_000)
    await shop.pays(will.id, 10_000, kind="deposit")
    await decided(shop, second, won=True)
    assert (await shop.has(will.id), await owes(shop, will.id)) == ((10_000, 0), 0)
    await agrees(shop)


@pytest.mark.parametrize("won", [True, False])
async def test_what_was_withdrawn_is_owed_and_netted_from_what_is_earned_later(shop: Shop, *, won: bool) -> None:
    ada, will = await shop.join("ada"), await earner(shop, amount=0)
    row = await shop.released(await shop.escrow(ada.id, will.id))
    first = await asks(will, 9_000)
    await sends(shop)
    await shop.passes(days=1, hours=1)
    assert await state(shop, first) == "paid"
    dispute = await disputed(shop, row)
    assert (await shop.has(will.id), await owes(shop, will.id)) == ((0, 0), 9_000)
    assert await shop.total(LOSSES) == -1_000
    await shop.released(await shop.escrow(ada.id, will.id, amount=20_000, fee=2_000, key="another"))
    second = await asks(will, 15_000)
    assert (second["amount"], second["netted"]) == (6_000, 9_000)
    assert (await shop.has(will.id), await owes(shop, will.id)) == ((3_000, 0), 0)
    await decided(shop, dispute, won=won)
    assert await shop.has(will.id) == (12_000 if won else 3_000, 0), "what was netted is theirs again after a win"
    assert await shop.total(LOSSES) == (0 if won else -1_000)
    (told,) = (await (await shop.staff()).asks("GET", "/admin/payments/disputes")).json()["data"]
    assert (told["status"], told["taken"], told["owed"]) == ("won" if won else "lost", 0, 9_000)
    await sends(shop)
    await shop.passes(days=1, hours=1)
    assert (await state(shop, first), await state(shop, second)) == ("paid", "paid")
    await agrees(shop)


async def test_a_deposit_is_taken_back_from_who_made_it(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.pays(ada.id, kind="deposit")
    await spends(shop, ada.id, will.id, 3_000)
    await disputed(shop, row)
    assert (await shop.has(ada.id), await owes(shop, ada.id)) == ((0, 0), 3_000)
    await agrees(shop)


async def test_a_chargeback_is_booked_once_whatever_comes_twice_and_late(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await disputed(shop, row)
    await decided(shop, dispute, won=False)
    seen = await shop.rows("select count(*) from journals")
    now = shop.clock.now()
    for _ in range(3):
        assert await look_at_dispute(shop.database, shop.till, Happened("sandbox", "", "", "dispute", dispute, {}, now, now, None))
    assert await shop.rows("select count(*) from journals") == seen
    assert await shop.rows("select state::text, fee from payment_disputes") == [("lost", FEE)]


async def test_a_chargeback_whose_end_nobody_told_is_asked_after(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await shop.bank.open_dispute(row.provider_id or "")
    await shop.tells()
    await shop.bank.decide_dispute(dispute.id, won=True)
    shop.clock.move_to(shop.clock.offset + timedelta(hours=7))
    await shop.work()
    assert await shop.has(ada.id) == (0, 10_000)


class Inquiring(Sandbox):
    """A provider that tells of a bank's question as of a chargeback, as Stripe does."""

    async def dispute(self, dispute: str) -> Dispute:
        found = await super().dispute(dispute)
        return Dispute(found.id, found.intent, found.amount, found.fee, found.state, found.reason, inquiry=True)


async def test_a_banks_question_is_no_chargeback(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.escrow(ada.id, will.id)
    dispute = await shop.bank.open_dispute(row.provider_id or "")
    asking = payments.Providers("sandbox", {"sandbox": lambda _database: Inquiring(shop.bank, [SECRET])})
    now = shop.clock.now()
    happened = Happened("sandbox", "", "", "dispute", dispute.id, {}, now, now, None)
    assert await look_at_dispute(shop.database, payments.Till(shop.till.rules, ASSETS, asking), happened)
    assert await shop.has(ada.id) == (0, 10_000)


async def test_a_chargeback_that_is_told_before_its_payment_was_waits_for_it(shop: Shop) -> None:
    ada, will = await shop.join("ada"), await shop.join("will", "worker")
    row = await shop.pays(ada.id, method=None, payee_id=will.id, escrow=True)
    await shop.bank.confirm_payment_intent(row.provider_id or "", {"payment_method": "pm_card_visa"})
    dispute = await shop.bank.open_dispute(row.provider_id or "")
    now = shop.clock.now()
    assert await look_at_dispute(shop.database, shop.till, Happened("sandbox", "", "", "dispute", dispute.id, {}, now, now, None))
    assert (await shop.payment(row.id)).disputed == 10_000
    assert await shop.has(ada.id) == (0, 0)
    await shop.tells()
    await agrees(shop)


async def test_staff_see_chargebacks_and_others_do_not(shop: Shop) -> None:
    ada, will, sam = await shop.join("ada"), await shop.join("will", "worker"), await shop.staff()
    row = await shop.escrow(ada.id, will.id)
    await disputed(shop, row)
    (found,) = (await sam.asks("GET", "/admin/payments/disputes?status=open")).json()["data"]
    assert (found["paymentId"], found["amount"], found["taken"], found["fee"]) == (str(row.id), 10_000, 10_000, FEE)
    assert (await sam.asks("GET", "/admin/payments/disputes?status=won")).json()["data"] == []
    assert (await will.asks("GET", "/admin/payments/disputes")).status_code == 403


@pytest.mark.parametrize(
    ("amount", "held", "payee", "platform", "parts"),
    [
        (100, 100, 0, 0, (100, 0, 0, 0)),
        (100, 60, 0, 0, (60, 0, 0, 40)),
        (100, 0, 90, 10, (0, 90, 10, 0)),
        (50, 0, 90, 10, (0, 50, 0, 0)),
        (100, 0, 50, 10, (0, 50, 10, 40)),
        (100, 0, 0, 0, (0, 0, 0, 100)),
        (100, 30, 40, 5, (30, 40, 5, 25)),
    ],
)
def test_who_gives_what_of_a_chargeback(amount: int, held: int, payee: int, platform: int, parts: tuple[int, ...]) -> None:
    found = parts_of(amount, held=held, payee_has=payee, platform_has=platform)
    assert (found.hold, found.payee, found.platform, found.payer) == parts
    assert sum(parts) == amount


# Every order


def readings(*, won: bool) -> tuple[tuple[DisputeState, int], ...]:
    """What a chargeback read like: before its fee was known, with it, and at its end."""
    return ((DisputeState.OPEN, 0), (DisputeState.OPEN, FEE), (DisputeState.WON if won else DisputeState.LOST, FEE))


@pytest.mark.parametrize("won", [True, False])
@pytest.mark.parametrize("released", [True, False])
async def test_however_the_answers_about_a_chargeback_come_the_ledger_is_the_same(shop: Shop, *, won: bool, released: bool) -> None:
    """Every order of all that it ever read like, each of it twice somewhere."""
    ada = await shop.join("ada")
    orders = sorted({(*order, again) for order in permutations(readings(won=won)) for again in order})
    ends: set[Any] = set()
    for number, order in enumerate(orders):
        payee = uuid4()
        row = await shop.escrow(ada.id, payee, key=f"payment {number}")
        if released:
            await shop.released(row)
            await spends(shop, payee, uuid4(), 5_000)
        for reading, fee in order:
            told = Dispute(f"du_{number}", row.provider_id or "", Money(10_000, "USD"), fee, reading, "fraudulent")
            await shop.database.write(partial(book, till=shop.till, payment_id=row.id, told=told))
        ends.add((*await booked(shop, row), await shop.has(payee), await owes(shop, payee)))
    assert len(ends) == 1
    (end,) = ends
    assert end[-2:] == ((4_000 if won else 0, 0) if released else (0, 0), 5_000 if released and not won else 0)
    await shop.lawful()


async def booked(shop: Shop, row: Row) -> tuple[Any, ...]:
    """What the ledger has of a payment's chargeback."""
    return tuple(
        await shop.rows(
            """select d.state::text, d.fee, p.disputed, p.held, j.kind, a.purpose, e.amount from payment_disputes d
               join payments p on p.id = d.payment_id join journals j on j.reference_id = d.id join entries e on e.journal_id = j.id
               join accounts a on a.id = e.account_id where d.payment_id = $1 order by j.kind, a.purpose, e.amount""",
            row.id,
        )
    )
