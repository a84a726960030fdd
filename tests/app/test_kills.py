"""`kill -9` of worker, API and database, again and again, while customers keep on ordering and paying.

What was acknowledged is there, once, and what follows from it has happened, once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
import psutil
import pytest

from bench.machine import free_port
from souk.kernel.postgres import serve
from souk.modules import ledger, payments, sample
from tests.app.asking import ask
from tests.app.customers import Customers, doubled
from tests.app.payers import WORKER, Payers
from tests.app.running import BASE, SHOP, Souk, Start
from tests.app.shop import FEE_EACH, PAYEE
from tests.plugins.embedded import postmaster

KILLS = 50
MANY_KILLS = int(os.environ.get("SOUK_SOAK", "200"))
READY_WITHIN = 10.0
MOST_TRIES = 6
Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
VICTIMS = ("worker", "api", "database", "worker", "api", "session", "worker", "api", "database", "everything")
"""`database` is the server's first process, `session` one of those that serve a connection; `everything` is the process
that owns the server, serves and works."""


class House:
    """The sample market as three processes: one that owns the database, serves and works; one that serves; one that works."""

    def __init__(self, start: Start, home: Path) -> None:
        self._start = start
        self._home = home
        self._ports = [free_port(), free_port()]
        self._up = self._begin("up", self._ports[0])
        assert self._up.port == self._ports[0]
        self._api = self._begin("serve", self._ports[1])
        assert self._api.port == self._ports[1]
        self._worker = self._working()

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self._ports]

    def kill(self, victim: str) -> None:
        """Kill it, and start it again unless somebody in the house does that."""
        if victim == "worker":
            self._worker.kill()
            self._worker = self._working()
        elif victim == "api":
            self._api.kill()
            self._api = self._begin("serve", self._ports[1])
        elif victim == "database":
            os.kill(postmaster(self._home), signal.SIGKILL)
        elif victim == "session":
            self._kill_session()
        else:
            self._up.kill()
            self._up = self._begin("up", self._ports[0])

    def _begin(self, word: str, port: int = 0) -> Souk:
        """Start one, which knows where the sandbox's events go."""
        environment = {"SOUK_PORT": str(port), "SOUK_PUBLIC_URL": self.addresses[0]}
        return self._start(word, measured=False, program=SHOP, **environment)

    def _working(self) -> Souk:
        worker = self._begin("work")
        worker.wait_for("souk: at work")
        return worker

    def _kill_session(self) -> None:
        """PostgreSQL then ends every other session too, and recovers."""
        sessions = psutil.Process(postmaster(self._home)).children()
        next(session for session in sessions if "souk_sample" in " ".join(session.cmdline())).kill()

    async def ready(self) -> None:
        """Until every API says that it is."""
        for address in self.addresses:
            while not await is_ready(address):  # noqa: ASYNC110 - another process cannot set our event
                await asyncio.sleep(0.02)


async def is_ready(address: str) -> bool:
    answer = await ask("GET", f"{address}/ready")
    return answer is not None and answer.status == 200


@asynccontextmanager
async def database_of(home: Path) -> AsyncIterator[Database]:
    """What the market's database holds."""
    server = await asyncio.to_thread(serve, home)
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("set search_path to sample")
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("kills", [pytest.param(KILLS, marks=pytest.mark.slow), pytest.param(MANY_KILLS, marks=pytest.mark.soak)])
async def test_killed_again_and_again_it_loses_nothing_and_does_nothing_twice(start: Start, home: Path, kills: int) -> None:
    house = await asyncio.to_thread(House, start, home)
    async with database_of(home) as database:
        payers = await Payers(house.addresses).known_to(database)
    slowest: dict[str, float] = {}
    async with Customers(house.addresses) as customers, payers:
        for victim in islice(cycle(VICTIMS), kills):
            await asyncio.gather(customers.have_been_served(5), payers.have_been_served(1))
            began = time.monotonic()
            async with asyncio.timeout(READY_WITHIN):
                await asyncio.to_thread(house.kill, victim)
                await house.ready()
            slowest[victim] = max(slowest.get(victim, 0), time.monotonic() - began)
        await customers.leave()
        await payers.leave()
        acknowledged = f"{customers.acknowledged} and {payers.acknowledged} acknowledged"
        print(f"{kills} kills, {acknowledged}, {customers.repeats + payers.repeats} repeats, slowest {slowest}")  # noqa: T201 - for `-s`
        await everything_due_is_done(house.addresses[0])
        async with database_of(home) as database:
            await every_word_of_the_bank_arrives(house.addresses[0], database)
            await every_promise_is_kept(customers, database)
            await every_effect_happened_once(database)
            await money_is_where_it_belongs(customers, database)
            await every_payment_is_kept(payers, database)
            await the_bank_has_done_the_same(database)
            await every_word_of_the_bank_was_heard(database)
            await money_that_was_paid_is_where_it_belongs(database)
            await every_law_holds(database)
        for promise in [*customers.orders.values()][-3:] + [*customers.messages.values()][-3:] + [*customers.holds.values()][-3:]:
            assert await customers.ask_again(promise) == promise.answer
        for promise in [*payers.payments.values()][-3:] + [*payers.releases.values()][-3:]:
            assert await payers.ask_again(promise) == promise.answer


