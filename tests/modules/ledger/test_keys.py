"""One key, one movement: whoever repeats it, however often, in whatever order its parts are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Tx, only
from souk.kernel.messages import emit
from souk.modules.ledger import (
    CRD,
    CREDITS,
    FEES,
    ISSUED,
    SPENT,
    USD,
    WALLET,
    IdempotencyConflict,
    InsufficientFunds,
    Movement,
    capture,
    expire,
    grant,
    hold,
    post,
    release,
    reverse,
    transfer,
)
from tests.modules.ledger.conftest import WORLD, Books, Moved
from tests.modules.ledger.laws import broken_laws
from tests.modules.ledger.test_at_once import crowd

__all__ = ["crowd"]

JOURNALS = only(int, 'select count(*) as "count!" from journals')
FACTS = only(int, """select count(*) as "count!" from events where topic = 'test.moved'""")
ADA, BO = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
CY = CREDITS.of(CRD, uuid4())


async def prepared(books: Books) -> dict[str, Callable[[], Movement]]:
    """Of every verb a movement that can be made, told anew each time."""
    await books.give(ADA, 1_000)
    soon = books.now() + timedelta(seconds=-1)
    first, second = hold("first", "held", ADA, 100), hold("second", "held", ADA, 100)
    over = hold("over", "held", ADA, 100, soon)
    paid = transfer("earlier", "paid", ADA, [(BO, 50), (FEES.of(USD), 5)])
    for each in (first, second, over, grant("earlier grant", "granted", CY, 50, None, source=ISSUED.of(CRD))):
        await books.post(each)
    journal = (await books.post(paid)).journal
    return {
        "transfer": lambda: transfer("k", "x", ADA, [(BO, 10), (FEES.of(USD), 1)], detail={"of": 1, "for": {"b": 2, "a": 1}}),
        "hold": lambda: hold("k", "x", ADA, 10, books.now() + timedelta(hours=1)),
        "escrow": lambda: hold("k", "x", ADA, 10, books.now() + timedelta(hours=1), funded_by=WORLD.of(USD)),
        "capture": lambda: capture("k", "x", first.hold_id, [(BO, 60), (FEES.of(USD), 6)]),
        "release": lambda: release("k", "x", second.hold_id),
        "expire": lambda: expire("k", "x", over.hold_id),
        "grant": lambda: grant("k", "x", CY, 10, books.now() + timedelta(days=60), source=ISSUED.of(CRD)),
        "spend": lambda: transfer("k", "x", CY, [(SPENT.of(CRD), 10)]),
        "reverse": lambda: reverse("k", "x", journal),
        "reverse a part": lambda: reverse("k", "x", journal, [(BO, -5), (ADA, 5)]),
    }


VERBS = ("transfer", "hold", "escrow", "capture", "release", "expire", "grant", "spend", "reverse", "reverse a part")


@pytest.mark.parametrize("verb", VERBS)
async def test_every_verb_is_carried_out_once_and_answered_for_ever(
    books: Books, clock: Clock, crowd: Database, admin_dsn: str, verb: str
) -> None:
    """At once, later, in a longer transaction, in a rehearsal, with news and without: the same journal, and news of it once."""
    movements = await prepared(books)
    assert tuple(movements) == VERBS
    told = movements[verb]
    before = await books.ask(JOURNALS)
    at_once = await asyncio.gather(*(crowd.write(lambda tx: post(tx, told(), Moved(uuid4()), last=True)) for _ in range(10)))
    reading = [await books.has(each) for each in (ADA, BO, CY, FEES.of(USD))]
    clock.move_to(timedelta(hours=30))

    async def longer(tx: Tx, *, last: bool) -> UUID:
        await emit(tx, Moved(uuid4()))
        return (await post(tx, told(), Moved(uuid4()), last=last)).journal

    later = [
        (await books.post(told())).journal,
        (await books.post(told(), Moved(uuid4()))).journal,
        (await books.database.rehearse(lambda tx: post(tx, told(), Moved(uuid4())))).journal,
        await books.database.write(partial(longer, last=False)),
        await books.database.write(partial(longer, last=True)),
    ]
    assert {posted.journal for posted in at_once} | set(later) == {at_once[0].journal}
    assert sum(not posted.replayed for posted in at_once) == 1
    assert await books.ask(JOURNALS) == before + 1
    assert await books.ask(FACTS) == 1 + 2  # what was said before the repetitions was said
    assert [await books.has(each) for each in (ADA, BO, CY, FEES.of(USD))] == reading
    assert await broken_laws(admin_dsn) == []


async def test_a_movement_told_in_another_order_is_the_same(books: Books) -> None:
    """Also its detail: as the database gives it back its names stand in another order."""
    await books.give(ADA, 1_000)
    one = transfer("k", "x", ADA, [(BO, 10), (FEES.of(USD), 1)], detail={"of": 1, "for": {"b": 2, "a": 1}})
    other = transfer("k", "x", ADA, [(FEES.of(USD), 1), (BO, 10)], detail={"for": {"a": 1, "b": 2}, "of": 1})
    assert (await books.post(one)).journal == (await books.post(other)).journal


async def test_everything_but_times_makes_it_another_movement(books: Books) -> None:
    await books.give(ADA, 1_000)
    await books.give(BO, 1_000)
    await books.post(transfer("k", "x", ADA, [(BO, 10)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}))
    others = (
        transfer("k", "x", BO, [(ADA, 10)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}),
        transfer("k", "x", ADA, [(BO, 10)], reference=ADA.owner_id, actor=BO.owner_id, detail={"of": 1}),
        transfer("k", "x", ADA, [(BO, 10)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 2}),
        transfer("k", "x", ADA, [(BO, 10)], reference=ADA.owner_id, actor=ADA.owner_id),
        transfer("k", "x", ADA, [(BO, 9), (FEES.of(USD), 1)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}),
        transfer("k", "x", ADA, [(BO, 10)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}, lot=uuid4()),
        reverse("k", "x", uuid4(), [(ADA, -10), (BO, 10)], reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}),
        release("k", "x", uuid4(), reference=ADA.owner_id, actor=ADA.owner_id, detail={"of": 1}),
    )
    for other in others:
        for news in ((), (Moved(uuid4()),)):
            with pytest.raises(IdempotencyConflict):
                await books.post(other, *news)
    assert (await books.has(ADA), await books.ask(FACTS)) == ((990, 0), 0)


async def test_a_refused_movement_leaves_its_key_free(books: Books) -> None:
    movement = transfer("order 1", "paid", ADA, [(BO, 10)])
    for news in ((), (Moved(uuid4()),)):
        with pytest.raises(InsufficientFunds):
            await books.post(movement, *news)
    await books.give(ADA, 10)
    assert not (await books.post(movement, Moved(uuid4()))).replayed
    assert await books.ask(FACTS) == 1


async def test_a_key_of_a_transaction_that_was_undone_is_free(books: Books, database: Database) -> None:
    await books.give(ADA, 10)
    movement = transfer("order 1", "paid", ADA, [(BO, 10)])

    async def twice(tx: Tx) -> None:
        assert not (await post(tx, movement, Moved(uuid4()))).replayed
        assert (await post(tx, movement, Moved(uuid4()))).replayed
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(twice)
    assert (await books.has(BO), await books.ask(FACTS)) == ((0, 0), 0)
    assert not (await books.post(movement)).replayed


async def test_an_invoice_that_fifty_grant_at_once_is_granted_once(books: Books, crowd: Database, admin_dsn: str) -> None:
    movement = partial(grant, "invoice 7", "granted", CY, 10, source=ISSUED.of(CRD))

    async def give(number: int) -> UUID:
        granted = movement(until=books.now() + timedelta(days=1, seconds=number))
        return (await crowd.write(lambda tx: post(tx, granted, Moved(uuid4()), last=True))).journal

    assert len(set(await asyncio.gather(*(give(number) for number in range(50))))) == 1
    assert (await books.has(CY), await books.ask(FACTS)) == ((10, 0), 1)
    assert await broken_laws(admin_dsn) == []
