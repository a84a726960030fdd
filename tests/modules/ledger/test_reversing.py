"""What goes back: of everything that can move, never further than it came, never more than moved."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from fractions import Fraction
from functools import partial
from uuid import uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.modules.ledger import (
    CRD,
    CREDITS,
    EUR,
    EXCHANGE,
    EXPIRED,
    FEES,
    ISSUED,
    SPENT,
    USD,
    WALLET,
    InsufficientFunds,
    MoreThanMoved,
    NoSuchMovement,
    NotPositive,
    capture,
    exchange,
    grant,
    hold,
    lots,
    post,
    reverse,
    transfer,
)
from souk.modules.ledger.jobs import lapse_lots
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.laws import broken_laws
from tests.modules.ledger.test_at_once import crowd

__all__ = ["crowd"]

ADA, BO = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
CY = CREDITS.of(CRD, uuid4())


async def test_a_part_that_came_out_as_nothing_is_not_all_of_it() -> None:
    for part in ([], [(ADA, 0)], ((each, 0) for each in (ADA, BO))):
        with pytest.raises(NotPositive):
            reverse("k", "x", uuid4(), part)


async def test_what_never_was_does_not_go_back(books: Books) -> None:
    for part in (None, [(ADA, -1), (BO, 1)]):
        with pytest.raises(NoSuchMovement):
            await books.post(reverse("k", "x", uuid4(), part))


async def test_of_fifty_who_take_all_of_it_back_at_once_one_does(books: Books, crowd: Database, admin_dsn: str) -> None:
    for account in (ADA, BO):
        await books.give(account, 5_000)
    paid = await books.post(transfer("paid", "paid", ADA, [(BO, 90), (FEES.of(USD), 10)]))

    async def back(number: int) -> int:
        try:
            await crowd.write(partial(post, movement=reverse(f"back {number}", "back", paid.journal), last=True))
        except MoreThanMoved:
            return 0
        return 1

    assert sum(await asyncio.gather(*(back(number) for number in range(50)))) == 1
    assert [await books.has(each) for each in (ADA, BO, FEES.of(USD))] == [(5_000, 0), (5_000, 0), (0, 0)]
    assert await broken_laws(admin_dsn) == []


async def test_parts_that_many_take_back_at_once_are_no_more_than_all_of_it(books: Books, crowd: Database, admin_dsn: str) -> None:
    """Also where no account is locked, because all are hot: those who take back the same wait for each other."""
    fees, world = FEES.of(USD), WORLD.of(USD)
    booked = await books.post(transfer("booked", "booked", world, [(fees, 100)]))

    async def back(number: int) -> int:
        movement = reverse(f"back {number}", "back", booked.journal, [(fees, -7), (world, 7)])
        try:
            await crowd.write(partial(post, movement=movement, last=True))
        except MoreThanMoved:
            return 0
        return 7

    assert sum(await asyncio.gather(*(back(number) for number in range(40)))) == 98
    assert await books.has(fees) == (2, 0)
    assert await broken_laws(admin_dsn) == []


async def test_a_reversal_can_be_reversed_and_that_too(books: Books, admin_dsn: str) -> None:
    await books.give(ADA, 100)
    last = await books.post(transfer("paid", "paid", ADA, [(BO, 90), (FEES.of(USD), 10)]))
    for number in range(4):
        before, last = last, await books.post(reverse(f"back {number}", "back", last.journal))
        with pytest.raises((MoreThanMoved, InsufficientFunds)):
            await books.post(reverse(f"again {number}", "back", before.journal))
        assert await books.has(ADA) == ((100, 0) if number % 2 == 0 else (0, 0))
    assert await broken_laws(admin_dsn) == []


async def test_a_whole_exchange_goes_back_and_an_exchange_into_the_same_is_none(books: Books, admin_dsn: str) -> None:
    euros = WALLET.of(EUR, ADA.owner_id)
    await books.give(ADA, 1_000)
    done = await books.post(exchange("change", "exchanged", ADA, 333, target=euros, rate=Fraction(91, 100)))
    await books.post(reverse("back", "back", done.journal))
    for account in (euros, EXCHANGE.of(USD), EXCHANGE.of(EUR)):
        assert await books.has(account) == (0, 0)
    assert await books.has(ADA) == (1_000, 0)
    assert await broken_laws(admin_dsn) == []
    with pytest.raises(ValueError, match="two assets"):
        exchange("same", "exchanged", ADA, 1, target=BO, rate=Fraction(1))
    with pytest.raises(NotPositive):
        exchange("dust", "exchanged", ADA, 1, target=euros, rate=Fraction(1, 1_000))


async def test_escrow_whose_hold_is_open_does_not_go_back_past_the_hold(books: Books, admin_dsn: str) -> None:
    held = hold("escrow", "held", ADA, 100, funded_by=WORLD.of(USD))
    funded = await books.post(held)
    with pytest.raises(InsufficientFunds):
        await books.post(reverse("early", "back", funded.journal))
    taken = await books.post(capture("done", "done", held.hold_id, [(BO, 60)]))
    with pytest.raises(InsufficientFunds):
        await books.post(reverse("late", "back", funded.journal))
    await books.post(reverse("undone", "back", taken.journal))
    await books.post(reverse("now", "back", funded.journal))
    assert [await books.has(each) for each in (ADA, BO, WORLD.of(USD))] == [(0, 0)] * 3
    assert await broken_laws(admin_dsn) == []


async def test_credits_go_back_to_a_lot_whose_time_is_over_and_lapse_there(
    books: Books, database: Database, clock: Clock, admin_dsn: str
) -> None:
    await books.post(grant("invoice", "granted", CY, 10, books.now() + timedelta(hours=1), source=ISSUED.of(CRD)))
    spent = await books.post(transfer("spent", "spent", CY, [(SPENT.of(CRD), 8)]))
    clock.move_to(timedelta(hours=2))
    await lapse_lots(database)
    await books.post(reverse("back", "back", spent.journal, [(SPENT.of(CRD), -5), (CY, 5)]))
    assert (await books.has(CY), await database.read(lambda tx: lots(tx, CY))) == ((0, 0), [])
    await lapse_lots(database)
    assert (await books.has(EXPIRED.of(CRD)), await books.has(SPENT.of(CRD))) == ((7, 0), (3, 0))
    with pytest.raises(MoreThanMoved):
        await books.post(reverse("too much", "back", spent.journal, [(SPENT.of(CRD), -4), (CY, 4)]))
    assert await broken_laws(admin_dsn) == []


async def test_a_grant_that_was_used_goes_back_in_part_only(books: Books, admin_dsn: str) -> None:
    first = await books.post(grant("first", "granted", CY, 10, None, source=ISSUED.of(CRD)))
    await books.post(transfer("spent", "spent", CY, [(SPENT.of(CRD), 4)]))
    await books.post(grant("second", "granted", CY, 10, None, source=ISSUED.of(CRD)))
    part = [lot.remaining for lot in await books.database.read(lambda tx: lots(tx, CY)) if lot.kind == "granted"]
    assert sorted(part) == [6, 10]
    with pytest.raises(InsufficientFunds, match="6 CRD is available and 10 is needed"):
        await books.post(reverse("all", "back", first.journal))
    await books.post(reverse("part", "back", first.journal, [(CY, -6), (ISSUED.of(CRD), 6)]))
    assert await books.has(CY) == (10, 0)
    assert await broken_laws(admin_dsn) == []


async def test_money_is_not_granted_since_nothing_on_it_could_expire() -> None:
    with pytest.raises(ValueError, match="does not keep lots"):
        grant("k", "x", ADA, 5, None, source=WORLD.of(USD))
