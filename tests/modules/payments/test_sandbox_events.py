"""Events of the sandbox on their way: retried, doubled, late and in any order, and posted by a worker to the market itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from souk.kernel.assembly import Market, module
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http import ANYONE, Request, operation
from souk.kernel.messages import Catalogue, Outbox, Worker
from souk.kernel.migrate import Source, kernel_sources
from souk.kernel.money import Asset, Money
from souk.modules import ledger, payments
from souk.modules.payments.provider import Happening
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.sandbox import jobs
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.posting import post
from souk.modules.payments.sandbox.provider import provider_of
from souk.modules.payments.sandbox.store import MemoryStore, Store
from souk.modules.payments.sandbox.tables import DatabaseStore
from tests.kernel.http.serving import Served, site

SANDBOX = module("payments", jobs)


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source("payments", payments.MODULE.migrations))


@pytest.fixture
def database(pool: Pool, clock: Clock) -> Database:
    catalogue = Catalogue((SANDBOX,))
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Town:
    """Somebody who is told of events, and answers as the test says."""

    def __init__(self, bank: Bank, clock: Clock) -> None:
        self.bank = bank
        self.clock = clock
        self.answers = [200]
        self.heard: list[str] = []
        self.round = Delivering(bank.store, clock.now, "whsec_x", self.hear).run

    async def hear(self, raw: bytes, headers: dict[str, str]) -> int:
        assert headers["Stripe-Signature"].startswith("t=")
        self.heard.append(raw.decode().partition('"id":"')[2].partition('"')[0])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def later(self, **by: float) -> int:
        self.clock.move_to(self.clock.offset + timedelta(**by))
        return await self.round()


@pytest.fixture(params=["memory", "tables"])
def town(request: pytest.FixtureRequest, database: Database, clock: Clock) -> Town:
    store: Store = MemoryStore() if request.param == "memory" else DatabaseStore(database)
    return Town(Bank(store, clock.now), clock)


async def test_an_event_is_sent_again_until_it_is_taken(town: Town) -> None:
    town.answers = [500, 0, 404, 302, 204, 200]
    await town.bank.create_customer({})
    assert await town.round() == 0
    assert await town.later(seconds=9) == 0
    assert len(town.heard) == 1, "not before its time"
    assert [await town.later(seconds=s) for s in (2, 21, 41, 81)] == [0, 0, 0, 1]
    assert await town.later(days=1) == 0
    assert (len(town.heard), len(set(town.heard))) == (5, 1)


async def test_an_event_that_nobody_takes_is_given_up_after_days(town: Town) -> None:
    town.answers = [500]
    await town.bank.create_customer({})
    for _ in range(40):
        await town.later(hours=6)
    assert 10 <= len(town.heard) <= 25
    town.answers = [200]
    assert await town.later(days=30) == 0


async def test_events_come_twice_late_and_in_any_order(town: Town) -> None:
    town.bank.faults.copies = 2
    town.bank.faults.late = timedelta(hours=1)
    town.bank.faults.shuffle = random.Random(4)
    for _ in range(6):
        await town.bank.create_customer({})
    made = [event.id for event in (await town.bank.list_events()).data][::-1]
    assert await town.later(minutes=59) == 0
    assert await town.later(minutes=3) == 12
    assert sorted(town.heard) == sorted(made * 2)
    assert list(dict.fromkeys(town.heard)) != made, "not in the order in which they happened"


async def test_two_that_deliver_at_once_do_not_send_the_same(town: Town) -> None:
    for _ in range(10):
        await town.bank.create_customer({})
    assert sum(await asyncio.gather(town.round(), town.round())) == 10
    assert len(set(town.heard)) == 10


async def test_who_dies_while_delivering_is_followed_by_another(town: Town) -> None:
    await town.bank.create_customer({})
    now = town.clock.now()
    assert len(await town.bank.store.take_deliveries(now, now + timedelta(minutes=2), 5)) == 1
    assert await town.later(minutes=1) == 0
    assert await town.later(minutes=2) == 1


# Over HTTP


@asynccontextmanager
async def saying(answer: bytes | None) -> AsyncIterator[str]:
    """A server that says that and nothing else; with None it is silent for as long as the other side waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(await reader.read() if answer is None else answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 500 Oh\r\n\r\n", 500),
        (b"SMTP ready\r\n", 0),
        (b"HTTP/1.1 two\r\n", 0),
        (b"", 0),
    ],
)
async def test_what_the_other_side_says_is_a_status_or_nothing(answer: bytes, status: int) -> None:
    async with saying(answer) as url:
        assert await post(url, b"{}", {}) == status


async def test_nobody_is_waited_for_long() -> None:
    async with saying(None) as url:
        assert await post(url, b"{}", {}, patience=0.1) == 0
    assert await post(url, b"{}", {}) == 0, "nobody is there any more"


async def test_a_worker_posts_events_to_the_market_itself(database: Database, clock: Clock) -> None:
    heard: list[Happening] = []
    makes: list[Sandbox] = []

    @operation("POST", "/payments/webhook", who=ANYONE, kind="webhook", idempotent=False, status=204)
    async def take(request: Request, raw: bytes) -> None:
        """Take an event."""
        heard.append(makes[0].read_webhook(raw, request.headers, clock.now()))

    async with Served(site(database), (take,)) as running:
        settings = Settings.load({"SOUK_PUBLIC_URL": f"http://127.0.0.1:{running.port}"})
        made = provider_of(settings, Market("test", "/test", "Test", ()))(database)
        assert isinstance(made, Sandbox)
        makes.append(made)
        till = Till(payments.Rules(), ledger.Assets((Asset("USD", 2),)), Providers("sandbox", {"sandbox": lambda _: made}))
        worker = Worker(database, Catalogue((SANDBOX,)), resources={Till: till})
        paid = await made.create_intent("k", Money(500, "USD"), method="pm_card_createDispute", confirm=True, metadata={})
        await worker.drain()
        assert {"payment_intent.succeeded", "charge.dispute.created"} <= {event.kind for event in heard}
        assert {event.about.get("payment_intent", event.object_id) for event in heard} == {paid.id}
        before = len(heard)
        clock.move_to(timedelta(days=15))
        await worker.drain()
        assert "charge.dispute.closed" in [event.kind for event in heard[before:]]
