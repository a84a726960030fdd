"""`souk` with a sample market in which money is held: E4, a hold with its fee, journal and event, over HTTP.

python -m bench.till serve
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from msgspec import Meta

from bench.filled import DATABASE_SECRET, Sample, database, sources
from souk.cli import main
from souk.kernel.assembly import module
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http.guards import Actor
from souk.kernel.http.operation import operation
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Event, Outbox, event
from souk.kernel.migrate import market_dsn, migrate
from souk.kernel.record import Record
from souk.markets.sample import SAMPLE
from souk.modules import ledger
from souk.modules.ledger import EUR, FEES, WALLET, Account, Movement, Owner, Purpose
from souk.modules.sample import CUSTOMER
from souk.modules.sample.model import person

WORLD: Final = Purpose("world", Owner.EXTERNAL, hot=True)
RICH: Final = 10**12
FEE: Final = 25


@event("till.held")
class MoneyHeld(Event):
    """Somebody's money is spoken for."""

    order_id: UUID
    payer_id: UUID
    amount: int


class NewHold(Record):
    """What is to be held."""

    amount: Annotated[int, Meta(ge=1, le=10**9)]


class Held(Record):
    """What is held, and where it is written."""

    id: UUID
    journal: UUID
    amount: int
    fee: int


def held(payer: UUID, order: UUID, amount: int) -> tuple[Movement, MoneyHeld]:
    """The movement and its event: the fee is taken, the rest held."""
    account = WALLET.of(EUR, payer)
    movement = ledger.hold(f"order {order} held", "order.held", account, amount, reference=order, actor=payer)
    movement.legs = [(account, -FEE), (FEES.of(EUR), FEE)]
    return movement, MoneyHeld(order, payer, amount)


@operation("POST", "/holds", who=CUSTOMER, status=201, idempotent=True, example={"amount": 100})
async def hold_money(tx: Tx, by: Actor, body: NewHold) -> Held:
    """Hold money for an order."""
    movement, fact = held(by.id, new_id(), body.amount)
    posted = await ledger.post(tx, movement, fact, last=True)
    return Held(movement.hold_id, posted.journal, body.amount, FEE)


TILL: Final = module("till", sys.modules[__name__])
MARKET: Final = msgspec.structs.replace(SAMPLE, modules=(*SAMPLE.modules, ledger.MODULE, TILL))


@contextmanager
def till(server: str, people: int) -> Iterator[Sample]:
    """The market, with so many people who are rich."""
    with database(server) as dsn:
        uvloop.run(migrate(dsn, MARKET.name, sources(MARKET), secret=DATABASE_SECRET))
        made = Sample(dsn, market_dsn(dsn, MARKET.name, DATABASE_SECRET), 0, people)
        uvloop.run(enrich(made, [WALLET.of(EUR, person(f"customer {i}")) for i in range(people)]))
        yield made


@asynccontextmanager
async def opened(made: Sample, connections: int = 10) -> AsyncIterator[Database]:
    """The ledger in this process."""
    pool = Pool(made.runtime_dsn, size=connections)
    catalogue = Catalogue(MARKET.modules)
    try:
        yield Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
    finally:
        await pool.close()


async def enrich(made: Sample, accounts: Sequence[Account]) -> None:
    """Money from the world for everybody."""
    async with opened(made) as books:
        for first in range(0, len(accounts), 100):
            movement = gift([(account, RICH) for account in accounts[first : first + 100]])
            await books.write(partial(ledger.post, movement=movement, last=True))
    connection = await asyncpg.connect(made.admin_dsn)
    await connection.execute(f"vacuum analyze {MARKET.name}.accounts")
    await connection.close()


def gift(parts: Sequence[tuple[Account, int]]) -> Movement:
    """Money from the world."""
    return ledger.transfer(f"gift {new_id()}", "gift", WORLD.of(parts[0][0].asset), parts)


if __name__ == "__main__":
    msgspec.structs.force_setattr(SAMPLE, "modules", MARKET.modules)
    main(prog_name="souk")
