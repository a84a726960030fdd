"""Orders: a step that moves money over HTTP (E4), what the engine adds to its statements, timers that wait, timers that fire, walks."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Any, Final
from uuid import UUID

import msgspec
import uvloop

from bench.cases.http import Case, told
from bench.cases.jobs import percentiles
from bench.filled import SECRET
from bench.lessons import PRICE, SETTINGS, School, school, serving
from bench.limit import SCRIPTS, Argument, Fresh, Statement, pgbench_stories
from bench.load import Call, Figures, WrongAnswer, load, request
from bench.machine import SERVER_CORE, running
from bench.movements import replacing
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.server import SOUK, Server, settings
from examples.lessons import LESSON, LESSONS, SALES
from souk.app.simulating import simulate
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool, Query, Tx
from souk.kernel.messages import Outbox, enqueue
from souk.modules import payments
from souk.modules.orders import Desk
from souk.modules.orders.model import Timer
from souk.modules.orders.sql import ORDER
from souk.modules.orders.takers import Taker
from souk.modules.orders.taking import fire, take

NAME: Final = "E4 a step that moves money: hold with fee, journal, history, timer, event"
MOST: Final = 3_000
"""A server takes at most so many of these steps a second; pgbench does not take more."""
CLIENTS: Final = 10
TIMERS: Final = 100_000
A_SECOND: Final = 1_000
SECONDS: Final = 10
AT_ONCE: Final = 1_000
STEPS: Final = 1_500
WALKS: Final = 25


def cases(run: Run) -> list[Figure]:
    """All of it, in one market."""
    with school(run.server) as found:
        with serving(found, run.home) as server:
            figures = [*over_http(run, found, server), *beside_timers(run, found, server)]
        figures += [overhead(found), *firing(run, found)]
    return [*figures, walking(run)]


# E4


def over_http(run: Run, found: School, server: Server) -> Iterator[Figure]:
    """Students pay for lessons; pgbench runs the statements of the same step on lessons of its own."""
    tokens, script = found.tokens(), uvloop.run(paying(found, found.lessons(SCRIPTS + found.students)))
    limits: list[float] = []
    rounds: list[Figures] = []
    for number in range(run.rounds + 1):
        seconds = run.seconds if number else 1.5
        found.numbered(CLIENTS, number * MOST, round((seconds + 1) * MOST / CLIENTS))
        limit = pgbench_stories(found.made.runtime_dsn, script, seconds, counted=number * MOST)
        figures = paid_by_all(found, server, tokens, seconds)
        if number:
            limits.append(limit.per_second)
            rounds.append(figures)
    case = Case(NAME, [], "", [], 0.85, once=True)
    yield from told(case, limits, rounds, [])


def paid_by_all(found: School, server: Server, tokens: Sequence[str], seconds: float) -> Figures:
    """A round of it: each lesson can be paid once. Afterwards every one that was said to be paid is, and no other."""
    lessons = found.lessons(round((seconds + 1) * MOST))
    found.ask("checkpoint")
    before = found.ask(PAID)
    calls = [Call(pay_request(tokens[i % found.students], lesson), b"200", shows(lesson)) for i, lesson in enumerate(lessons)]
    figures = load([server.port], calls, seconds)
    if figures.answers > len(calls):
        raise WrongAnswer(f"there were only {len(calls)} lessons to pay for, prepare more")
    after: Any = found.ask(PAID)
    if after - before != figures.answers:
        raise WrongAnswer(f"{figures.answers} payments were acknowledged, and {after - before} lessons are paid")
    return figures


PAID: Final = """
select count(*) from orders o join order_money m on m.order_id = o.id join holds h on h.id = m.hold_id
join order_steps s on s.order_id = o.id and s.revision = o.revision and s.step = 'pay' where o.state = 'paid' and h.state = 'open'
"""


def pay_request(token: str, lesson: UUID) -> bytes:
    return request("POST", f"{LESSONS.base}/lessons/{lesson}/pay", token=token, body=b"")


def shows(lesson: UUID) -> Any:
    """What the student is told."""

    def check(answer: bytes) -> bool:
        data = msgspec.json.decode(answer)["data"]
        return bool(data["id"] == str(lesson) and data["state"] == "paid" and data["money"][0]["amount"] == PRICE)

    return check


class Recorded(Exception):
    """The statement that would have been run, and what it would have been given."""

    def __init__(self, query: Query[Any], given: tuple[object, ...]) -> None:
        super().__init__()
        self.query = query
        self.given = given


class Recording(Tx):
    """A transaction that ends before its last statement, with that statement in hand."""

    __slots__ = ()

    async def finish(self, query: Query[Any], *args: object) -> Any:
        """Instead of running it, tell what it is."""
        assert isinstance(self.outbox, Outbox)
        unloaded = self.outbox.unload()
        assert unloaded is not None
        raise Recorded(query.carrying(unloaded[0]), (*args, *unloaded[1]))


async def recorded(found: School, pool: Pool, number: int, lesson: UUID) -> Recorded:
    """What the engine would send to write down that a lesson is paid."""
    opened = found.opened(pool)
    recording = Database(pool, opened.clock, opened.outbox, kind=Recording)
    try:
        await recording.write(partial(pays, found=found, number=number, lesson=lesson))
    except Recorded as told_of:
        return told_of
    raise AssertionError("a step was taken without a last statement")


async def pays(tx: Tx, *, found: School, number: int, lesson: UUID) -> object:
    """The engine takes the step."""
    taker = Taker(found.student(number), frozenset({"student"}))
    return await take(tx, DESK, SALES.processes.named(LESSON.name), lesson, "pay", taker)


DESK: Final = Desk(SALES.processes, payments.till_in_memory(LESSONS, Clock()))
"""Where steps are taken. No card is used here."""


async def paying(found: School, lessons: Sequence[UUID]) -> list[list[Statement]]:
    """The read and the call of a step as scripts, on the lesson of the script's own number.

    Ids that are another's for another lesson of the same student are those of what the step makes.
    """
    pool = Pool(found.made.runtime_dsn, size=1)
    try:
        scripts = []
        for number, lesson in enumerate(lessons[:SCRIPTS]):
            one, other = [await recorded(found, pool, number, each) for each in (lesson, lessons[number + found.students])]
            scripts.append(as_script(one, lesson, ids(one) - ids(other) - {str(lesson)}))
        return scripts
    finally:
        await pool.close()


def ids(told_of: Recorded) -> set[str]:
    """All ids that a statement is given."""
    return {each for text in map(text_of, told_of.given) if text for each in ID.findall(text)}


ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def as_script(told_of: Recorded, lesson: UUID, new: Iterable[str]) -> list[Statement]:
    """Both statements; the lesson's id follows from the script's own number, and so do the ids that a step makes."""
    renewals = {str(lesson): "md5('lesson' || :n)::uuid", **{each: f"md5('{each}' || :n)::uuid" for each in sorted(new)}}
    return [
        (ORDER.sql, [Fresh(renewals[str(lesson)]), LESSON.name]),
        (told_of.query.sql, [renewed(each, renewals) for each in told_of.given]),
    ]


def renewed(argument: object, renewals: dict[str, str]) -> Argument:
    """An argument in which ids are those of this execution."""
    text = text_of(argument)
    if text in renewals:
        return Fresh(renewals[text])
    return replacing(text, renewals) if text is not None and any(each in text for each in renewals) else text


def text_of(argument: object) -> str | None:
    """An argument as pgbench can have it."""
    match argument:
        case None:
            return None
        case bool():
            return str(argument).lower()
        case datetime():
            return argument.isoformat()
        case list():
            return "{" + ",".join(map(str, argument)) + "}"
        case _:
            return str(argument)


# What the engine adds


def overhead(found: School) -> Figure:
    """The same step by the engine, and by its two statements alone, in turn, one after another on one connection."""
    lessons = found.lessons(2 * STEPS)
    engine, bare = (median(each) * 1e6 for each in uvloop.run(in_turn(found, lessons)))
    if found.ask("select count(*) from orders where id = any ($1) and state = 'paid'", lessons) != len(lessons):
        raise WrongAnswer("not every lesson is paid")
    added = engine - bare
    note = f"of processor time; median of {STEPS:,} steps {engine:.0f} µs, of their statements alone {bare:.0f} µs"
    return Figure("what the engine adds to a step's statements", f"{added:.0f} µs", "", "≤ 150 µs", judged(added <= 150), note=note)


async def in_turn(found: School, lessons: Sequence[UUID]) -> tuple[list[float], list[float]]:
    """Seconds of each step that this process spends itself: what it waits for is the same two statements either way."""
    pool = Pool(found.made.runtime_dsn, size=1)
    opened = found.opened(pool)
    engine: list[float] = []
    bare: list[float] = []

    async def timed(into: list[float], work: Callable[[Tx], Awaitable[object]]) -> None:
        began = time.thread_time()
        await opened.write(work)
        into.append(time.thread_time() - began)

    try:
        for number in range(0, len(lessons), 2):
            await timed(engine, partial(pays, found=found, number=number, lesson=lessons[number]))
            known = await recorded(found, pool, number + 1, lessons[number + 1])
            await timed(bare, partial(written, known=known, lesson=lessons[number + 1]))
    finally:
        await pool.close()
    return engine, bare


async def written(tx: Tx, *, known: Recorded, lesson: UUID) -> None:
    """The read and the call, and nothing between them."""
    await tx.glance(ORDER, lesson, LESSON.name)
    await tx.finish(known.query, *known.given)


# Timers


def beside_timers(run: Run, found: School, server: Server) -> Iterator[Figure]:
    """The same steps with nothing that waits, and beside a hundred thousand timers."""
    tokens, alone, beside = found.tokens(), [], []
    for _ in range(run.rounds):
        found.ask("truncate jobs")
        alone.append(paid_by_all(found, server, tokens, run.seconds).per_second)
        found.ask(WAITING, TIMERS)
        beside.append(paid_by_all(found, server, tokens, run.seconds).per_second)
    found.ask("truncate jobs")
    share = median(one / other for one, other in zip(beside, alone, strict=True))
    note = f"{noise(beside)}; {rate(median(alone))} with none"
    yield Figure(
        f"… beside {TIMERS:,} waiting timers", rate(median(beside)), f"{share:.2f}", "≥ 0.95 of none", judged(share >= 0.95), note=note
    )


WAITING: Final = """
insert into jobs (id, name, payload, priority, asked_at, run_at, rank, place, key, attempts_allowed)
select id, 'orders.fire', jsonb_build_object('process', 'lesson', 'order_id', id, 'step', 'lapse', 'number', 0, 'entered', 1), 0, now(),
    at, at, n, id || ' lapse 0', 12
