"""The live channel: what open sockets cost, how long an event takes to everyone in a room and to other processes, and catching up."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import psutil
import uvloop

from bench.cases.jobs import percentiles
from bench.filled import SECRET, Sample, sample
from bench.listener import Listener, connected
from bench.load import WrongAnswer
from bench.machine import CORES, free_port, running
from bench.report import Figure, judged
from bench.run import Run
from bench.server import READY, Server, settings
from souk.kernel.config import Settings
from souk.kernel.http import Actor, Tokens
from souk.markets.sample import SAMPLE
from souk.modules.sample.model import person

SOCKETS: Final = 5_000
LISTENERS: Final = 1_000
EVENTS: Final = 100
WARM_UP: Final = 10
PAGE: Final = 100
PAGES: Final = 200
SAID_BEFORE: Final = 100_000
"""What stands in the log already, of other rooms."""
POSTED: Final = 300
PAUSE: Final = 0.02
MOST_MEMORY: Final = 500.0
SLOWEST: Final = 150.0

FILL: Final = """
with added as (
    insert into said (id, namespace, name, room, payload, at)
    select gen_random_uuid(), '/', 'new_message', 'order:' || md5((i % 5000)::text)::uuid, '{"body": "Is Tuesday all right?"}', now()
    from generate_series(1, $1::int) i returning 1)
select count(*) from added
"""


def cases(run: Run) -> list[Figure]:
    """Sockets that are open and an event to a fifth of them; then what another process hears."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < SOCKETS + 1_000:
        return [Figure(f"{SOCKETS:,} open sockets", "", "", "", "not judged", note=f"only {hard} files may be open here")]
    with sample(run.server, run.rows) as made:
        assert uvloop.run(made.ask(FILL, SAID_BEFORE)) == SAID_BEFORE
        uvloop.run(made.ask("analyze said"))
        with serving(run, made) as here:
            found = uvloop.run(crowded(here, Order(made)))
        for how, prepared in (("by hints", "on"), ("by looking alone", "off")):
            with serving(run, made, prepared) as here, serving(run, made, prepared) as there:
                found.append(uvloop.run(across(here, there, Order(made, 1), how)))
    return found


@contextmanager
def serving(run: Run, made: Sample, prepared: str = "on") -> Iterator[Server]:
    """A process in which everybody may listen to any order."""
    port = free_port()
    environ = {**settings(made, port, run.home), "SOUK_DATABASE_PREPARED": prepared}
    with running([sys.executable, "-m", "bench.public", "serve"], ready=READY, cores=CORES, environ=environ) as program:
        yield Server(port, program)


class Order:
    """An order, with somebody who writes about it and any number of people who listen."""

    def __init__(self, made: Sample, number: int = 0) -> None:
        order = made.orders()[number]
        self._tokens = Tokens(SAMPLE.name, Settings.load({"SOUK_SECRET": SECRET}).keys(f"access tokens of {SAMPLE.name}"), SAMPLE.roles)
        self.id = order.id
        self.writer = self._tokens.issue(
            Actor(person(f"customer {order.customer}"), frozenset({"customer"}), uuid4(), SAMPLE.name),
        )

    def strangers(self, how_many: int) -> list[str]:
        """Tokens of so many people, each of somebody else."""
        return [self._tokens.issue(Actor(uuid4(), frozenset({"customer"}), uuid4(), SAMPLE.name)) for _ in range(how_many)]

    def post(self, server: Server) -> bytes:
        """Write about it over HTTP. Answers the message's id."""
        path = f"/orders/{self.id}/messages"
        return str(server.ask("POST", path, token=self.writer, body={"body": "Is Tuesday all right?"})["data"]["id"]).encode()


# One process


async def crowded(server: Server, order: Order) -> list[Figure]:
    """All the sockets, one room of them, and what a client that was away asks for."""
    before = memory(server)
    began = page(server, order, "").cursor
    listeners = await connected(server.port, order.strangers(LISTENERS), order.id)
    others = await connected(server.port, order.strangers(SOCKETS - LISTENERS))
    await asyncio.sleep(2)
    full = memory(server)
    delays = await heard(server, order, listeners)
    if any(socket.heard for socket in others):
        raise WrongAnswer("somebody heard of an order in whose room they are not")
    pages = await asyncio.to_thread(caught_up, server, order, began)
    for socket in (*listeners, *others):
        socket.transport.close()
    return [memory_figure(before, full), room_figure(delays), pages]


def memory_figure(before: float, full: float) -> Figure:
    name = f"{SOCKETS:,} open sockets on one process"
    note = f"{before:.0f} MB before; {(full - before) * 1024 / SOCKETS:.0f} KiB each"
    return Figure(name, f"{full:.0f} MB", "", f"≤ {MOST_MEMORY:.0f} MB", judged(full <= MOST_MEMORY), note=note)


