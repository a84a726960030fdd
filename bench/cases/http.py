"""E1, E2, E3 over HTTP with everything on, against pgbench running the same statements."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Final, Protocol
from uuid import UUID, uuid4

import msgspec
import uvloop

from bench.filled import Order, Sample, sample
from bench.limit import SCRIPTS, Argument, Fresh, pgbench
from bench.load import Call, Figures, WrongAnswer, load, request
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.server import Server, souk
from bench.wrk import wrk
from souk.kernel.clock import Clock
from souk.kernel.db import Pool, Tx
from souk.kernel.messages import Catalogue, Outbox, emit
from souk.markets.sample import SAMPLE
from souk.modules.sample import MODULE, MessagePosted, sql
from souk.modules.sample.model import Message, person

CALLS: Final = 10_000
SLOWEST: Final = 25.0
BODY: Final = "Is Tuesday all right? I could come in the morning and bring what is needed."


class Books(Protocol):
    """What a case has written."""

    def clean(self, made: Sample) -> None:
        """Let every round begin alike."""

    def verify(self, made: Sample, answers: int) -> None:
        """What was answered is there, and nothing else."""


class Case(msgspec.Struct, frozen=True):
    """One operation: how it is called, and the statement it runs."""

    name: str
    calls: list[Call]
    statement: str
    arguments: list[list[Argument]]
    target: float | None = None
    books: Books | None = None
    """What it writes, if it does."""
    once: bool = False
    """Whether each call can be made once: then a round makes the next ones, and there is no second witness."""


def cases(run: Run) -> list[Figure]:
    """Every case, rounds of pgbench and Souk in turn."""
    found: list[Figure] = []
    with sample(run.server, run.rows) as made, souk(made, run.home) as server:
        for case in every_case(made, server):
            found += measured(case, run, made, server)
    return found


def every_case(made: Sample, server: Server) -> list[Case]:
    """The three, for the people who have signed in."""
    tokens = server.tokens("customer", min(made.people, made.persons()))
    return [reading_one(made, tokens), listing(made, tokens), posting(made, tokens)]


def measured(case: Case, run: Run, made: Sample, server: Server) -> list[Figure]:
    """Medians of interleaved rounds, after one that nobody counts."""
    limits: list[float] = []
    rounds: list[Figures] = []
    witness: list[float] = []
    calls = case.calls
    for number in range(run.rounds + 1):
        seconds = run.seconds if number else 1.5
        limit = pgbench(made.runtime_dsn, case.statement, case.arguments, seconds)
        books = case.books or NOTHING
        books.clean(made)
        figures = load([server.port], calls, seconds)
        if case.once and figures.answers > len(calls):
            raise WrongAnswer(f"{case.name}: there were only {len(calls)} calls to make, prepare more")
        books.verify(made, figures.answers)
        books.clean(made)
        calls = calls[figures.answers :] if case.once else calls
        second = None if case.once else wrk(server.port, calls, seconds)
        books.clean(made)
        if number:
            limits.append(limit.per_second)
            rounds.append(figures)
            witness += [second] if second is not None else []
    return list(told(case, limits, rounds, witness))


def told(case: Case, limits: Sequence[float], rounds: Sequence[Figures], witness: Sequence[float]) -> Iterator[Figure]:
    rates = [figures.per_second for figures in rounds]
    ratio = median(ratio for ratio in (a / b for a, b in zip(rates, limits, strict=True)))
    p99 = median(figures.p99 for figures in rounds)
    yield Figure(f"{case.name}: pgbench", rate(median(limits)), note=f"the limit, {noise(limits)}")
    yield Figure(
        case.name,
        rate(median(rates)),
        f"{ratio:.2f}",
        f"≥ {case.target:.2f}" if case.target else "",
        judged(ratio >= case.target) if case.target else "",
        f"{p99:.1f} ms",
        f"{noise(rates)}; p50 {median(figures.p50 for figures in rounds):.1f} ms" + (f"; wrk {rate(median(witness))}" if witness else ""),
    )
    if case.target:
        yield Figure(f"{case.name}: p99 at 32 in flight", f"{p99:.1f} ms", "", f"≤ {SLOWEST:.0f} ms", judged(p99 <= SLOWEST))


class Nothing:
    """What a case writes that only reads."""

    def clean(self, made: Sample) -> None:
        """There is nothing to take away."""

    def verify(self, made: Sample, answers: int) -> None:
        """There is nothing to find."""


NOTHING: Final = Nothing()


class Messages:
    """What E3 writes."""

    def clean(self, made: Sample) -> None:
        """Take away what a round has written, so that every round meets the same tables."""
        uvloop.run(made.ask("truncate messages, events, jobs, said"))

    def verify(self, made: Sample, answers: int) -> None:
        """Every message that was answered is there, with its event, its reaction's job and what is said of it live, and no other."""
        for table in ("messages", "events where topic = 'message.posted'", "jobs where name like 'message.posted:%'", "said"):
            there = uvloop.run(made.ask(f"select count(*) from {table}"))
            if there != answers:
                raise WrongAnswer(f"{answers} messages were acknowledged, but there are {there} {table}")


