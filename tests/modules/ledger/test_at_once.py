"""Many at once: one key is one movement, random movements leave whole books, nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, only, value
from souk.kernel.messages import Catalogue, Outbox
from souk.modules.ledger import (
    FEES,
    MODULE,
    USD,
    WALLET,
    Account,
    HoldEnded,
    IdempotencyConflict,
    InsufficientFunds,
    MoreThanHeld,
    Movement,
    capture,
    hold,
    post,
    release,
    transfer,
)
from souk.modules.ledger import sql as ledger_sql
from tests.modules.ledger.conftest import WORLD, Books, Moved
from tests.modules.ledger.laws import broken_laws

JOURNALS = only(int, 'select count(*) as "count!" from journals')
FACTS = only(int, """select count(*) as "count!" from events where topic = 'test.moved'""")
TOTAL = value(int, "select sum(posted)::bigint from accounts where owner = 'person'")
MANY, VERY_MANY = 6_000, 100_000
START = 10_000


@pytest.fixture
def crowd(runtime_dsn: str, closing: object) -> Database:
    """Fifty connections."""
    pool = Pool(runtime_dsn, size=50, wait=60)
    closing(pool.close)  # type: ignore[operator]
    catalogue = Catalogue([MODULE])
    return Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))


async def test_one_key_from_fifty_at_once_is_one_movement_and_fifty_equal_answers(books: Books, crowd: Database) -> None:
    payer, payee = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    await books.give(payer, 1_000)
    before = await books.ask(JOURNALS)

    async def pay() -> UUID:
        movement = transfer("order 7 paid", "paid", payer, [(payee, 90), (FEES.of(USD), 10)])
        return (await crowd.write(lambda tx: post(tx, movement, Moved(payee.id), last=True))).journal

    answers = await asyncio.gather(*(pay() for _ in range(50)))
    assert len(set(answers)) == 1
    assert await books.ask(JOURNALS) == before + 1
    assert await books.ask(FACTS) == 1
    assert (await books.has(payer), await books.has(payee)) == ((900, 0), (90, 0))


async def test_of_fifty_who_spend_the_same_money_one_does(books: Books, crowd: Database) -> None:
    payer = WALLET.of(USD, uuid4())
    await books.give(payer, 100)

    async def spend(number: int) -> bool:
        movement = transfer(f"order {number}", "paid", payer, [(WALLET.of(USD, uuid4()), 100)])
        try:
            await crowd.write(lambda tx: post(tx, movement, last=True))
        except InsufficientFunds as refused:
            return (refused.available, refused.missing) != (0, 100)
        return True

    assert sum(await asyncio.gather(*(spend(number) for number in range(50)))) == 1
    assert await books.has(payer) == (0, 0)


async def test_a_hold_that_fifty_end_in_different_ways_ends_in_one(books: Books, crowd: Database) -> None:
    payer, payee = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    await books.give(payer, 100)
    held = hold("order 1", "held", payer, 60)
    await books.post(held)

    async def end(number: int) -> bool:
        ways = [
            capture(f"captured {number}", "captured", held.hold_id, [(payee, 20 + number)]),
            release(f"released {number}", "released", held.hold_id),
        ]
        try:
            await crowd.write(lambda tx: post(tx, ways[number % 2], last=True))
        except HoldEnded:
            return False
        return True

    assert sum(await asyncio.gather(*(end(number) for number in range(40)))) == 1
    (free, on_hold), (got, _) = await books.has(payer), await books.has(payee)
    assert (free + got, on_hold) == (100, 0)


async def test_a_key_with_another_content_is_refused_whoever_comes_first(books: Books, crowd: Database) -> None:
    payer, payee = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    await books.give(payer, 1_000)

    async def pay(amount: int) -> int:
        try:
            await crowd.write(lambda tx: post(tx, transfer("one key", "paid", payer, [(payee, amount)]), last=True))
        except IdempotencyConflict:
            return 0
        return amount

    paid = set(await asyncio.gather(*(pay(amount) for amount in range(1, 21)))) - {0}
    assert len(paid) == 1
    assert await books.has(payee) == (paid.pop(), 0)


class Traders:
    """People who pay each other, hold and change their mind, all at once."""

    def __init__(self, crowd: Database, seed: int, people: int = 1_000) -> None:
        self.crowd = crowd
        self.chance = random.Random(seed)
        self.accounts = [WALLET.of(USD, uuid4()) for _ in range(people)]
        self.open: list[UUID] = []
        self.made = 0
        self.refused = 0

    async def begin(self) -> None:
        for first in range(0, len(self.accounts), 100):
            parts = [(account, START) for account in self.accounts[first : first + 100]]
            await self.crowd.write(partial(post, movement=transfer(f"gift {first}", "gift", WORLD.of(USD), parts), last=True))

    async def trade(self, until: int) -> None:
        while self.made + self.refused < until:
            movement = self.some_movement()
            try:
                await self.crowd.write(partial(post, movement=movement, last=True))
            except (InsufficientFunds, HoldEnded, MoreThanHeld):
                self.refused += 1
            else:
                self.made += 1
                self.open += [each[0] for each in movement.holds]

    def some_movement(self) -> Movement:
        key, chance = f"trade {uuid4()}", self.chance
        one, other = chance.sample(self.accounts, 2)
        amount = chance.choice((1, 7, 100, 2_500, 9_999))
        if self.open and chance.random() < 0.4:
            ended = chance.choice(self.open) if chance.random() < 0.1 else self.open.pop(chance.randrange(len(self.open)))
            if chance.random() < 0.3:
                return release(key, "released", ended)
            return capture(key, "captured", ended, [(other, 1)] if chance.random() < 0.9 else [(other, 10**6)])
        if chance.random() < 0.4:
            return hold(key, "held", one, amount)
        return transfer(key, "paid", one, self.parts(other, amount))

    def parts(self, other: Account, amount: int) -> list[tuple[Account, int]]:
        """Three who get something, in any order, and the platform its fee."""
        more = self.chance.sample(self.accounts, 2)
        return [(other, amount), *((each, 1) for each in more), (FEES.of(USD), amount // 10)]


@pytest.mark.parametrize("many", [MANY, pytest.param(VERY_MANY, marks=pytest.mark.soak)])
async def test_random_movements_of_many_at_once_leave_whole_books(books: Books, crowd: Database, admin_dsn: str, many: int) -> None:
    traders = Traders(crowd, seed=11)
    await traders.begin()
    folding = asyncio.create_task(fold_now_and_then(crowd))
    try:
        await asyncio.gather(*(traders.trade(many) for _ in range(20)))
    finally:
        folding.cancel()
    assert traders.made > many // 3
    assert await broken_laws(admin_dsn) == []
    assert await deadlocks(admin_dsn) == 0
    fees = await books.wallet(FEES.of(USD))
    assert await books.ask(TOTAL) + fees.total == len(traders.accounts) * START


async def fold_now_and_then(crowd: Database) -> None:
    while True:
        await crowd.write(lambda tx: tx.run(ledger_sql.FOLD, 100))
        await asyncio.sleep(0.01)


async def deadlocks(admin_dsn: str) -> int:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await asyncio.sleep(1.1)  # backends tell their counts at most once a second
        return int(await connection.fetchval("select deadlocks from pg_stat_database where datname = current_database()"))
    finally:
        await connection.close()
