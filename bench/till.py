"""`souk` with a sample market in which people pay: through the sandbox, into wallets and escrow; and in which money is held.

python -m bench.till serve
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from msgspec import Meta

from bench.filled import DATABASE_SECRET, Sample, database, sources
from bench.machine import SERVER_CORE, free_port, running
from bench.server import READY, Server, settings
from souk.cli import main
from souk.kernel.assembly import Market, module
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http.guards import Actor, Role
from souk.kernel.http.operation import operation
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Event, Outbox, event
from souk.kernel.migrate import market_dsn, migrate
from souk.kernel.money import Rate
from souk.kernel.record import Record
from souk.markets.sample import SAMPLE
from souk.modules import audit, identity, ledger, mail, payments, sample
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


@event("till.released")
class EscrowReleased(Event):
    """Work is approved, and paid for."""

    payment_id: UUID
    payer_id: UUID


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


@operation(
    "POST", "/payments/{payment_id}/release", who=CUSTOMER, idempotent=True, refusals=(payments.PaymentNotFound, payments.NothingHeld)
)
async def release_escrow(tx: Tx, by: Actor, payment_id: UUID, till: payments.Till) -> payments.Payment:
    """Approve the work that is paid for."""
    row = await payments.release(tx, till, payment_id, EscrowReleased(payment_id, by.id), actor=by.id)
    if row.payer_id != by.id:
        raise payments.PaymentNotFound
    return row.shown


TILL: Final = module("till", sys.modules[__name__])
MARKET: Final = msgspec.structs.replace(
    SAMPLE,
    roles=(
        Role("customer", CUSTOMER | payments.PAYER),
        Role("provider", sample.PROVIDER | payments.PAYEE),
        Role("staff", sample.STAFF | identity.STAFF | audit.READER | mail.STAFF | payments.STAFF),
    ),
    modules=(*SAMPLE.modules, mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE, TILL),
    rules=(identity.Rules(sign_up=("customer", "provider")), ledger.Assets((EUR,)), payments.Rules(fee=Rate.parse("10%"))),
)


def run(market: Market) -> None:
    """`souk`, whose sample market is this one."""
    for name in ("roles", "modules", "rules"):
        msgspec.structs.force_setattr(SAMPLE, name, getattr(market, name))
    main(prog_name="souk")


KNOWN: Final = """
insert into people (id, email, email_key, first_name, last_name, roles, language, timezone, created_at, email_verified_at)
select id, id || '@example.com', id || '@example.com', 'Member', 'of the till', '{customer,provider}', 'en', 'UTC', now(), now()
from unnest($1::uuid[]) id on conflict do nothing
"""
"""Who pays, and is paid, is known. To sign in is the sample's, and asks nobody."""


@contextmanager
def till(server: str, people: int) -> Iterator[Sample]:
    """The market, with so many people who are rich."""
    with database(server) as dsn:
        uvloop.run(migrate(dsn, MARKET.name, sources(MARKET), secret=DATABASE_SECRET))
        made = Sample(dsn, market_dsn(dsn, MARKET.name, DATABASE_SECRET), 0, people)
        uvloop.run(enrich(made, [WALLET.of(EUR, person(f"customer {i}")) for i in range(people)]))
        yield made


@contextmanager
def serving(made: Sample, home: Path, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """The market's server, on a core of its own."""
    port = free_port()
    words = [sys.executable, "-m", "bench.till", "serve"]
    with running(words, ready=READY, cores=(SERVER_CORE,), environ={**settings(made, port, home), **(more or {})}) as program:
        yield Server(port, program)


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
    await connection.execute(f"set search_path to {MARKET.name}")
    await connection.execute(KNOWN, [account.owner_id for account in accounts])
    await connection.execute("vacuum analyze accounts, people")
    await connection.close()


def gift(parts: Sequence[tuple[Account, int]]) -> Movement:
    """Money from the world."""
    return ledger.transfer(f"gift {new_id()}", "gift", WORLD.of(parts[0][0].asset), parts)


if __name__ == "__main__":
    run(MARKET)