async def everything_due_is_done(address: str, after: str = "3h") -> None:
    """Move time past every pause before a retry; the answer comes when nothing is due any more."""
    moved = None
    while moved is None:  # this may take longer than `ask` waits
        moved = await ask("POST", f"{address}{BASE}/dev/clock", document={"advance": after})
    assert moved.status == 200, moved.body


async def every_word_of_the_bank_arrives(address: str, database: Database) -> None:
    """What it says right after time was moved is refused by whoever has not noticed that yet: it pauses, and says it again."""
    for _ in range(MOST_TRIES):
        if not await database.fetchval("select count(*) from sandbox_events"):
            break
        await everything_due_is_done(address, "1h")


async def every_promise_is_kept(customers: Customers, database: Database) -> None:
    """What was acknowledged is there as it was acknowledged; nothing at all is there twice."""
    for promises, query in (
        (customers.orders, "select title as text, id::text from orders where title like 'customer %'"),
        (customers.messages, "select body as text, id::text from messages where body like 'customer %'"),
    ):
        rows = await database.fetch(query)
        assert list(doubled([row["text"] for row in rows])) == []
        there = {row["text"]: row["id"] for row in rows}
        assert {text: promise.id for text, promise in promises.items() if there.get(text) != promise.id} == {}
        assert len(promises) <= len(there) <= len(promises) + 4, "each customer left at most one request open"


async def every_effect_happened_once(database: Database) -> None:
    """The reaction to each message was done once, each fact stands in the log once, and no job was given up."""
    miscounted = """select o.title, o.message_count, count(m.id) from orders o left join messages m on m.order_id = o.id
                    group by o.id having o.message_count <> count(m.id)"""
    assert await database.fetch(miscounted) == []
    facts = {row["topic"]: row["count"] for row in await database.fetch("select topic, count(*) from events group by topic")}
    assert facts["order.placed"] == await database.fetchval("select count(*) from orders")
    assert facts["message.posted"] == await database.fetchval("select count(*) from messages")
    assert await database.fetch("select name, attempts, error from dead_jobs") == []
    assert await database.fetch("select name, attempts, error from jobs where name like 'message.posted%'") == []


