"""What the clock does, when several workers do it at once and people do other things meanwhile."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, only, values
from souk.kernel.messages import Catalogue, Outbox
from souk.modules.ledger import (
    CRD,
    CREDITS,
    EXPIRED,
    FEES,
    ISSUED,
    MODULE,
    SPENT,
    USD,
    WALLET,
    Account,
    HoldEnded,
    Movement,
    Owner,
    Purpose,
    capture,
    grant,
    hold,
    post,
    release,
    transfer,
    wallet,
)
from souk.modules.ledger import sql as ledger_sql
from souk.modules.ledger.jobs import AT_ONCE, fold, lapse_holds, lapse_lots
from tests.modules.ledger.conftest import WORLD, Books
from tests.modules.ledger.laws import broken_laws
from tests.modules.ledger.test_at_once import deadlocks

ENDED = values(str, """select topic || ' ' || count(*) as "told!" from events where topic like '%.expired' group by topic order by topic""")
OPEN = only(int, """select count(*) as "count!" from holds where state = 'open'""")
UNFOLDED = only(int, 'select count(*) as "count!" from hot_changes')


@pytest.fixture
def crowd(runtime_dsn: str, clock: Clock, closing: object) -> Database:
    """Thirty connections of other processes, at the same time of day."""
    pool = Pool(runtime_dsn, size=30, wait=60)
    closing(pool.close)  # type: ignore[operator]
    catalogue = Catalogue([MODULE])
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


async def held_by(books: Books, account: Account, many: int, hours: int) -> list[Movement]:
    movements = [hold(f"hold {uuid4()}", "held", account, 10, books.now() + timedelta(hours=hours)) for _ in range(many)]
    for each in movements:
        await books.post(each)
    return movements


async def test_holds_that_several_workers_end_at_once_end_once(books: Books, crowd: Database, clock: Clock, admin_dsn: str) -> None:
    account = WALLET.of(USD, uuid4())
    await books.give(account, 1_000)
    await held_by(books, account, 40, hours=1)
    lasting = await held_by(books, account, 5, hours=9)
    clock.move_to(timedelta(hours=2))
    await asyncio.gather(*(lapse_holds(crowd) for _ in range(5)))
    assert await books.has(account) == (1_000 - 50, 50)
    assert await books.ask(OPEN) == len(lasting)
    assert await books.ask(ENDED) == ["hold.expired 40"]
    assert await broken_laws(admin_dsn) == []


async def test_credits_that_several_workers_take_away_are_taken_once(books: Books, crowd: Database, clock: Clock, admin_dsn: str) -> None:
    accounts = [CREDITS.of(CRD, uuid4()) for _ in range(20)]
    for account in accounts:
        for hours in (1, 1, 9):
            await books.post(
                grant(f"invoice {uuid4()}", "granted", account, 7, books.now() + timedelta(hours=hours), source=ISSUED.of(CRD))
            )
    clock.move_to(timedelta(hours=2))
    await asyncio.gather(*(lapse_lots(crowd) for _ in range(5)))
    assert [await books.has(account) for account in accounts] == [(7, 0)] * 20
    assert await books.has(EXPIRED.of(CRD)) == (20 * 14, 0)
    assert await books.ask(ENDED) == ["credits.expired 40"]
    assert await broken_laws(admin_dsn) == []


async def test_credits_lapse_while_what_was_held_of_them_comes_free(books: Books, crowd: Database, clock: Clock, admin_dsn: str) -> None:
    """A worker that has read how much is left is told nothing of the holds that end before it takes that."""
    account = CREDITS.of(CRD, uuid4())
    await books.post(grant("invoice", "granted", account, 40, books.now() + timedelta(hours=1), source=ISSUED.of(CRD)))
    held = [hold(f"job {number}", "held", account, 1) for number in range(20)]
    for each in held:
        await books.post(each)
    clock.move_to(timedelta(hours=2))
    ends = [
        capture(f"done {number}", "done", each.hold_id, [(SPENT.of(CRD), 1)])
        if number % 2
        else release(f"free {number}", "free", each.hold_id)
        for number, each in enumerate(held)
    ]
    await asyncio.gather(*(crowd.write(partial(post, movement=each, last=True)) for each in ends), *(lapse_lots(crowd) for _ in range(6)))
    await lapse_lots(crowd)
    assert (await books.has(account), await books.has(SPENT.of(CRD)), await books.has(EXPIRED.of(CRD))) == ((0, 0), (10, 0), (30, 0))
    assert await broken_laws(admin_dsn) == []


async def test_a_hold_is_freed_by_its_payer_or_by_the_clock_and_after_its_time_nobody_takes_it(
    books: Books, crowd: Database, clock: Clock, admin_dsn: str
) -> None:
    account, payee = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    await books.give(account, 300)
    held = await held_by(books, account, 30, hours=1)
    clock.move_to(timedelta(hours=2))

    async def end(number: int, each: Movement) -> str:
        late = capture(f"late {number}", "paid", each.hold_id, [(payee, 10)])
        movement = late if number % 2 else release(f"free {number}", "free", each.hold_id)
        try:
            await crowd.write(partial(post, movement=movement, last=True))
        except HoldEnded:
            return "refused"
        return movement.kind

    done, *_ = await asyncio.gather(
        asyncio.gather(*(end(number, each) for number, each in enumerate(held))), lapse_holds(crowd), lapse_holds(crowd)
    )
    assert "paid" not in done
    assert (await books.has(account), await books.has(payee)) == ((300, 0), (0, 0))
    assert await broken_laws(admin_dsn) == []


async def test_what_one_run_does_not_reach_the_next_does(books: Books, database: Database, clock: Clock) -> None:
    account = WALLET.of(USD, uuid4())
    await books.give(account, 10 * (AT_ONCE + 5))
    async with database.begin() as tx:
        for number in range(AT_ONCE + 5):
            await post(tx, hold(f"hold {number}", "held", account, 10, books.now() + timedelta(hours=1)))
    clock.move_to(timedelta(hours=2))
    await lapse_holds(database)
    assert await books.ask(OPEN) == 5
    await lapse_holds(database)
    assert await books.has(account) == (10 * (AT_ONCE + 5), 0)


async def test_folding_at_once_loses_nothing_and_nobody_waits_in_a_circle(books: Books, crowd: Database, admin_dsn: str) -> None:
    """With statistics of a small table accounts are found in the order in which they lie, and that changes with every fold."""
    hot = [Purpose(f"hot {number}", Owner.PLATFORM, hot=True).of(USD) for number in range(60)]
    chance = random.Random(1)
    await books.post(transfer("first", "first", WORLD.of(USD), [(account, 1) for account in hot]))
    await with_owner(admin_dsn, "vacuum analyze")
    feeding = True

    async def feed(who: int) -> None:
        for number in range(25):
            parts = [(account, 1) for account in chance.sample(hot, chance.choice((2, 30)))]
            await crowd.write(partial(post, movement=transfer(f"fed {who} {number}", "fed", WORLD.of(USD), parts), last=True))

    async def fold_on() -> None:
        while feeding:
            await crowd.write(lambda tx: tx.run(ledger_sql.FOLD, chance.choice((20, 100, 500))))

    folding = [asyncio.create_task(fold_on()) for _ in range(12)]
    await asyncio.gather(*(feed(who) for who in range(12)))
    feeding = False
    await asyncio.gather(*folding)
    assert await deadlocks(admin_dsn) == 0
    assert await broken_laws(admin_dsn) == []


async def test_a_hot_account_has_the_same_before_while_and_after_it_is_told(books: Books, crowd: Database, admin_dsn: str) -> None:
    payer, fees = WALLET.of(USD, uuid4()), FEES.of(USD)
    await books.give(payer, 1_000)
    for number in range(50):
        await books.post(transfer(f"fee {number}", "fee", payer, [(fees, 3)]))
    read: list[int] = []

    async def look() -> None:
        while await books.ask(UNFOLDED):
            read.append((await crowd.read(lambda tx: wallet(tx, fees))).total)

    async def fold_slowly() -> None:
        while await crowd.write(lambda tx: tx.run(ledger_sql.FOLD, 4)):
            pass

    await asyncio.gather(look(), look(), fold_slowly())
    assert set(read) == {150}
    await fold(crowd)
    assert await books.has(fees) == (150, 0)
    assert await broken_laws(admin_dsn) == []


async def with_owner(admin_dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