# The three operations


def spread(made: Sample, how_many: int) -> list[Order]:
    """Orders at random: the same ones in every run."""
    return random.Random(7).sample(known, min(how_many, len(known))) if (known := made.orders()) else []


def customer(order: Order) -> str:
    return str(person(f"customer {order.customer}"))


def reading_one(made: Sample, tokens: Sequence[str]) -> Case:
    """E1."""
    orders = spread(made, CALLS)
    calls = [
        Call(request("GET", f"{SAMPLE.base}/orders/{order.id}", token=tokens[order.customer]), b"200", shows(order)) for order in orders
    ]
    return Case("E1 read one order", calls, sql.ORDER_OF.sql, [[order.id, customer(order)] for order in orders[:SCRIPTS]], 0.30)


def shows(order: Order) -> Callable[[bytes], bool]:
    wanted, owner = order.id, customer(order)

    def check(body: bytes) -> bool:
        data = msgspec.json.decode(body)["data"]
        return bool(data["id"] == wanted and data["customerId"] == owner)

    return check


def listing(made: Sample, tokens: Sequence[str]) -> Case:
    """E2."""
    total = uvloop.run(made.ask("select count(*) from orders where customer_id = $1", person("customer 1")))

    def check(body: bytes) -> bool:
        answer = msgspec.json.decode(body)
        own = {order["customerId"] for order in answer["data"]}
        return bool(len(answer["data"]) == 20 and len(own) == 1 and abs(answer["pagination"]["total"] - total) <= 1)

    calls = [Call(request("GET", f"{SAMPLE.base}/orders?page=1&limit=20", token=token), b"200", check) for token in tokens]
    arguments: list[list[Argument]] = [[str(person(f"customer {i}")), None, 20, 0] for i in range(min(SCRIPTS, len(tokens)))]
    return Case("E2 list 20 orders and the total", calls, sql.ORDERS_OF.sql, arguments, 0.50)


def posting(made: Sample, tokens: Sequence[str]) -> Case:
    """E3."""
    orders = spread(made, CALLS)
    body = msgspec.json.encode({"body": BODY})

    def check(answer: bytes) -> bool:
        return bool(msgspec.json.decode(answer)["data"]["body"] == BODY)

    calls = [
        Call(request("POST", f"{SAMPLE.base}/orders/{order.id}/messages", token=tokens[order.customer], body=body), b"201", check)
        for order in orders
    ]
    statement, rider = uvloop.run(message_statement(orders[:SCRIPTS]))
    arguments: list[list[Argument]] = [
        [Fresh(NEW_ID), order.id, customer(order), BODY, "2026-11-20 12:00:00+00", *rest]
        for order, rest in zip(orders[:SCRIPTS], rider, strict=True)
    ]
    return Case("E3 post a message, event, job and live", calls, statement, arguments, 0.70, Messages())


NEW_ID: Final = "gen_random_uuid()"


async def message_statement(orders: Sequence[Order]) -> tuple[str, list[list[Argument]]]:
    """The statement as Souk sends it, its event, job and what is said live riding along, and what it sends with them for each order."""
    catalogue = Catalogue([MODULE], says=SAMPLE.live.by_fact if SAMPLE.live else {})
    sent: list[list[Argument]] = []
    statement = ""
    for order in orders:
        tx = Tx(Pool("postgres://nowhere/nothing"), Clock(), None)
        tx.outbox = outbox = Outbox(catalogue, tx)
        message = Message(uuid4(), UUID(order.id), person(f"customer {order.customer}"), BODY, tx.now)
        await emit(tx, MessagePosted(message.order_id, message.id, message))
        unloaded = outbox.unload()
        assert unloaded is not None
        statement = sql.ADD_MESSAGE.carrying(unloaded[0]).sql
        sent.append([renewed(str(argument)) for argument in unloaded[1]])
    return statement, sent


def renewed(document: str) -> Fresh:
    """Events or jobs as they are sent, with an id that is new in each execution."""
    first = msgspec.json.decode(document)[0]["id"]
    return Fresh(f"replace({{}}::text, '{first}', {NEW_ID}::text)", document)
