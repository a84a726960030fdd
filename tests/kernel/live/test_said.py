"""What is said live is written with the event it comes from, and costs nothing where nothing is said."""

from __future__ import annotations

from uuid import uuid4

import pytest

from souk.kernel.db import Pool, Tx
from souk.kernel.live import room, user_room
from souk.kernel.live.log import forget_said
from souk.kernel.messages import emit
from souk.kernel.messages.outbox import outbox_of
from tests.kernel.live.speaking import SAID, CrowdTold, NoteWritten, NothingSaid, Stage
from tests.kernel.messages.stage import query

TRANSACTIONS = "select count(distinct xmin::text) from (select xmin from events union all select xmin from said) written"
AGE = "update said set written = written - interval '4 days' where payload = $1::text::jsonb"


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


async def test_it_is_written_once_for_each_room_in_the_transaction_of_its_event(stage: Stage) -> None:
    order, person = uuid4(), uuid4()
    await stage.emit(NoteWritten(order, 7, person))
    assert await stage.see(SAID) == [f"/ note {room('order', order)}", f"/ note {user_room(person)}", "/staff written everyone"]
    assert await stage.ask(int, TRANSACTIONS) == 1
    assert await stage.ask(bool, "select count(distinct id) = 2 and count(distinct payload) = 1 from said"), "one id for one saying"


async def test_it_rides_on_the_last_statement_of_a_change(stage: Stage) -> None:
    async def change(tx: Tx) -> int:
        await emit(tx, NoteWritten(uuid4()))
        return await tx.finish(query("count", None, "insert into revocations values ($1, 'infinity', 'infinity')"), uuid4())

    assert await stage.database.write(change) == 1
    assert len(await stage.see(SAID)) == 2
    assert await stage.ask(int, TRANSACTIONS) == 1


async def test_a_rollback_leaves_nothing_and_rings_nothing(stage: Stage) -> None:
    rung: list[int] = []

    async def change(tx: Tx) -> None:
        await emit(tx, NoteWritten(uuid4()))
        raise ZeroDivisionError

    with stage.catalogue.news.heard_by(lambda: rung.append(1)), pytest.raises(ZeroDivisionError):
        await stage.database.write(change)
    assert await stage.see(SAID) == rung == []


async def test_every_process_is_told_at_the_commit_but_only_when_something_was_said(stage: Stage) -> None:
    rung: list[int] = []
    with stage.catalogue.news.heard_by(lambda: rung.append(1)):
        await stage.emit(NothingSaid(uuid4()))
        await stage.emit(CrowdTold([]))
        assert rung == []
        await stage.emit(NoteWritten(uuid4()), NoteWritten(uuid4()))
        assert rung == [1]


async def test_an_event_that_is_not_said_adds_nothing_to_the_statement(stage: Stage) -> None:
    tx = stage.database.tx()
    await emit(tx, NothingSaid(uuid4()))
    unloaded = outbox_of(tx).unload()
    assert unloaded is not None
    assert "into said" not in unloaded[0].ctes
    assert len(unloaded[1]) == 1


async def test_nobody_hears_it_twice_because_a_room_was_named_twice(stage: Stage) -> None:
    order = uuid4()
    await stage.emit(CrowdTold([order, order]))
    assert await stage.see(SAID) == [f"/ crowd {room('order', order)}"]


async def test_a_thousand_rooms_of_one_event_are_one_statement(stage: Stage) -> None:
    rooms = [uuid4() for _ in range(1_000)]
    await stage.emit(CrowdTold(rooms))
    assert await stage.see(SAID) == [f"/ crowd {room('order', each)}" for each in rooms]


async def test_what_is_older_than_three_days_is_dropped_a_little_at_a_time(stage: Stage) -> None:
    for _ in range(6):
        await stage.emit(CrowdTold([uuid4() for _ in range(1_000)]))
    await stage.change(AGE, '{"to": 1000}')
    await stage.emit(CrowdTold([uuid4(), uuid4()]))
    await forget_said(stage.database)
    assert await stage.ask(int, "select count(*) from said") == 2
    assert await stage.ask(bool, "select txid > '0' and txid < (select min(txid::text::bigint)::text::xid8 from said) from said_dropped")
    await forget_said(stage.database)
    assert await stage.ask(int, "select count(*) from said") == 2
