"""Money: E4 over HTTP and the ledger's function, against pgbench; hot and cold fees, mixed work, long statements, the laws."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import quantiles
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from bench.cases.http import NEW_ID, Case, measured
from bench.filled import Sample, every_core
from bench.limit import SCRIPTS, Argument, Fresh, pgbench
from bench.load import Call, WrongAnswer, request
from bench.machine import SERVER_CORE, free_port, running
from bench.report import Figure, judged, rate
from bench.run import Run
from bench.server import READY, Server, settings
from bench.till import FEE, MARKET, MoneyHeld, held, opened, till
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http.paging import CursorPaging
from souk.kernel.messages import Catalogue, Event, Outbox, emit
from souk.modules import ledger
from souk.modules.ledger import CRD, CREDITS, EUR, FEES, ISSUED, SPENT, WALLET, Account, Movement, sql
from souk.modules.sample.model import person

PEOPLE: Final = 200
AMOUNT: Final = 1_250
ENTRIES: Final = 1_000_000
PAGES: Final = 200


def cases(run: Run) -> list[Figure]:
    """E4, then the function alone, then what a long life does to it."""
    with till(run.server, PEOPLE) as made:
        found = over_http(run, made)
        with every_core(run.server):
            found += functions(run, made)
            found += uvloop.run(mixed(run, made))
        found += uvloop.run(after_a_long_time(made))
    return found


# E4


def over_http(run: Run, made: Sample) -> list[Figure]:
    """A hold with its fee, journal and event."""
    port = free_port()
    words = [sys.executable, "-m", "bench.till", "serve"]
    with running(words, ready=READY, cores=(SERVER_CORE,), environ=settings(made, port, run.home)) as program:
        server = Server(port, program)
        tokens = server.tokens("customer", PEOPLE)
        body = msgspec.json.encode({"amount": AMOUNT})
        calls = [Call(request("POST", f"{MARKET.base}/holds", token=token, body=body), b"201", fits) for token in tokens]
        statement, arguments = uvloop.run(sent([held(customer(i), uuid4(), AMOUNT) for i in range(SCRIPTS)]))
        case = Case("E4 hold with fee, journal and event", calls, statement, arguments, 0.85, Holds())
        return measured(case, run, made, server)


def customer(number: int) -> UUID:
    return person(f"customer {number % PEOPLE}")


def fits(answer: bytes) -> bool:
    """What the client is told."""
    data = msgspec.json.decode(answer)["data"]
    return bool(data["amount"] == AMOUNT and data["fee"] == FEE)


class Holds:
    """What E4 writes. It stays; so what was there before counts."""

    before = 0

    def clean(self, made: Sample) -> None:
        """Count what is there."""
        self.before = uvloop.run(made.ask("select count(*) from holds"))

    def verify(self, made: Sample, answers: int) -> None:
        """Every hold that was answered is there with its journal and fee, and no other; and as many events as holds."""
        holds = uvloop.run(made.ask("select count(*) from holds"))
        told = uvloop.run(made.ask("select count(*) from events where topic = 'till.held'"))
        fees = (uvloop.run(made.ask(TAKEN, FEES.of(EUR).id)) or 0) // FEE
        if not holds - self.before == answers or not holds == told == fees:
            raise WrongAnswer(f"{answers} holds were acknowledged after {self.before}, but there are {holds}, {told} events, {fees} fees")


TAKEN: Final = "select sum(amount) from entries where account_id = $1"


async def sent(movements: Sequence[tuple[Movement, *tuple[Event, ...]]]) -> tuple[str, list[list[Argument]]]:
    """The statement as Souk sends it with its events on board, and what it sends with it, made new for every execution."""
    catalogue = Catalogue(MARKET.modules)
    arguments: list[list[Argument]] = []
    statement = ""
    for movement, *events in movements:
        tx = Tx(Pool("postgres://nowhere/nothing"), Clock(), None)
        tx.outbox = outbox = Outbox(catalogue, tx)
        await emit(tx, *events)
        unloaded = outbox.unload()
        statement = sql.POST.carrying(unloaded[0]).sql if unloaded else sql.POST.sql
        rider = [renewed(str(each)) for each in unloaded[1]] if unloaded else []
        arguments.append([fresh(movement.written(tx.now)), "true", *rider])
    return statement, arguments


def fresh(document: str) -> Fresh:
    """A movement with ids and key that are new in each execution."""
    told: dict[str, Any] = msgspec.json.decode(document)
    expression = "{}::text"
    for each in (told["id"], told["key"], *(hold[0] for hold in told.get("holds", ()))):
        expression = f"replace({expression}, '{each}', {NEW_ID}::text)"
    return Fresh(expression, document)


def renewed(document: str) -> Fresh:
    """Events with ids that are new in each execution."""
    return Fresh(f"replace({{}}::text, '{msgspec.json.decode(document)[0]['id']}', {NEW_ID}::text)", document)


# The function


def functions(run: Run, made: Sample) -> list[Figure]:
    """A payment with its fee and event; the fee to one hot account, or to accounts that nobody else uses."""
    hot = uvloop.run(sent([payment(number, FEES.of(EUR)) for number in range(SCRIPTS)]))
    cold = uvloop.run(sent([payment(number, WALLET.of(EUR, customer(number + 2))) for number in range(SCRIPTS)]))
    rounds = [(pgbench(made.runtime_dsn, *hot, run.seconds), pgbench(made.runtime_dsn, *cold, run.seconds)) for _ in range(run.rounds)]
    best_hot, best_cold = (sorted(each)[len(each) // 2] for each in zip(*((a.per_second, b.per_second) for a, b in rounds), strict=True))
    return [
        Figure(
            "payments with fee and event, the function alone on two cores",
            rate(best_hot),
            "",
            "≥ 1,000/s",
            judged(best_hot >= 1_000),
            "",
            "pgbench",
        ),
        Figure("… a hot fee account", rate(best_hot), f"{best_hot / best_cold:.2f}", "≥ 0.80 of cold", judged(best_hot >= 0.8 * best_cold)),
    ]


def payment(number: int, fee_to: Account) -> tuple[Movement, MoneyHeld]:
    """From one person to another, with a fee."""
    payer, payee = customer(number), customer(number + 1)
    parts = [(WALLET.of(EUR, payee), AMOUNT - FEE), (fee_to, FEE)]
    return ledger.transfer(f"payment {uuid4()}", "payment", WALLET.of(EUR, payer), parts), MoneyHeld(uuid4(), payer, AMOUNT)


# Mixed work, in this process


async def mixed(run: Run, made: Sample) -> list[Figure]:
    """Whole stories by ten at once: hold, capture with fee, refund; credits granted, reserved, used."""
    found = []
    async with opened(made) as books:
        for name, story, steps in (
            ("hold, capture with fee, part of it back", order, 3),
            ("hold and release", change_of_mind, 2),
            ("credits: two grants, reserve over both, use, give back", credit, 5),
        ):
            done = await at_once(books, story, run.seconds)
            found.append(Figure(f"{name}: movements", rate(done * steps / run.seconds), "", "", "", "", "ten at once, from Python"))
    return found


Story = Callable[[Database, int], Awaitable[None]]


async def at_once(books: Database, story: Story, seconds: float) -> int:
    until, done = time.perf_counter() + seconds, 0

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await story(books, random.randrange(PEOPLE))
            done += 1

    await asyncio.gather(*(work() for _ in range(10)))
    return done


async def post(books: Database, movement: Movement) -> UUID:
    return (await books.write(partial(ledger.post, movement=movement, last=True))).journal


async def order(books: Database, number: int) -> None:
    """An order's money from beginning to end."""
    key, payer, payee = f"order {uuid4()}", WALLET.of(EUR, customer(number)), WALLET.of(EUR, customer(number + 1))
    holding = ledger.hold(f"{key} held", "order.held", payer, AMOUNT)
    await post(books, holding)
    parts = [(payee, AMOUNT - FEE), (FEES.of(EUR), FEE)]
    paid = await post(books, ledger.capture(f"{key} paid", "order.paid", holding.hold_id, parts))
    await post(books, ledger.reverse(f"{key} back", "order.refund", paid, [(payee, -100), (payer, 100)]))