from (select n, md5('timer' || n)::uuid as id, now() + interval '20 days' + n * interval '1 second' as at from generate_series(1, $1) n) t
"""


def firing(run: Run, found: School) -> Iterator[Figure]:
    """Lessons that nobody paid for lapse, a thousand of them due each second, by a worker on a core of its own."""
    found.ask("truncate jobs")
    lessons = found.lessons(A_SECOND * SECONDS)
    began = uvloop.run(arm(found, lessons))
    environ = {**settings(found.made, 0, run.home), **SETTINGS}
    with running([SOUK, "work"], ready="souk: at work", cores=(SERVER_CORE,), environ=environ):
        end = time.monotonic() + 60
        while found.ask("select count(*) from jobs where name = 'orders.fire'"):
            if time.monotonic() > end:
                raise WrongAnswer("timers were left waiting")
            time.sleep(0.5)
    taken: Any = found.ask("select json_object_agg(order_id, extract(epoch from at)) from order_steps where step = 'lapse'")
    at = msgspec.json.decode(taken)
    if at.keys() != {str(lesson) for lesson in lessons}:
        raise WrongAnswer(f"{len(lessons)} lessons should have lapsed, {len(at)} did")
    late = [at[str(lesson)] - (began + due(number)) for number, lesson in enumerate(lessons)]
    if min(late) < 0:
        raise WrongAnswer(f"a timer fired {-min(late):.3f} s early")
    p50, p99 = percentiles(late)
    note = f"{A_SECOND:,} due each second, each a step; p50 {p50:.2f} s"
    yield Figure("timers of orders late, p99", f"{p99:.2f} s", "", "≤ 2 s", judged(p99 <= 2), note=note)


def due(number: int) -> float:
    """Seconds from the beginning until a timer is due."""
    return 8.0 + number / A_SECOND


async def arm(found: School, lessons: Sequence[UUID]) -> float:
    """Arm a timer for each of these lessons; answer the time from which they count."""
    pool = Pool(found.made.runtime_dsn, size=1)
    try:
        opened = found.opened(pool)
        began = opened.clock.now()
        for first in range(0, len(lessons), AT_ONCE):
            async with opened.begin() as tx:
                for number in range(first, first + AT_ONCE):
                    timer = Timer(LESSON.name, lessons[number], "lapse", 0, 1)
                    await enqueue(tx, fire, timer, run_at=began + timedelta(seconds=due(number)), key=f"{timer.order_id} lapse 0")
        return began.timestamp()
    finally:
        await pool.close()


# Walks


def walking(run: Run) -> Figure:
    """How fast the simulator goes."""
    environ = {"SOUK_HOME": str(run.home), "SOUK_DATABASE_URL": run.server, "SOUK_SECRET": SECRET, **SETTINGS}
    played = simulate(Settings.load(environ), 6, range(WALKS))
    steps, seconds = sum(each.steps for each in played.reports), sum(each.seconds for each in played.reports)
    reached = steps / seconds
    note = f"{WALKS} walks, {steps:,} steps, on one core with the database"
    return Figure("steps of simulated walks", rate(reached), "", "≥ 300/s", judged(reached >= 300), note=note)
