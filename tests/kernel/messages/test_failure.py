"""Jobs that fail: tried again after growing pauses, then kept as dead letters, and replayed by one call."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec

from souk.kernel.db import Tx
from souk.kernel.messages import GiveUp, Rhythm, dead_letters, drop, enqueue, job, replay
from tests.kernel.messages.stage import Say, Stage, failing, note, say


class Louder(msgspec.Struct, frozen=True):
    volume: int


class Highest:
    """Randomness that always draws the bound."""

    def __init__(self) -> None:
        self.bounds: list[float] = []

    def uniform(self, low: float, high: float) -> float:
        if low == 0:
            self.bounds.append(high)
        return high


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


async def test_a_cancellation_that_a_job_meets_is_its_failure_and_does_not_stop_the_worker(stage: Stage) -> None:
    @job("await a dead task", attempts=1)
    async def await_dead_task(tx: Tx, args: Say) -> None:
        await note(tx, "half done")
        task = asyncio.create_task(asyncio.sleep(30))
        task.cancel()
        await task

    stage.open(await_dead_task, say)
    for _ in range(3):
        await stage.enqueue(await_dead_task, Say("x"))
    await stage.enqueue(say, Say("still at work"), priority=-10)
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["still at work"]
    assert {letter.error for letter in await stage.database.read(dead_letters)} == {"CancelledError"}


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
    rest = await stage.database.read(lambda tx: dead_letters(tx, after=(first[-1].died_at, first[-1].id)))
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