async def change_of_mind(books: Database, number: int) -> None:
    """What is held is let go."""
    key = f"order {uuid4()}"
    holding = ledger.hold(f"{key} held", "order.held", WALLET.of(EUR, customer(number)), AMOUNT)
    await post(books, holding)
    await post(books, ledger.release(f"{key} free", "order.freed", holding.hold_id))


async def credit(books: Database, _number: int) -> None:
    """A subscriber's credits."""
    key, account = f"credits {uuid4()}", CREDITS.of(CRD, uuid4())
    for part in ("first", "second"):
        await post(books, ledger.grant(f"{key} {part}", "granted", account, 10, None, source=ISSUED.of(CRD)))
    holding = ledger.hold(f"{key} job", "job.posted", account, 15)
    await post(books, holding)
    used = await post(books, ledger.capture(f"{key} done", "job.done", holding.hold_id, [(SPENT.of(CRD), 15)]))
    await post(books, ledger.reverse(f"{key} back", "job.back", used))


# After a long time


OWNED: Final = "insert into accounts (id, owner, owner_id, purpose, asset, posted) values ($1, 'person', $2, 'wallet', 'EUR', $3)"
FILL: Final = """
with made as (select gen_random_uuid() as id, n from generate_series(1, $3::int) n),
journal as (insert into journals (id, key, digest, kind, at) select id, 'filled ' || n, sha256(id::text::bytea), 'filled', now() from made),
one as (insert into entries (journal_id, account_id, amount, balance) select id, $1, 1, n from made order by n),
two as (insert into entries (journal_id, account_id, amount) select id, $2, -1 from made)
select 1
"""


