"""Money: E4 over HTTP, the ledger's function, whole stories, each against pgbench; hot and cold fees; and what a long life does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from statistics import mean, median
from typing import Final
from uuid import UUID, uuid4

import msgspec
import uvloop

from bench.cases.aged import after_a_long_time
from bench.cases.http import Case, measured
from bench.filled import Sample, every_core
from bench.limit import SCRIPTS, pgbench, pgbench_stories
from bench.load import Call, WrongAnswer, request
from bench.movements import NOTHING_BEFORE, Step, as_script, sent
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.till import FEE, MARKET, MoneyHeld, held, opened, serving, till
from souk.kernel.db import Database
from souk.modules import ledger
from souk.modules.ledger import CRD, CREDITS, EUR, FEES, ISSUED, SPENT, WALLET, Account, Movement
from souk.modules.sample.model import person

PEOPLE: Final = 200
AMOUNT: Final = 1_250


def cases(run: Run) -> list[Figure]:
    """E4, then the function alone, then what a long life does to it."""
    with till(run.server, PEOPLE) as made:
        found = over_http(run, made)
        with every_core(run.server):
            found += functions(run, made)
            found += uvloop.run(stories(run, made))
        found += uvloop.run(after_a_long_time(made))
    return found


# E4


def over_http(run: Run, made: Sample) -> list[Figure]:
    """A hold with its fee, journal and event."""
    with serving(made, run.home) as server:
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


# Whole stories, from this process


async def stories(run: Run, made: Sample) -> list[Figure]:
    """Stories by ten at once from Python, each against pgbench telling the same ones."""
    found = []
    async with opened(made) as books:
        for name, told in STORIES.items():
            scripts = [as_script(*each) for each in islice(cycle_of(told), SCRIPTS)]
            limits, rates = [], []
            for _ in range(run.rounds):
                limits.append((await asyncio.to_thread(pgbench_stories, made.runtime_dsn, scripts, run.seconds)).per_second)
                rates.append(await at_once(books, told, run.seconds))
            steps = mean(len(script) for script in scripts)
            ratio = median(a / b for a, b in zip(rates, limits, strict=True))
            found.append(Figure(f"{name}: pgbench", rate(median(limits) * steps), note=f"movements, {noise(limits)}"))
            note = f"movements, ten at once, from Python, {noise(rates)}"
            found.append(Figure(name, rate(median(rates) * steps), f"{ratio:.2f}", note=note))
    return found


Story = tuple[Sequence[Step], Sequence[UUID]]
"""Its parts, and what else is new in each: accounts that nobody had before."""
Told = Sequence[Callable[[int], Story]]


def cycle_of(told: Told) -> Iterator[Story]:
    return (told[number % len(told)](number) for number in count())


async def at_once(books: Database, told: Told, seconds: float) -> float:
    """Stories a second."""
    began, done = time.perf_counter(), 0

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < began + seconds:
            journal = NOTHING_BEFORE
            for step in random.choice(told)(random.randrange(SCRIPTS))[0]:
                journal = (await books.write(partial(ledger.post, movement=step(journal), last=True))).journal
            done += 1

    await asyncio.gather(*(work() for _ in range(10)))
    return done / (time.perf_counter() - began)


def held_for(key: str, number: int, amount: int = AMOUNT) -> Movement:
    return ledger.hold(f"{key} held", "order.held", WALLET.of(EUR, customer(number)), amount)


def order(number: int) -> Story:
    """Held, captured with its fee, and part of it back."""
    key, payer, payee = f"order {uuid4()}", WALLET.of(EUR, customer(number)), WALLET.of(EUR, customer(number + 1))
    holding = held_for(key, number)
    parts = [(payee, AMOUNT - FEE), (FEES.of(EUR), FEE)]
    return [
        lambda _: holding,
        lambda _: ledger.capture(f"{key} paid", "order.paid", holding.hold_id, parts),
        lambda paid: ledger.reverse(f"{key} back", "order.refund", paid, [(payee, -100), (payer, 100)]),
    ], []


def captured(number: int) -> Story:
    """Held, and captured with its fee."""
    steps, also = order(number)
    return steps[:2], also


def change_of_mind(number: int) -> Story:
    """What is held is let go."""
    key = f"order {uuid4()}"
    holding = held_for(key, number)
    return [lambda _: holding, lambda _: ledger.release(f"{key} free", "order.freed", holding.hold_id)], []


def credit(_number: int) -> Story:
    """A subscriber's credits: two grants that expire on their days, reserved over both, used, given back."""
    key, account = f"credits {uuid4()}", CREDITS.of(CRD, uuid4())
    holding = ledger.hold(f"{key} job", "job.posted", account, 15)
    return [
        lambda _: ledger.grant(f"{key} first", "granted", account, 10, MONTH_FROM_NOW, source=ISSUED.of(CRD)),
        lambda _: ledger.grant(f"{key} second", "granted", account, 10, MONTH_FROM_NOW + MONTH, source=ISSUED.of(CRD)),
        lambda _: holding,
        lambda _: ledger.capture(f"{key} done", "job.done", holding.hold_id, [(SPENT.of(CRD), 15)]),
        lambda used: ledger.reverse(f"{key} back", "job.back", used),
    ], [account.id, holder(account)]


def holder(account: Account) -> UUID:
    """Whose it is."""
    assert account.owner_id is not None
    return account.owner_id


MONTH: Final = timedelta(days=30)
MONTH_FROM_NOW: Final = datetime.now(UTC) + MONTH
STORIES: Final[dict[str, Told]] = {
    "hold": [lambda number: (order(number)[0][:1], [])],
    "hold, capture with fee": [captured],
    "hold, capture with fee, part of it back": [order],
    "hold and release": [change_of_mind],
    "credits: two grants that expire, reserve over both, use, give back": [credit],
    "all of it mixed, one hot fee account": [order, captured, change_of_mind, credit],
}
