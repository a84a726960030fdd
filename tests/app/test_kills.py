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
from typing import TypeAlias

import asyncpg
import psutil
import pytest

from souk.kernel.postgres import serve
from souk.modules import sample
from tests.app.asking import ask
from tests.app.customers import Customers, doubled
from tests.app.running import BASE, SHOP, Souk, Start
from tests.app.shop import FEE_EACH, MONEY, PAYEE
from tests.plugins.embedded import postmaster

KILLS = 50
MANY_KILLS = int(os.environ.get("SOUK_SOAK", "200"))
READY_WITHIN = 10.0
Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
VICTIMS = ("worker", "api", "database", "worker", "api", "session", "worker", "api", "database", "everything")
"""`database` is the server's first process, `session` one of those that serve a connection; `everything` is the process
that owns the server, serves and works."""


class House:
    """The sample market as three processes: one that owns the database, serves and works; one that serves; one that works."""

    def __init__(self, start: Start, home: Path) -> None:
        self._start = start
        self._home = home
        self._up = start("up", measured=False, program=SHOP)
        self._ports = [self._up.port]
        self._api = start("serve", measured=False, program=SHOP)
        self._ports.append(self._api.port)
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
            self._api = self._start("serve", SOUK_PORT=str(self._ports[1]), measured=False, program=SHOP)
        elif victim == "database":
            os.kill(postmaster(self._home), signal.SIGKILL)
        elif victim == "session":
            self._kill_session()
        else:
            self._up.kill()
            self._up = self._start("up", SOUK_PORT=str(self._ports[0]), measured=False, program=SHOP)

    def _working(self) -> Souk:
        worker = self._start("work", measured=False, program=SHOP)
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
    slowest: dict[str, float] = {}
    async with Customers(house.addresses) as customers:
        for victim in islice(cycle(VICTIMS), kills):
            await customers.have_been_served(5)
            began = time.monotonic()
            async with asyncio.timeout(READY_WITHIN):
                await asyncio.to_thread(house.kill, victim)
                await house.ready()
            slowest[victim] = max(slowest.get(victim, 0), time.monotonic() - began)
        await customers.leave()
        print(f"{kills} kills, {customers.acknowledged} acknowledged, {customers.repeats} repeats, slowest {slowest}")  # noqa: T201 - for `-s`
        await everything_due_is_done(house.addresses[0])
        async with database_of(home) as database:
            await every_promise_is_kept(customers, database)
            await every_effect_happened_once(database)
            await money_is_where_it_belongs(customers, database)
            await every_law_holds(database)
        for promise in [*customers.orders.values()][-3:] + [*customers.messages.values()][-3:] + [*customers.holds.values()][-3:]:
            assert await customers.ask_again(promise) == promise.answer


async def everything_due_is_done(address: str) -> None:
    """Move time past every pause before a retry; the answer comes when nothing is due any more."""
    moved = None
    while moved is None:  # this may take longer than `ask` waits
        moved = await ask("POST", f"{address}{BASE}/dev/clock", document={"advance": "3h"})
    assert moved.status == 200, moved.body


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
    there = {str(row["id"]): row for row in await database.fetch("select id, amount, state::text, captured from holds")}
    assert {hold: promise for hold, promise in customers.holds.items() if there[hold]["amount"] != promise.body["amount"]} == {}
    assert len(customers.holds) <= len(there) <= len(customers.holds) + 4, "each customer left at most one request open"
    assert {row["state"] for row in there.values()} == {"captured"}
    paid = await database.fetchval("select posted from accounts where owner_id = $1 and purpose = 'wallet'", PAYEE)
    assert paid == sum(row["captured"] for row in there.values()) == sum(row["amount"] - row["amount"] // 2 for row in there.values())
    assert await database.fetchval(FEES_TAKEN) == FEE_EACH * len(there)


FEES_TAKEN = "select sum(e.amount) from entries e join accounts a on a.id = e.account_id where a.purpose = 'fees'"


async def every_law_holds(database: Database) -> None:
    laws = [law for module in (sample.MODULE, MONEY[0]) for law in module.laws]
    assert len(laws) >= 3 + 10
    for law in laws:
        assert await database.fetch(law.query.sql) == [], law.sentence