async def after_a_long_time(made: Sample) -> list[Figure]:
    """A statement of a million entries, by the page; all laws over them."""
    account, world = WALLET.of(EUR, uuid4()), FEES.of(EUR)
    raw = await asyncpg.connect(made.admin_dsn)
    try:
        await raw.execute(f"set search_path to {MARKET.name}; set synchronous_commit to off; set session_replication_role to replica")
        await raw.execute(OWNED, account.id, account.owner_id, ENTRIES)
        await raw.execute("insert into hot_changes (account_id, amount) values ($1, $2)", world.id, -ENTRIES)
        await raw.execute(FILL, account.id, world.id, ENTRIES, timeout=600)
        await raw.execute("vacuum analyze")
        slowest = await pages(made, account)
        began = time.perf_counter()
        broken = await laws(raw)
        took = time.perf_counter() - began
    finally:
        await raw.close()
    assert not broken, broken
    return [
        Figure(
            "a page of a statement of 10^6 entries, p99", f"{slowest:.1f} ms", "", "< 20 ms", judged(slowest < 20), "", f"{PAGES} pages"
        ),
        Figure("all laws over 10^6 entries and more", f"{took:.1f} s", "", "< 10 s", judged(took < 10)),
    ]


async def pages(made: Sample, account: Account) -> float:
    """Pages anywhere in the statement, in milliseconds."""
    took = []
    async with opened(made, 1) as books:
        paging = CursorPaging(limit=100)
        for _ in range(PAGES):
            began = time.perf_counter()
            page = await books.read(partial(ledger.statement, account=account, paging=paging))
            took.append((time.perf_counter() - began) * 1000)
            assert len(page.items) == 100
            paging = CursorPaging(limit=100, cursor=page.next_cursor or "")
    return quantiles(took, n=100)[98]


async def laws(raw: asyncpg.Connection[Any]) -> list[str]:
    """The laws that are broken."""
    return [law.sentence for law in ledger.MODULE.laws if await raw.fetch(law.query.sql, timeout=600)]
