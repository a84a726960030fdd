"""What a worker promises: effects in the database exactly once, every failure recorded, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.kernel.messages.stage import ADD_EFFECT, EXPIRE, LEASED, STEAL, Declared, Say, Stage, note, query, until

from souk.kernel.db import Database, Tx
from souk.kernel.messages import (
    Catalogue,
    Claimed,
    Completion,
    GiveUp,
    Job,
    Notifier,
    Rhythm,
    dead_letters,
    drop,
    enqueue,
    job,
    listen,
    queue_depth,
    replay,
)
from souk.kernel.messages.running import Unwatched
from souk.kernel.telemetry import Outcome

class Louder(msgspec.Struct, frozen=True):
    volume: int


SLOW_TO_LOOK = Rhythm(beat=0.05, shortest=30, longest=30)


@job("say")
async def say(tx: Tx, args: Say) -> None:
    await note(tx, args.what)


async def test_a_job_runs_with_what_it_was_asked_for_and_is_gone(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("hello"))
    assert await stage.drain() == 1
    assert await stage.effects() == ["hello"]
    assert await stage.ask(int, "select count(*) from jobs") == 0


async def test_a_job_may_take_nothing(stage: Stage) -> None:
    @job("sweep")
    async def sweep(tx: Tx) -> None:
        await note(tx, "swept")

    stage.open(sweep)  # type: ignore[arg-type]
    await stage.enqueue(sweep)  # type: ignore[arg-type]
    await stage.drain()
    assert await stage.effects() == ["swept"]


async def test_a_job_that_writes_nothing_is_completed_too(stage: Stage) -> None:
    ran: list[str] = []

    @job("think")
    async def think(tx: Tx, args: Say) -> None:
        ran.append(args.what)

    stage.open(think)
    for i in range(120):
        await stage.enqueue(think, Say(str(i)))
    assert await stage.drain() == 120
    assert sorted(ran, key=int) == [str(i) for i in range(120)]
    assert await stage.ask(int, "select count(*) from jobs") == 0


async def test_jobs_run_side_by_side(stage: Stage) -> None:
    together = asyncio.Barrier(4)

    @job("meet")
    async def meet(tx: Tx, args: Say) -> None:
        await together.wait()

    stage.open(meet)
    for i in range(4):
        await stage.enqueue(meet, Say(str(i)))
    assert await stage.drain(concurrency=4) == 4


# Exactly once


@pytest.mark.parametrize("way", ["run", "finish", "emit only", "calling others"])
async def test_of_a_claim_that_was_lost_nothing_remains(stage: Stage, way: str) -> None:
    """Another worker has taken the job over while its handler was still running."""

    async def steal() -> None:
        assert await stage.change(STEAL) == 1

    @job("run")
    async def inside(tx: Tx, args: Say) -> None:
        if args.what == "run":
            await note(tx, "effect")
        await steal()
        if args.what == "finish":
            await tx.finish(ADD_EFFECT, "effect")
        if args.what == "emit only":
            await enqueue(tx, say, Say("effect"))

    @job("outside")
    async def outside(database: Database, args: Say) -> Completion:
        await steal()
        return lambda tx: note(tx, "effect")

    stage.open(inside, outside, say)
    await stage.enqueue(outside if way == "calling others" else inside, Say(way))
    worker = stage.worker()
    with pytest.raises(TimeoutError):
        await worker.drain(patience=0.5)
    assert await stage.effects() == []
    assert await stage.ask(int, "select count(*) from jobs where name = 'say'") == 0
    assert len(await stage.see(LEASED)) == 1, "the job belongs to whoever stole it"


async def test_a_job_that_ends_with_its_only_statement_is_completed_by_it(stage: Stage) -> None:
    @job("last word")
    async def last_word(tx: Tx, args: Say) -> None:
        await tx.finish(ADD_EFFECT, args.what)

    stage.open(last_word)
    await stage.enqueue(last_word, Say("done"))
    await stage.drain()
    assert await stage.effects() == ["done"]
    assert await stage.ask(int, "select count(*) from jobs") == 0


async def test_a_job_that_calls_others_records_the_answer_with_its_completion(stage: Stage) -> None:
    @job("charge")
    async def charge(database: Database, args: Say) -> Completion:
        assert await database.read(lambda tx: tx.run(query("value", int, "select 1"))) == 1
        answer = f"charged {args.what}"

        async def record(tx: Tx) -> None:
            await note(tx, answer)
            await enqueue(tx, say, Say("receipt"))

        return record

    stage.open(charge, say)
    await stage.enqueue(charge, Say("12500"))
    await stage.drain()
    assert await stage.effects() == ["charged 12500", "receipt"]


async def test_a_conflict_is_tried_again_without_counting_as_a_failure(stage: Stage) -> None:
    tries: list[int] = []
    raise_conflict = query("count", None, "do $$ begin raise exception using errcode = 'serialization_failure'; end $$")

    @job("contend", attempts=1)
    async def contend(tx: Tx, args: Say) -> None:
        tries.append(1)
        await note(tx, f"try {len(tries)}")
        if len(tries) < 3:
            await tx.run(raise_conflict)

    stage.open(contend)
    await stage.enqueue(contend, Say("x"))
    await stage.drain()
    assert await stage.effects() == ["try 3"]


# Failure


class Highest:
    """Randomness that always draws the bound."""

    def __init__(self) -> None:
        self.bounds: list[float] = []

    def uniform(self, low: float, high: float) -> float:
        if low == 0:
            self.bounds.append(high)
        return high


def failing(attempts: int) -> Job[Say]:
    @job("fail", attempts=attempts)
    async def fail(tx: Tx, args: Say) -> None:
        await note(tx, "half done")
        raise ValueError(f"no {args.what}\0 today")

    return fail


async def run_out(stage: Stage, days: int, **how: Any) -> int:
    """Let business time pass in large steps until nothing fails any more."""
    return sum([await pass_time(stage, timedelta(days=day + 1), **how) for day in range(days)])


async def pass_time(stage: Stage, to: timedelta, **how: Any) -> int:
    stage.clock.move_to(to)
    return await stage.drain(**how)


async def test_a_job_that_fails_is_tried_again_later_and_its_writes_are_undone(stage: Stage) -> None:
    random: Any = Highest()
    stage.open(fail := failing(attempts=5))
    await stage.enqueue(fail, Say("luck"))
    assert await stage.drain(random=random) == 1
    assert await stage.effects() == []
    assert await stage.waiting() == ["fail"]
    assert await stage.ask(str, "select attempts || ' ' || error from jobs") == "1 ValueError: no luck today"
    assert await stage.drain(random=random) == 0, "not before its pause is over"


async def test_pauses_double_with_full_jitter_up_to_a_bound(stage: Stage) -> None:
    random: Any = Highest()
    stage.open(fail := failing(attempts=6))
    await stage.enqueue(fail, Say("luck"))
    await run_out(stage, 7, random=random, rhythm=Rhythm(backoff=10, backoff_most=100))
    assert random.bounds == [10, 20, 40, 80, 100]


async def test_after_its_last_attempt_it_is_a_dead_letter(stage: Stage) -> None:
    stage.open(fail := failing(attempts=3))
    await stage.enqueue(fail, Say("luck"))
    await run_out(stage, 5)
    (letter,) = await stage.database.read(dead_letters)
    assert (letter.name, letter.attempts, letter.error) == ("fail", 3, "ValueError: no luck today")
    assert msgspec.json.decode(letter.payload) == {"what": "luck"}
    assert "in fail" in letter.traceback
    assert "fail" not in await stage.waiting()


async def test_a_job_that_knows_it_is_hopeless_dies_at_once(stage: Stage) -> None:
    @job("hope")
    async def hope(tx: Tx, args: Say) -> None:
        raise GiveUp("the account is closed")

    stage.open(hope)
    await stage.enqueue(hope, Say("x"))
    await stage.drain()
    (letter,) = await stage.database.read(dead_letters)
    assert (letter.attempts, letter.error) == (1, "GiveUp: the account is closed")


async def test_one_that_takes_too_long_has_failed(stage: Stage) -> None:
    @job("dawdle", attempts=1, patience=0.05)
    async def dawdle(tx: Tx, args: Say) -> None:
        await note(tx, "begun")
        await asyncio.sleep(30)

    stage.open(dawdle)
    await stage.enqueue(dawdle, Say("x"))
    await stage.drain()
    assert await stage.effects() == []
    (letter,) = await stage.database.read(dead_letters)
    assert letter.error.startswith("TimeoutError")


async def test_a_name_that_this_code_does_not_know_is_kept_for_code_that_does(stage: Stage) -> None:
    @job("new", attempts=1)
    async def new(tx: Tx, args: Say) -> None:
        await note(tx, "new code")

    stage.open(new)
    await stage.enqueue(new, Say("x"))
    old = stage.beside()
    for day in range(1, 5):
        stage.clock.move_to(timedelta(days=day))
        await old.drain()
    assert "new" in await stage.waiting()
    assert "knows no job" in await stage.ask(str, "select error from jobs where name = 'new'")
    stage.clock.move_to(timedelta(days=9))
    await stage.drain()
    assert await stage.effects() == ["new code"]


async def test_a_name_that_nobody_knows_ends_as_a_dead_letter(stage: Stage) -> None:
    @job("gone")
    async def gone(tx: Tx, args: Say) -> None: ...

    await stage.open(gone).enqueue(gone, Say("x"))
    stage.open()
    await run_out(stage, 12)
    (letter,) = await stage.database.read(dead_letters)
    assert letter.error == "UnknownWork: this code knows no job, reaction or periodic work called 'gone': it is from newer or older code"


async def test_a_job_that_was_renamed_reads_what_waits_under_its_old_name(stage: Stage) -> None:
    @job("greet", was=("say", "speak"))
    async def greet(tx: Tx, args: Say) -> None:
        await note(tx, f"greeted {args.what}")

    await stage.open(say).enqueue(say, Say("hello"))
    await stage.open(greet).drain()
    assert await stage.effects() == ["greeted hello"]


async def test_arguments_that_no_longer_fit_are_kept_as_a_dead_letter(stage: Stage) -> None:
    @job("say", attempts=10)
    async def louder(tx: Tx, args: Louder) -> None: ...

    await stage.open(say).enqueue(say, Say("hello"))
    stage.open(louder)
    await run_out(stage, 12)
    (letter,) = await stage.database.read(dead_letters)
    assert "volume" in letter.error
    assert msgspec.json.decode(letter.payload) == {"what": "hello"}


async def test_a_dead_letter_is_replayed_by_one_call_with_all_its_attempts(stage: Stage) -> None:
    stage.open(fail := failing(attempts=2))
    await stage.enqueue(fail, Say("luck"))
    await run_out(stage, 3)
    (letter,) = await stage.database.read(dead_letters)

    @job("fail")
    async def mended(tx: Tx, args: Say) -> None:
        await note(tx, f"mended: {args.what}")

    stage.open(mended)
    assert await stage.database.write(lambda tx: replay(tx, letter.id))
    assert not await stage.database.write(lambda tx: replay(tx, letter.id)), "only once"
    assert await stage.ask(int, "select attempts from jobs where name = 'fail'") == 0
    await stage.drain()
    assert await stage.effects() == ["mended: luck"]
    assert await stage.database.read(dead_letters) == []


async def test_a_replayed_job_gives_way_to_a_newer_one_of_its_key(stage: Stage) -> None:
    stage.open(fail := failing(attempts=1))
    await stage.enqueue(fail, Say("old"), key="one")
    await stage.drain()
    (letter,) = await stage.database.read(dead_letters)
    await stage.enqueue(fail, Say("new"), key="one")
    assert await stage.database.write(lambda tx: replay(tx, letter.id))
    assert await stage.ask(str, "select payload->>'what' from jobs where name = 'fail'") == "new"


async def test_dead_letters_are_listed_from_the_latest_page_by_page_and_can_be_dropped(stage: Stage) -> None:
    stage.open(fail := failing(attempts=1))
    for what in ("a", "b", "c"):
        await stage.enqueue(fail, Say(what))
        await stage.drain()
    first = await stage.database.read(lambda tx: dead_letters(tx, limit=2))
    rest = await stage.database.read(lambda tx: dead_letters(tx, before=first[-1].died_at))
    assert [letter.error for letter in (*first, *rest)] == [f"ValueError: no {what} today" for what in "cba"]
    assert await stage.database.write(lambda tx: drop(tx, rest[0].id))
    assert not await stage.database.write(lambda tx: drop(tx, rest[0].id))
    assert len(await stage.database.read(dead_letters)) == 2


async def test_a_failing_job_gives_way_to_a_newer_one_of_its_key(stage: Stage) -> None:
    """As it would have been replaced while it waited: what it was about to write is out of date."""

    @job("fail")
    async def fail(tx: Tx, args: Say) -> None:
        if args.what == "old":
            await stage.enqueue(fail, Say("new"), key="one")
            raise ValueError
        await note(tx, args.what)

    stage.open(fail)
    await stage.enqueue(fail, Say("old"), key="one")
    await stage.drain()
    assert await stage.effects() == ["new"]
    assert "fail" not in await stage.waiting()


async def test_a_running_job_may_ask_for_the_next_of_its_own_key(stage: Stage) -> None:
    @job("again")
    async def again(tx: Tx, args: Say) -> None:
        await note(tx, args.what)
        if len(args.what) < 3:
            await enqueue(tx, again, Say(args.what + "x"), key="again")

    stage.open(again)
    await stage.enqueue(again, Say("x"), key="again")
    await stage.drain()
    assert await stage.effects() == ["x", "xx", "xxx"]


# Resources and watching


class Mailer:
    def __init__(self) -> None:
        self.sent: list[str] = []


@job("mail")
async def mail(tx: Tx, args: Say, mailer: Mailer) -> None:
    mailer.sent.append(args.what)


async def test_a_job_gets_the_resources_it_names_by_type(stage: Stage) -> None:
    mailer = Mailer()
    stage.open(mail)
    await stage.enqueue(mail, Say("letter"))
    await stage.drain(resources={Mailer: mailer})
    assert mailer.sent == ["letter"]


def test_a_resource_that_is_missing_is_found_at_start() -> None:
    with pytest.raises(TypeError, match=r"mail.* wants what this market does not have: mailer"):
        Catalogue([Declared(mail)]).bind({})


def test_work_has_to_begin_with_a_transaction_or_a_database() -> None:
    @job("odd")  # type: ignore[arg-type]
    async def odd(number: int) -> None: ...

    with pytest.raises(TypeError, match="has to take a Tx"):
        Catalogue([Declared(odd)]).bind({})


async def test_every_attempt_is_heard_of(stage: Stage) -> None:
    class Heard(Unwatched):
        def __init__(self) -> None:
            self.ends: list[tuple[str, Outcome]] = []
            self.begun: list[str] = []

        def span(self, job: Claimed) -> Any:
            self.begun.append(job.name)
            return super().span(job)

        def ran(self, job: str, outcome: Outcome, seconds: float) -> None:
            assert seconds >= 0
            self.ends.append((job, outcome))

    heard = Heard()
    stage.open(say, fail := failing(attempts=1))
    await stage.enqueue(say, Say("x"))
    await stage.enqueue(fail, Say("x"))
    await stage.drain(watch=heard)
    assert sorted(heard.ends) == [("fail", Outcome.DEAD), ("say", Outcome.DONE)]
    assert sorted(heard.begun) == ["fail", "say"]


async def test_a_job_carries_the_trace_of_whoever_asked_for_it(stage: Stage) -> None:
    stage.open(say)
    stage.catalogue.traceparent = lambda: "00-abc-def-01"
    await stage.enqueue(say, Say("x"))
    (claimed,) = await stage.worker().claims.claim(1)
    assert claimed.trace == "00-abc-def-01"


# Order


async def test_what_is_more_urgent_goes_first(stage: Stage) -> None:
    stage.open(say)
    for what, priority in (("low", -10), ("normal", 0), ("high", 10)):
        await stage.enqueue(say, Say(what), priority=priority)
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["high", "normal", "low"]


async def test_a_low_priority_waits_no_longer_than_for_what_became_due_ten_minutes_later(stage: Stage) -> None:
    stage.open(say)
    start = stage.clock.now()
    await stage.enqueue(say, Say("low"), priority=-10, run_at=start)
    await stage.enqueue(say, Say("high, 9 minutes later"), priority=10, run_at=start + timedelta(minutes=9, seconds=59))
    await stage.enqueue(say, Say("high, 10 minutes later"), priority=10, run_at=start + timedelta(minutes=10, seconds=1))
    stage.clock.move_to(timedelta(minutes=20))
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["high, 9 minutes later", "low", "high, 10 minutes later"]


async def test_jobs_of_one_order_run_one_by_one_and_first_come_first_served(stage: Stage) -> None:
    running: list[str] = []

    @job("step")
    async def step(tx: Tx, args: Say) -> None:
        assert not running
        running.append(args.what)
        await asyncio.sleep(0.005)
        await note(tx, args.what)
        running.remove(args.what)

    stage.open(step)
    for i in range(12):
        await stage.enqueue(step, Say(str(i)), order="stairs", priority=i % 3)
    await stage.drain()
    assert await stage.effects() == [str(i) for i in range(12)]


# Waking, leases, stopping


async def work_until(stage: Stage, true: Callable[[], Awaitable[bool]], **how: Any) -> None:
    """Let a worker run until something is true, then stop it."""
    worker = stage.worker(**how)
    running = asyncio.create_task(worker.run())
    try:
        await until(true)
    finally:
        worker.stop()
        await running


async def idle(stage: Stage) -> bool:
    return not await stage.waiting() and not await stage.see(LEASED)


async def test_a_worker_is_woken_at_once_by_a_commit_in_its_process(stage: Stage) -> None:
    stage.open(say)

    async def spoken() -> bool:
        if not await stage.effects() and not await stage.waiting():
            await stage.enqueue(say, Say("hello"))
        return await stage.effects() == ["hello"]

    worker = stage.worker(rhythm=SLOW_TO_LOOK)
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.3)
    await until(spoken, 5)
    worker.stop()
    await running


async def test_a_worker_is_woken_by_a_hint_from_another_process(stage: Stage) -> None:
    stage.open(say)
    other = stage.beside(say)
    notifier = Notifier(other.database)
    worker = stage.worker(rhythm=SLOW_TO_LOOK)
    running = asyncio.create_task(worker.run())
    listening = asyncio.create_task(listen(stage.database, worker.wake))
    await until(lambda: stage.ask(bool, "select exists (select from pg_stat_activity where query ilike 'listen%')"))
    with other.catalogue.bell.heard_by(notifier.ring):
        for i in range(30):
            await other.enqueue(say, Say(str(i)))
        await until(lambda: idle(stage), 5)
    listening.cancel()
    worker.stop()
    await asyncio.gather(running, listening, return_exceptions=True)
    assert len(await stage.effects()) == 30


async def test_without_any_hint_work_is_found_by_looking(stage: Stage) -> None:
    stage.open(say)
    other = stage.beside(say)
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await other.enqueue(say, Say("hello"))
    await until(lambda: idle(stage))
    worker.stop()
    await running
    assert await stage.effects() == ["hello"]


async def test_a_timer_waits_for_its_business_time_and_survives_a_jump_of_the_clock(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("in an hour"), run_at=stage.clock.now() + timedelta(hours=1))
    await stage.enqueue(say, Say("in a year"), run_at=stage.clock.now() + timedelta(days=365))
    assert await stage.drain() == 0
    stage.clock.move_to(timedelta(minutes=61))
    await stage.drain()
    assert await stage.effects() == ["in an hour"]
    stage.clock.move_to(timedelta(days=4000))
    await stage.drain()
    assert await stage.effects() == ["in an hour", "in a year"]


async def test_a_jump_of_the_clock_ends_no_lease(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("x"))
    (mine,) = await stage.worker().claims.claim(5)
    stage.clock.move_to(timedelta(days=30))
    other = stage.worker()
    assert await other.claims.recover() == 0
    assert mine.name not in [job.name for job in await other.claims.claim(5)]


async def test_a_job_that_takes_longer_than_its_lease_is_held_on_to(stage: Stage) -> None:
    @job("long")
    async def long(tx: Tx, args: Say) -> None:
        await asyncio.sleep(1.5)
        await note(tx, "once")

    stage.open(long)
    await stage.enqueue(long, Say("x"))
    rhythm = Rhythm(lease=0.6, beat=0.05)
    await asyncio.gather(stage.drain(rhythm=rhythm), stage.beside(long).drain(rhythm=rhythm))
    assert await stage.effects() == ["once"]
    assert await stage.ask(int, "select count(*) from dead_jobs") == 0


async def test_a_job_whose_worker_vanished_runs_elsewhere_when_its_lease_is_over(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("hello"))
    vanished = stage.worker(rhythm=Rhythm(lease=0.3))
    assert len(await vanished.claims.claim(10)) == 1
    await stage.drain()
    assert await stage.effects() == ["hello"]


async def test_each_vanishing_uses_an_attempt_up_and_the_last_one_makes_a_dead_letter(stage: Stage) -> None:
    @job("deadly", attempts=3)
    async def deadly(tx: Tx, args: Say) -> None: ...

    stage.open(deadly)
    await stage.enqueue(deadly, Say("x"))
    for day in range(1, 4):
        stage.clock.move_to(timedelta(days=day))
        assert "deadly" in [job.name for job in await stage.worker().claims.claim(10)]
        await stage.change(EXPIRE)
        await stage.worker().claims.recover()
    (letter,) = [letter for letter in await stage.database.read(dead_letters) if letter.name == "deadly"]
    assert (letter.attempts, letter.error) == (3, "its worker vanished with it, at attempt 3")


async def test_a_worker_that_stops_lets_running_jobs_finish_and_gives_the_rest_back_unused(stage: Stage) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @job("work")
    async def work(tx: Tx, args: Say) -> None:
        begun.set()
        await go_on.wait()
        await note(tx, args.what)

    stage.open(work)
    for i in range(5):
        await stage.enqueue(work, Say(str(i)))
    worker = stage.worker(concurrency=2)
    worker._mean = 0.001  # as after many quick jobs: it holds more than it runs
    running = asyncio.create_task(worker.run())
    await begun.wait()
    await until(lambda: stage.ask(bool, "select count(*) = 5 from jobs where token is not null"))
    worker.stop()
    await until(lambda: stage.ask(bool, "select count(*) = 3 from jobs where token is null and attempts = 0"))
    go_on.set()
    await running
    assert sorted(await stage.effects()) == ["0", "1"]
    assert len(await stage.waiting()) == 3


async def test_a_job_that_does_not_end_within_the_grace_is_given_to_others_at_once(stage: Stage) -> None:
    begun = asyncio.Event()

    @job("stubborn")
    async def stubborn(tx: Tx, args: Say) -> None:
        await note(tx, "half done")
        begun.set()
        await asyncio.sleep(30)

    stage.open(stubborn)
    await stage.enqueue(stubborn, Say("x"))
    worker = stage.worker(rhythm=Rhythm(grace=0.1))
    running = asyncio.create_task(worker.run())
    await begun.wait()
    worker.stop()
    await running
    assert await stage.waiting() == ["stubborn"]
    assert await stage.effects() == []
    assert await stage.ask(int, "select attempts from jobs") == 1, "it had begun"


async def test_a_worker_that_is_cancelled_lets_everything_go(stage: Stage) -> None:
    begun = asyncio.Event()

    @job("stubborn")
    async def stubborn(tx: Tx, args: Say) -> None:
        begun.set()
        await asyncio.sleep(30)

    stage.open(stubborn)
    await stage.enqueue(stubborn, Say("x"))
    running = asyncio.create_task(stage.worker().run())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await stage.waiting() == ["stubborn"]


async def test_a_worker_is_at_work_only_once(stage: Stage) -> None:
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(0.05)
    with pytest.raises(RuntimeError, match="at work already"):
        await worker.drain()
    worker.stop()
    await running


async def test_draining_waits_for_what_other_workers_run_and_says_when_that_takes_too_long(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("x"))
    await stage.worker().claims.claim(1)
    with pytest.raises(TimeoutError, match="still due after"):
        await stage.worker().drain(patience=0.3)


async def test_draining_runs_what_jobs_ask_for_as_well(stage: Stage) -> None:
    @job("more")
    async def more(tx: Tx, args: Say) -> None:
        await note(tx, args.what)
        if len(args.what) < 20:
            await enqueue(tx, more, Say(args.what + "x"))

    stage.open(more)
    await stage.enqueue(more, Say("x"))
    assert await stage.drain() == 20
    assert len(await stage.effects()) == 20


async def test_a_worker_outlives_a_database_that_goes_away_and_comes_back(stage: Stage, admin_dsn: str) -> None:
    stage.open(say)
    worker = stage.worker()
    running = asyncio.create_task(worker.run())
    await stage.enqueue(say, Say("before"))
    await until(lambda: idle(stage))
    admin = await asyncpg.connect(admin_dsn)
    try:
        name = await admin.fetchval("select current_database()")
        await admin.execute(f"alter database {name} connection limit 0")
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        await asyncio.sleep(0.5)
        assert not running.done()
        await admin.execute(f"alter database {name} connection limit -1")
    finally:
        await admin.close()
    await stage.enqueue(say, Say("after"))
    await until(lambda: idle(stage))
    worker.stop()
    await running
    assert await stage.effects() == ["before", "after"]


async def test_the_queue_says_how_deep_it_is(stage: Stage) -> None:
    stage.open(say, fail := failing(attempts=1))
    await stage.enqueue(fail, Say("x"))
    await stage.drain()
    await stage.enqueue(say, Say("running"))
    await stage.worker().claims.claim(1)
    await stage.enqueue(say, Say("due"), run_at=stage.clock.now() - timedelta(minutes=2), priority=-10)
    await stage.enqueue(say, Say("later"), run_at=stage.clock.now() + timedelta(minutes=2), priority=10)
    depth = await stage.database.read(queue_depth)
    assert (depth.due, depth.leased, depth.dead) == (1, 1, 1)
    assert 120 <= depth.oldest_seconds < 180
    assert depth.watermark_gap >= 0
    assert depth.oldest_transaction_seconds >= 0
