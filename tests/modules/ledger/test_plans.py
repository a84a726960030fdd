"""Each verb reads a few rows, however many there are: also with plans that were made when there were none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID, uuid4

import asyncpg

from souk.kernel.db import Tx, only
from souk.modules.ledger import (
    CREDITS,
    FEES,
    ISSUED,
    SPENT,
    WALLET,
    Account,
    Movement,
    capture,
    grant,
    hold,
    post,
    release,
    reverse,
    transfer,
)
from tests.modules.ledger.conftest import CRD, USD, Books

READ = only(
    int,
    """select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint as "read!" from pg_stat_xact_user_tables
       where schemaname = current_schema() and relname in
             ('assets', 'accounts', 'journals', 'entries', 'hot_changes', 'holds', 'lots', 'lot_changes', 'held_lots')""",
)
FEW = 60


def story(payer: Account, payee: Account, credits_of: UUID) -> Iterator[Movement]:
    """Everything that can happen, in an order in which it can."""
    key = f"story {uuid4()}"
    yield transfer(f"{key} paid", "paid", payer, [(payee, 90), (FEES.of(USD), 10)])
    first, second = hold(f"{key} first", "held", payer, 100), hold(f"{key} second", "held", payer, 100)
    yield first
    yield second
    yield capture(f"{key} captured", "captured", first.hold_id, [(payee, 60), (FEES.of(USD), 10)])
    yield release(f"{key} released", "released", second.hold_id)
    account = CREDITS.of(CRD, credits_of)
    for number in range(2):
        yield grant(f"{key} grant {number}", "granted", account, 10, None, source=ISSUED.of(CRD))
    reserved = hold(f"{key} job", "held", account, 15)
    yield reserved
    yield capture(f"{key} done", "captured", reserved.hold_id, [(SPENT.of(CRD), 12)])
    yield transfer(f"{key} spent", "spent", account, [(SPENT.of(CRD), 3)])


async def told(tx: Tx, movements: Iterator[Movement]) -> dict[str, int]:
    """How many rows each movement of a story read; at the end the captured ones go back in part and whole."""
    read: dict[str, int] = {}
    journals: dict[str, tuple[UUID, Movement]] = {}
    for movement in movements:
        before = await tx.run(READ)
        posted = await post(tx, movement)
        name = movement.key.split(" ", 2)[2]
        read[name] = (await tx.run(READ)) - before
        journals[name] = (posted.journal, movement)
    paid, movement = journals["paid"]
    payer, payee = movement.legs[0][0], movement.legs[1][0]
    for name, back in (
        ("part", reverse(f"{movement.key} part", "back", paid, [(payee, -10), (payer, 10)])),
        ("whole", reverse(f"{movement.key} whole", "back", journals["done"][0])),
    ):
        before = await tx.run(READ)
        await post(tx, back)
        read[name] = (await tx.run(READ)) - before
    return read


async def analyse(admin_dsn: str) -> None:
    connection = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


async def test_no_movement_looks_through_a_table(books: Books, admin_dsn: str) -> None:
    one, other = WALLET.of(USD, uuid4()), WALLET.of(USD, uuid4())
    await books.give(one, 10**6)
    database = books.database
    async with asyncio.timeout(60):
        await database.write(lambda tx: told(tx, story(one, other, uuid4())))
        await analyse(admin_dsn)  # small tables, known to be small: now plans are made in which all ways look alike
        for _ in range(80):
            await database.write(lambda tx: told(tx, story(one, other, uuid4())))
        read = await database.write(lambda tx: told(tx, story(one, other, uuid4())))
    assert {name: rows for name, rows in read.items() if rows > FEW} == {}
    assert len(read) == 12