async def money_is_where_it_belongs(customers: Customers, database: Database) -> None:
    """Each hold that was acknowledged is there, once; each was paid from, once, and took its fee, once."""
    there = {str(row["id"]): row for row in await database.fetch(HELD)}
    assert {hold: promise for hold, promise in customers.holds.items() if there[hold]["amount"] != promise.body["amount"]} == {}
    assert len(customers.holds) <= len(there) <= len(customers.holds) + 4, "each customer left at most one request open"
    assert {row["state"] for row in there.values()} == {"captured"}
    paid = await database.fetchval("select posted from accounts where owner_id = $1 and purpose = 'wallet'", PAYEE)
    assert paid == sum(row["captured"] for row in there.values()) == sum(row["amount"] - row["amount"] // 2 for row in there.values())
    assert await database.fetchval(FEES_TAKEN) == FEE_EACH * len(there)


HELD = "select h.id, h.amount, h.state::text, h.captured from holds h join journals j on j.id = h.journal_id where j.kind = 'order.held'"
FEES_TAKEN = """select sum(e.amount) from entries e join accounts a on a.id = e.account_id join journals j on j.id = e.journal_id
                where a.purpose = 'fees' and j.kind = 'order.held'"""


# What was paid


async def every_payment_is_kept(payers: Payers, database: Database) -> None:
    """What was acknowledged is there, once, and whole; of no payment or refund it is unknown what became of it."""
    assert await database.fetch("select id, state, call, failure from payments where state <> 'captured' or call is not null") == []
    assert await database.fetch("select id, state, failure from refunds where state <> 'succeeded' or called_at is not null") == []
    for promises, query in (
        (payers.payments, "select id::text, captured as amount from payments"),
        (payers.refunds, "select id::text, amount from refunds"),
    ):
        there = {row["id"]: row["amount"] for row in await database.fetch(query)}
        assert {key: promise for key, promise in promises.items() if there.get(key) != promise.body["amount"]} == {}
        assert len(promises) <= len(there) <= len(promises) + payers.many, "each payer left at most one request open"
    released = {str(row["id"]) for row in await database.fetch("select id from payments where released_by is not null")}
    assert payers.releases.keys() <= released
    assert len(released) <= len(payers.releases) + payers.many


async def the_bank_has_done_the_same(database: Database) -> None:
    """Each payment and each refund is in the bank's books, once, with its amount; and what the bank has is what clearing says."""
    lines = {row["type"]: row for row in await database.fetch(BOOKED)}
    assert set(lines) == {"charge", "refund"}
    for ours, theirs, kind, sign in (
        ("select id::text, captured as amount from payments", PAID, "charge", 1),
        ("select id::text, amount from refunds", SENT_BACK, "refund", -1),
    ):
        here = {row["id"]: row["amount"] for row in await database.fetch(ours)}
        there = await database.fetch(theirs)
        assert {row["id"]: row["amount"] for row in there} == here
        assert len(there) == len(here) == lines[kind]["count"]
        assert sum(here.values()) == sign * lines[kind]["amount"]
    assert await database.fetchval(CLEARED) == -sum(line["net"] for line in lines.values())


PAID: Final = """
select content -> 'metadata' ->> 'payment' as id, (content ->> 'amount_received')::bigint as amount
from sandbox_objects where kind = 'payment_intent'
"""
SENT_BACK: Final = """
select content -> 'metadata' ->> 'refund' as id, (content ->> 'amount')::bigint as amount
from sandbox_objects where kind = 'refund' and content ->> 'status' = 'succeeded'
"""
BOOKED: Final = """
select content ->> 'type' as type, count(*), sum((content ->> 'amount')::bigint) as amount, sum((content ->> 'net')::bigint) as net
from sandbox_objects where kind = 'balance_transaction' and account = '' group by 1
"""
CLEARED: Final = "select sum(e.amount) from entries e join accounts a on a.id = e.account_id where a.purpose = 'clearing:sandbox'"


async def every_word_of_the_bank_was_heard(database: Database) -> None:
    """Every event reached the market, once, and what follows from it has happened."""
    assert await database.fetch("select id, attempts from sandbox_events") == []
    assert await database.fetch("select event_id from webhook_events where processed_at is null") == []
    told = {row["id"] for row in await database.fetch("select id from sandbox_objects where kind = 'event'")}
    assert {row["event_id"] for row in await database.fetch("select event_id from webhook_events")} == told


async def money_that_was_paid_is_where_it_belongs(database: Database) -> None:
    """The worker has what was released but for what was sent back of it; everybody else what they brought in and did not spend."""
    wallets = "select sum(posted) from accounts where purpose = 'wallet' and owner_id = any($1::uuid[])"
    earned = await database.fetchval("select sum(released) from payments")
    returned = await database.fetchval("select sum(amount - fee_returned) from refunds where source = 'payee'")
    assert await database.fetchval(wallets, [WORKER]) == earned - returned > 0
    assert await database.fetchval(ANNOUNCED) == await database.fetchval("select count(*) from payments")
    assert {row["source"] for row in await database.fetch("select distinct source::text from refunds")} == {"hold", "payer", "payee"}
    known: list[UUID] = [row["payer_id"] for row in await database.fetch("select distinct payer_id from payments")]
    brought = await database.fetchval("select sum(captured - released - fee_taken) from payments")
    back = await database.fetchval("select sum(amount) from refunds where source <> 'payee'")
    assert await database.fetchval(wallets, known) == brought - back


ANNOUNCED: Final = "select count(*) from events where topic = 'payment.captured'"


# And all of it


async def every_law_holds(database: Database) -> None:
    laws = [law for module in (sample.MODULE, ledger.MODULE, payments.MODULE) for law in module.laws]
    assert len(laws) >= 3 + 10 + 15
    for law in laws:
        assert await database.fetch(law.query.sql) == [], law.sentence
