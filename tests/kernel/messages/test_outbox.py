"""Events and jobs commit with the change that asks for them, or not at all."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from souk.kernel.db import Database, Tx, Unstorable
from souk.kernel.messages import Catalogue, Event, cancel, emit, enqueue, event, job, on
from tests.kernel.messages.stage import ADD_EFFECT, Declared, Say, Stage, note

TRANSACTIONS = """select count(distinct xmin::text) from (
    select xmin from events union all select xmin from jobs union all select xmin from effects) written"""
"""How many transactions wrote what there is."""


@event("parcel.sent", aggregate="parcel")
class ParcelSent(Event):
    weight: int
    parcel: UUID
    revision: int = 1


@event("parcel.weighed", version=3)
class ParcelWeighed(Event):
    parcel: UUID


@job("say")
async def say(tx: Tx, args: Say) -> None:
    await note(tx, args.what)


@on(ParcelSent)
async def tell_sender(tx: Tx, fact: ParcelSent) -> None:
    await note(tx, f"sender of {fact.weight}")


@on(ParcelSent, name="tell receiver", priority=2)
async def tell_receiver(tx: Tx, fact: ParcelSent) -> None:
    await note(tx, f"receiver of {fact.weight}")


EVERYTHING = (say, tell_sender, tell_receiver)


async def test_a_rollback_leaves_nothing(stage: Stage) -> None:
    stage.open(*EVERYTHING)

    async def change(tx: Tx) -> None:
        await emit(tx, ParcelSent(3, uuid4()))
        await enqueue(tx, say, Say("hello"))
        await note(tx, "written")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stage.database.write(change)
    assert await stage.ask(int, "select count(*) from events") == 0
    assert await stage.waiting() == await stage.effects() == []


async def test_a_commit_writes_the_fact_what_reacts_to_it_and_the_jobs_in_one_transaction(stage: Stage) -> None:
    stage.open(*EVERYTHING)

    async def change(tx: Tx) -> None:
        await emit(tx, ParcelSent(3, uuid4()))
        await enqueue(tx, say, Say("hello"))
        await note(tx, "written")

    await stage.database.write(change)
    assert sorted(await stage.waiting()) == ["parcel.sent:tell_sender", "say", "tell receiver"]
    assert await stage.ask(int, TRANSACTIONS) == 1


async def test_everything_rides_on_the_last_statement_of_a_change(stage: Stage) -> None:
    stage.open(*EVERYTHING)

    async def change(tx: Tx) -> int:
        await emit(tx, ParcelSent(3, uuid4()), ParcelWeighed(uuid4()))
        await enqueue(tx, say, Say("hello"))
        return await tx.finish(ADD_EFFECT, "written")

    assert await stage.database.write(change) == 1
    assert await stage.ask(int, TRANSACTIONS) == 1
    assert await stage.ask(int, "select count(*) from events") == 2
    assert len(await stage.waiting()) == 3


async def test_the_log_keeps_what_a_fact_says_of_itself(stage: Stage) -> None:
    parcel = uuid4()
    await stage.emit(ParcelSent(7, parcel, revision=12))
    row = "select topic || ' ' || version || ' ' || aggregate_id || ' ' || revision || ' ' || payload::text from events"
    assert await stage.ask(str, row) == f'parcel.sent 1 {parcel} 12 {{"parcel": "{parcel}", "weight": 7, "revision": 12}}'


async def test_a_fact_without_a_revision_is_ordered_by_the_time_of_its_announcement(stage: Stage) -> None:
    parcel = uuid4()
    await stage.emit(ParcelWeighed(parcel))
    await stage.emit(ParcelWeighed(parcel))
    assert await stage.ask(int, "select count(distinct revision) from events where aggregate_id = $1 and version = 3", parcel) == 2


async def test_events_carry_business_time(stage: Stage) -> None:
    stage.clock.move_to(timedelta(days=3))
    await stage.emit(ParcelWeighed(uuid4()))
    assert await stage.ask(bool, "select at > now() + interval '71 hours' from events")


async def test_text_that_cannot_be_stored_refuses_the_whole_change(stage: Stage) -> None:
    stage.open(*EVERYTHING)
    with pytest.raises(Unstorable):
        await stage.enqueue(say, Say("a\0b"))
    assert await stage.waiting() == []


async def test_what_only_reads_cannot_announce_anything(stage: Stage) -> None:
    with pytest.raises(TypeError, match="carries no messages"):
        await stage.database.read(lambda tx: emit(tx, ParcelWeighed(uuid4())))
    with pytest.raises(TypeError, match="without a catalogue"):
        await Database(stage.pool, stage.clock).write(lambda tx: enqueue(tx, say, Say("hello")))


async def test_a_priority_outside_the_scale_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="from -10 to 10, not 11"):
        await stage.enqueue(say, Say("hello"), priority=11)


# Keys


async def test_of_one_key_only_the_newest_waits(stage: Stage) -> None:
    stage.open(say)
    for what in ("first", "second", "third"):
        await stage.enqueue(say, Say(what), key="greeting")
    await stage.enqueue(say, Say("another"), key="other")
    await stage.drain()
    assert sorted(await stage.effects()) == ["another", "third"]


async def test_of_one_key_only_the_newest_of_a_transaction_is_written(stage: Stage) -> None:
    stage.open(say)

    async def change(tx: Tx) -> None:
        for what in ("first", "second"):
            await enqueue(tx, say, Say(what), key="greeting")

    await stage.database.write(change)
    await stage.drain()
    assert await stage.effects() == ["second"]


async def test_a_timer_that_is_armed_again_moves(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("late"), key="deadline", run_at=stage.clock.now() + timedelta(hours=1))
    await stage.enqueue(say, Say("later"), key="deadline", run_at=stage.clock.now() + timedelta(hours=3))
    stage.clock.move_to(timedelta(hours=2))
    await stage.drain()
    assert await stage.effects() == []
    stage.clock.move_to(timedelta(hours=4))
    await stage.drain()
    assert await stage.effects() == ["later"]


async def test_what_is_asked_for_again_and_again_keeps_its_place_in_the_queue(stage: Stage) -> None:
    stage.open(say)
    start = stage.clock.now()
    await stage.enqueue(say, Say("index, first"), key="index")
    await stage.enqueue(say, Say("something else"))
    stage.clock.move_to(timedelta(minutes=1))
    await stage.enqueue(say, Say("index, second"), key="index")
    assert await stage.ask(bool, "select run_at < $1::timestamptz + interval '30 seconds' from jobs where key = 'index'", start)
    await stage.drain(concurrency=1)
    assert await stage.effects() == ["index, second", "something else"]


async def test_what_waits_can_be_cancelled_by_its_key(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("never"), key="deadline", run_at=stage.clock.now() + timedelta(hours=1))
    assert await stage.database.write(lambda tx: cancel(tx, "deadline"))
    assert not await stage.database.write(lambda tx: cancel(tx, "deadline"))
    assert await stage.waiting() == []


async def test_what_was_asked_for_in_the_same_transaction_can_be_cancelled(stage: Stage) -> None:
    async def change(tx: Tx) -> bool:
        await enqueue(tx, say, Say("never"), key="deadline")
        return await cancel(tx, "deadline")

    assert await stage.database.write(change)
    assert await stage.waiting() == []


async def test_a_cancellation_that_is_rolled_back_cancels_nothing(stage: Stage) -> None:
    stage.open(say)
    await stage.enqueue(say, Say("kept"), key="deadline")

    async def change(tx: Tx) -> None:
        assert await cancel(tx, "deadline")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stage.database.write(change)
    await stage.drain()
    assert await stage.effects() == ["kept"]


# Declarations


def test_two_works_of_one_name_are_refused() -> None:
    @job("send", was=("say",))
    async def send(tx: Tx, args: Say) -> None: ...

    with pytest.raises(TypeError, match="the name say is taken twice"):
        Catalogue([Declared(say, send)])


def test_two_events_of_one_topic_are_refused() -> None:
    @event("parcel.sent")
    class Other(Event):
        parcel: UUID

    @on(Other)
    async def hear(tx: Tx, fact: Other) -> None: ...

    with pytest.raises(TypeError, match=r"two classes of events are called parcel\.sent"):
        Catalogue([Declared(tell_sender, hear)])


def test_an_event_needs_something_to_be_about() -> None:
    with pytest.raises(TypeError, match="needs a field with the id of what it is about"):

        @event("nothing.happened")
        class NothingHappened(Event):
            pass


def test_work_with_a_name_outside_its_scale_is_refused() -> None:
    with pytest.raises(TypeError, match="attempts are at least 1"):
        job("never", attempts=0)(say.function)


def test_declared_work_says_what_it_is() -> None:
    assert repr(say) == f"<Job say: {__name__}.say>"
    assert say.home == __name__
