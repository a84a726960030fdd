"""The log of events: final, kept by days, and passed on without losing what commits late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.db import Tx
from souk.kernel.messages import Event, Fact, LogOnly, Relaying, emit, event, on
from tests.kernel.messages.stage import Stage, note, query, until

PARTITION_OF = "select tableoid::regclass::text from events where aggregate_id = $1"
DAYS = r"select count(*) from pg_inherits where inhparent = 'events'::regclass and inhrelid::regclass::text ~ '^events_\d{8}$'"


@event("step.taken")
class StepTaken(Event):
    order: UUID
    revision: int


def step(revision: int = 1, order: UUID | None = None) -> StepTaken:
    return StepTaken(order or uuid4(), revision)


class Broker:
    """Keeps what it is given; refuses when told to."""

    def __init__(self, name: str = "broker") -> None:
        self.name = name
        self.heard: list[Fact] = []
        self.refuses = 0

    async def publish(self, batch: Sequence[Fact]) -> None:
        self.heard += batch
        if self.refuses:
            self.refuses -= 1
            raise ConnectionError("the broker said no, after it took the batch")

    def revisions(self) -> list[int]:
        return [fact.revision for fact in self.heard]


UNPUBLISHED = """select count(*) from events
    where (txid, id) > (select txid, event from (select txid, event from relays where name = $1 union all select '0', $2 limit 1) r)"""


async def all_of(stage: Stage, relaying: Relaying) -> None:
    """Publish until nothing is left. Any transaction on the server, of other tests too, may hold it up for a moment."""

    async def done() -> bool:
        await relaying.forward()
        left: int = await stage.ask(int, UNPUBLISHED, relaying._relay.name, UUID(int=0))
        return left == 0

    await until(done)


# Relays


async def test_a_relay_publishes_what_was_logged_once_and_in_order(stage: Stage) -> None:
    broker = Broker()
    relaying = Relaying(stage.database, broker)
    for revision in range(5):
        await stage.emit(step(revision), step(revision + 100))
    await all_of(stage, relaying)
    await all_of(stage, relaying)
    assert broker.revisions() == [0, 100, 1, 101, 2, 102, 3, 103, 4, 104]
    assert {fact.topic for fact in broker.heard} == {"step.taken"}


async def test_a_fact_that_commits_late_is_not_lost(stage: Stage) -> None:
    """The first transaction to write is the last to commit; a reader by sequence number would be past it by then."""
    broker = Broker()
    relaying = Relaying(stage.database, broker)
    async with stage.database.begin() as late:
        await note(late, "its transaction id is the lowest")
        for revision in (1, 2):
            await stage.emit(step(revision))
        assert await relaying.forward() == 0
        assert broker.revisions() == [], "nothing is sealed while a transaction below it is open"
        await emit(late, step(99))
    await all_of(stage, relaying)
    assert sorted(broker.revisions()) == [1, 2, 99]


async def test_facts_that_commit_in_any_order_all_arrive_exactly_once_while_nothing_breaks(stage: Stage) -> None:
    broker = Broker()
    relaying = Relaying(stage.database, broker)

    async def write(number: int) -> None:
        async with stage.database.begin() as tx:
            await note(tx, "an id first")
            await asyncio.sleep((number * 7 % 5) * 0.003)
            await emit(tx, step(number))

    async def write_all() -> None:
        for start in range(0, 40, 4):
            await asyncio.gather(*(write(start + i) for i in range(4)))

    writing = asyncio.create_task(write_all())
    while not writing.done():
        await relaying.forward()
        await asyncio.sleep(0.002)
    await writing
    await all_of(stage, relaying)
    assert sorted(broker.revisions()) == list(range(40))


async def test_a_batch_that_was_not_confirmed_comes_again(stage: Stage) -> None:
    broker = Broker()
    relaying = Relaying(stage.database, broker)
    await stage.emit(step(1), step(2))
    broker.refuses = 1
    with pytest.raises(ConnectionError):
        await all_of(stage, relaying)
    await all_of(stage, relaying)
    assert sorted(broker.revisions()) == [1, 1, 2, 2]
    assert len({fact.id for fact in broker.heard}) == 2, "consumers dedupe by the event's id"


async def test_one_process_publishes_at_a_time_and_another_takes_over(stage: Stage) -> None:
    first, second = Broker(), Broker()
    one, two = Relaying(stage.database, first, lease=0.4), Relaying(stage.database, second, lease=0.4)
    await stage.emit(step(1))
    await all_of(stage, one)
    await stage.emit(step(2))
    assert await two.forward() == 0

    async def taken_over() -> bool:
        return await two.forward() > 0

    await until(taken_over, 5)
    assert (first.revisions(), second.revisions()) == ([1], [2])
    await two.leave()
    await stage.emit(step(3))
    await all_of(stage, one)
    assert (first.revisions(), second.revisions()) == ([1, 3], [2])


async def test_each_relay_has_its_own_position(stage: Stage) -> None:
    brokers = [Broker("kafka"), Broker("nats")]
    for revision, broker in enumerate(brokers):
        await stage.emit(step(revision))
        await all_of(stage, Relaying(stage.database, broker))
    assert [broker.revisions() for broker in brokers] == [[0], [0, 1]]


async def test_a_relay_that_runs_outlives_a_broker_that_is_away(stage: Stage) -> None:
    broker = Broker()
    broker.refuses = 2
    running = asyncio.create_task(Relaying(stage.database, broker).run(pause=0.01))
    await stage.emit(step(7))

    async def published() -> bool:
        return broker.revisions().count(7) >= 3 and await stage.ask(bool, "select txid > '0' from relays")

    await until(published)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_default_relay_follows_the_log(stage: Stage) -> None:
    await stage.emit(step(1))
    await all_of(stage, relaying := Relaying(stage.database, LogOnly()))
    assert await relaying.forward() == 0


# Order of reactions


async def test_facts_about_one_thing_reach_a_reaction_one_by_one_and_in_order(stage: Stage) -> None:
    failed: set[int] = set()

    @on(StepTaken)
    async def follow(tx: Tx, fact: StepTaken) -> None:
        await asyncio.sleep(0.002 * (5 - fact.revision))
        if fact.revision == 2 and fact.revision not in failed:
            failed.add(fact.revision)
            raise ValueError("not yet")
        await note(tx, f"{fact.order} {fact.revision}")

    stage.open(follow)
    orders = [uuid4() for _ in range(3)]
    for revision in range(1, 5):
        for order in orders:
            await stage.emit(step(revision, order))
    for hours in range(1, 5):
        await stage.drain()
        stage.clock.move_to(timedelta(hours=hours))
    effects = await stage.effects()
    for order in orders:
        assert [each for each in effects if each.startswith(str(order))] == [f"{order} {revision}" for revision in range(1, 5)]


async def test_one_thing_does_not_wait_for_another(stage: Stage) -> None:
    stuck, free = uuid4(), uuid4()

    @on(StepTaken)
    async def follow(tx: Tx, fact: StepTaken) -> None:
        if fact.order == stuck:
            raise ValueError("never")
        await note(tx, str(fact.revision))

    stage.open(follow)
    for revision in (1, 2):
        await stage.emit(step(revision, stuck), step(revision, free))
    await stage.drain()
    assert await stage.effects() == ["1", "2"]


async def test_a_reaction_may_do_without_order(stage: Stage) -> None:
    order = uuid4()

    @on(StepTaken, ordered=False)
    async def count_steps(tx: Tx, fact: StepTaken) -> None:
        if fact.revision == 1:
            raise ValueError("never")
        await note(tx, str(fact.revision))

    stage.open(count_steps)
    for revision in (1, 2, 3):
        await stage.emit(step(revision, order))
    await stage.drain()
    assert sorted(await stage.effects()) == ["2", "3"]


# Housekeeping


async def test_days_are_made_ahead_and_old_ones_are_dropped(stage: Stage) -> None:
    stage.open(days=30)
    old, recent = uuid4(), uuid4()
    await stage.emit(step(order=old))
    await stage.drain()
    stage.clock.move_to(timedelta(days=29))
    await stage.emit(step(order=recent))
    await stage.drain()
    assert await stage.ask(str, PARTITION_OF, old), "not yet too old"
    assert await stage.ask(str, PARTITION_OF, recent) == "events_default", "nobody had made that day"
    stage.clock.move_to(timedelta(days=32))
    await stage.drain()
    await stage.emit(step(order=(later := uuid4())))
    assert await stage.ask(str, PARTITION_OF, old) is None
    assert await stage.ask(str, PARTITION_OF, later) != "events_default"
    assert await stage.ask(str, PARTITION_OF, recent) == "events_default"
    stage.clock.move_to(timedelta(days=70))
    await stage.drain()
    assert await stage.ask(str, PARTITION_OF, recent) is None
    assert await stage.ask(int, DAYS) == 8


async def test_a_jump_of_the_clock_never_keeps_an_event_from_being_written(stage: Stage) -> None:
    order = uuid4()
    stage.clock.move_to(timedelta(days=20_000))
    await stage.emit(step(1, order))
    await stage.drain()
    await stage.emit(step(2, order))
    assert await stage.ask(int, "select count(*) from events where aggregate_id = $1", order) == 2


@pytest.mark.parametrize(
    "statement", ["update events set revision = 5", "delete from events", "truncate events", "drop table events_default"]
)
async def test_the_runtime_role_changes_no_fact(stage: Stage, statement: str) -> None:
    await stage.emit(step())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await stage.change(query("count", None, statement))


async def test_nor_does_it_behind_the_parent_s_back(stage: Stage) -> None:
    await stage.emit(step(order=(order := uuid4())))
    partition = await stage.ask(str, PARTITION_OF, order)
    for statement in (f"update {partition} set revision = 5", f"delete from {partition}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed or removed"):
            await stage.change(query("count", None, statement))


async def test_the_function_that_makes_days_looks_for_names_nowhere_else(stage: Stage) -> None:
    settings = "select array_to_string(proconfig, ' ') from pg_proc where proname = 'keep_event_days'"
    assert "search_path=sample, pg_temp" in await stage.ask(str, settings)
    assert await stage.ask(bool, "select not has_function_privilege('public', 'keep_event_days(date, integer, integer)', 'execute')")