def room_figure(delays: Sequence[float]) -> Figure:
    p50, p99 = percentiles(delays)
    name = f"an event to {LISTENERS:,} listeners in one room, p99"
    note = f"from asking to the ear, {EVENTS} events, {SOCKETS:,} sockets open; p50 {p50:.0f} ms"
    return Figure(name, f"{p99:.0f} ms", "", f"≤ {SLOWEST:.0f} ms", judged(p99 <= SLOWEST), note=note)


def memory(server: Server) -> float:
    """MB of the serving process."""
    return psutil.Process(server.program.pid).memory_info().rss / 1e6


async def heard(server: Server, order: Order, listeners: list[Listener]) -> list[float]:
    """Milliseconds from asking to post a message until each of them hears of it. Each hears each once."""
    delays: list[float] = []
    for number in range(WARM_UP + EVENTS):
        asked = time.perf_counter()
        message = await asyncio.to_thread(order.post, server)
        while any(not socket.heard for socket in listeners):
            if time.perf_counter() - asked > 10:
                raise WrongAnswer("somebody did not hear")
            await asyncio.sleep(0.005)
        if any(len(socket.heard) != 1 or message not in socket.heard[0][1] for socket in listeners):
            raise WrongAnswer("somebody heard something else, or it twice")
        if number >= WARM_UP:
            delays += [(socket.heard[0][0] - asked) * 1000 for socket in listeners]
        for socket in listeners:
            socket.heard.clear()
        await asyncio.sleep(0.05)
    return delays


class Page:
    """What a client that was away is answered."""

    def __init__(self, answer: Any) -> None:
        self.cursor: str = answer["pagination"]["nextCursor"]
        self.ids: list[str] = [each["id"] for each in answer["data"]]
        self.rooms = {each["room"] for each in answer["data"]}


def page(server: Server, order: Order, cursor: str) -> Page:
    """What was said about the order since the cursor, at most a page of it."""
    return Page(server.ask("GET", f"/live/events?room=order:{order.id}&limit={PAGE}&cursor={cursor}", token=order.writer))


def caught_up(server: Server, order: Order, cursor: str) -> Figure:
    """How long a full page takes, of a room whose events lie among very many."""
    times: list[float] = []
    found = page(server, order, cursor)
    for _ in range(PAGES):
        asked = time.perf_counter()
        found = page(server, order, cursor)
        times.append((time.perf_counter() - asked) * 1000)
        if len(found.ids) != PAGE or len(set(found.ids)) != PAGE or found.rooms != {f"order:{order.id}"}:
            raise WrongAnswer(f"a page should have {PAGE} events of one room, not {len(found.ids)} of {found.rooms}")
    rest = page(server, order, found.cursor)
    if len(rest.ids) != WARM_UP + EVENTS - PAGE or set(rest.ids) & set(found.ids):
        raise WrongAnswer("the page after it has not the rest")
    p50, p99 = percentiles(times)
    note = f"{PAGE} events of one room, among {SAID_BEFORE:,} of others; one at a time, a connection each"
    return Figure("a page of catching up, p50", f"{p50:.1f} ms", p99=f"{p99:.1f} ms", note=note)


# Two processes


async def across(here: Server, there: Server, order: Order, how: str) -> Figure:
    """From asking one process to post a message until a socket of another hears of it."""
    [socket] = await connected(there.port, order.strangers(1), order.id)
    asked, answered, ids = await asyncio.to_thread(posted, here, order)
    await asyncio.sleep(1)
    socket.transport.close()
    if len(socket.heard) != POSTED or any(message not in frame for message, (_, frame) in zip(ids, socket.heard, strict=True)):
        raise WrongAnswer(f"{POSTED} messages were posted, the socket of the other process heard {len(socket.heard)}, or in another order")
    p50, p99 = percentiles([(at - since) * 1000 for since, (at, _) in zip(asked, socket.heard, strict=True)])
    own = percentiles([(at - since) * 1000 for since, at in zip(asked, answered, strict=True)])[0]
    note = f"from asking to post, which itself is answered after {own:.1f} ms; {1 / PAUSE:.0f} a second"
    return Figure(f"commit → a socket of another process, {how}, p50", f"{p50:.1f} ms", p99=f"{p99:.1f} ms", note=note)


def posted(server: Server, order: Order) -> tuple[list[float], list[float], list[bytes]]:
    """Post many, one after the other: when each was asked for, when it was answered, its id."""
    asked: list[float] = []
    answered: list[float] = []
    ids: list[bytes] = []
    for _ in range(POSTED):
        asked.append(time.perf_counter())
        ids.append(order.post(server))
        answered.append(time.perf_counter())
        time.sleep(PAUSE)
    return asked, answered, ids
