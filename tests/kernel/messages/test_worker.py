"""What a worker promises: effects in the database exactly once, with what a job was asked for and needs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from souk.kernel.db import Database, Tx
from souk.kernel.messages import Catalogue, Claimed, Completion, Job, enqueue, job
from souk.kernel.messages.running import Unwatched
from souk.kernel.telemetry import Outcome
from tests.kernel.messages.stage import ADD_EFFECT, LEASED, STEAL, Declared, Say, Stage, failing, note, query, say


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

    stage.open(sweep)
    await stage.enqueue(sweep)
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
    async def odd(number: int) -> None: ...

    with pytest.raises(TypeError, match="has to take a Tx"):
        Catalogue([Declared(Job(odd, "odd"))]).bind({})


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
