"""Catching up over HTTP: what was said while a client was away, without a gap, and only to those who may hear it."""

from __future__ import annotations

import asyncio
import random
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import msgspec
import pytest

from souk.kernel.db import Pool
from souk.kernel.http.paging import cursor
from souk.kernel.live import EVERYONE, room, user_room
from souk.kernel.live.log import Place, Seen, forget_said, seen
from souk.kernel.live.rooms import ROLE
from souk.kernel.live.routes import MOST_OPEN
from souk.kernel.messages import emit
from tests.kernel.http.serving import code
from tests.kernel.live.speaking import TAKE_A_NUMBER, Client, Closing, CrowdTold, NoteWritten, Stage, an_order, write_at_random
from tests.kernel.messages.stage import query


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


@asynccontextmanager
async def somebody(stage: Stage, *rooms: str, person: UUID | None = None, role: str = "client", limit: int = 100) -> AsyncIterator[Client]:
    """A client that begins now."""
    async with stage.served() as served:
        token = served.token(role, person=person)
        async with served.client(Authorization=f"Bearer {token}") as http:
            client = Client(http, *rooms, limit=limit)
            await client.ask()
            yield client


async def test_it_begins_with_the_present(stage: Stage) -> None:
    me = uuid4()
    await stage.emit(NoteWritten(uuid4(), 1, me))
    async with somebody(stage, person=me) as client:
        assert client.events == []
        await client.catch_up()
        assert client.events == []
        await stage.emit(NoteWritten(uuid4(), 2, me))
        await client.catch_up()
        await client.catch_up()
        (event,) = client.events
        assert {**event, "id": "", "at": ""} == {
            "id": "",
            "event": "note",
            "namespace": "/",
            "room": user_room(me),
            "data": {"number": 2},
            "at": "",
        }
        assert str(UUID(event["id"])) == event["id"]


async def test_the_rooms_that_are_one_s_own_without_asking_are_looked_into(stage: Stage) -> None:
    """What staff hear, members do not; what is said to another person, nobody else does."""
    async with somebody(stage) as member, somebody(stage, role="admin") as staff:
        await stage.emit(NoteWritten(uuid4(), 1, uuid4()))
        await member.catch_up()
        await staff.catch_up()
        assert member.events == []
        assert [(each["namespace"], each["event"], each["room"]) for each in staff.events] == [("/staff", "written", EVERYONE)]


async def test_rooms_are_looked_into_with_the_permission_that_joining_needs(stage: Stage) -> None:
    me = uuid4()
    mine, other = an_order(me), an_order(uuid4())
    async with somebody(stage, room("order", mine), person=me) as client:
        await stage.emit(NoteWritten(mine, 1), NoteWritten(other, 2))
        await client.catch_up()
        assert client.numbers == [1]
        for name, status, refusal in (
            (room("order", other), 404, "NOT_FOUND"),
            (user_room(uuid4()), 404, "NOT_FOUND"),
            (room("parcel", mine), 422, "ROOM_UNKNOWN"),
            (f"order:{mine.hex}", 422, "ROOM_UNKNOWN"),
            ("order:", 422, "ROOM_UNKNOWN"),
            (ROLE, 422, "ROOM_UNKNOWN"),
        ):
            answer = await client.http.get("/live/events", params={"room": [room("order", mine), name]})
            assert (answer.status_code, code(answer)) == (status, refusal), name


async def test_a_room_of_two_namespaces_lets_out_only_what_was_said_in_those_one_may_enter(stage: Stage) -> None:
    async with somebody(stage, EVERYONE) as member, somebody(stage, EVERYONE, ROLE, role="admin") as staff:
        await stage.emit(NoteWritten(uuid4(), 1))
        await member.catch_up()
        await staff.catch_up()
        assert [len(member.events), len(staff.events)] == [0, 1]


async def test_anonymous_clients_have_no_rooms(stage: Stage) -> None:
    async with stage.served() as served, served.client() as client:
        assert code(await client.get("/live/events")) == "SIGN_IN_NEEDED"


async def test_it_goes_on_page_by_page(stage: Stage) -> None:
    me = uuid4()
    async with somebody(stage, person=me, limit=7) as client:
        for number in range(40):
            await stage.emit(NoteWritten(uuid4(), number, me))
        pages = 0
        while await client.ask():
            pages += 1
        assert client.numbers == list(range(40))
        assert pages == 6


async def test_what_commits_late_is_not_lost_and_nobody_waits_for_it(stage: Stage) -> None:
    me = uuid4()
    async with somebody(stage, person=me) as client:
        async with stage.database.begin() as late:
            await late.run(TAKE_A_NUMBER)
            await stage.emit(NoteWritten(uuid4(), 1, me))
            await client.catch_up()
            assert client.numbers == [1], "an open transaction holds up nobody"
            await client.catch_up()
            await stage.emit(NoteWritten(uuid4(), 2, me))
            await client.catch_up()
            await emit(late, NoteWritten(uuid4(), 3, me))
        await client.catch_up()
        assert client.numbers == [1, 2, 3]


async def test_a_page_that_was_begun_before_a_late_commit_does_not_lose_it(stage: Stage) -> None:
    me = uuid4()
    async with somebody(stage, person=me, limit=2) as client:
        async with stage.database.begin() as late:
            await late.run(TAKE_A_NUMBER)
            for number in range(4):
                await stage.emit(NoteWritten(uuid4(), number, me))
            await client.ask()
            await emit(late, NoteWritten(uuid4(), 99, me))
        await client.catch_up()
        await client.catch_up()
        assert sorted(client.numbers) == [0, 1, 2, 3, 99]


@pytest.mark.parametrize("seed", range(3))
async def test_many_writers_that_commit_and_roll_back_at_random_lose_nothing(stage: Stage, closing: Closing, seed: int) -> None:
    """Three readers page all the time, each with its own patience; the union of their pages is what was committed, each once."""
    pool = Pool(stage.pool.dsn, size=10)
    closing(pool.close)
    beside = Stage(pool)
    chance = random.Random(seed)
    me = uuid4()

    async def page(client: Client, pause: float) -> None:
        while True:
            await client.ask()
            await asyncio.sleep(chance.random() * pause)

    async with (
        somebody(stage, person=me, limit=1) as hasty,
        somebody(stage, person=me, limit=3) as steady,
        somebody(stage, person=me) as lazy,
    ):
        clients = (hasty, steady, lazy)
        reading = [asyncio.create_task(page(client, pause)) for client, pause in zip(clients, (0.001, 0.01, 0.2), strict=True)]
        notes = [[NoteWritten(uuid4(), writer * 100 + number, me) for number in range(30)] for writer in range(8)]
        written = await asyncio.gather(*(write_at_random(beside, chance, each) for each in notes))
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        for client in clients:
            await client.catch_up()
            await client.catch_up()
            assert sorted(client.numbers) == sorted(number for each in written for number in each)


async def test_a_cursor_older_than_what_is_kept_is_refused_with_the_remedy(stage: Stage) -> None:
    me = uuid4()
    async with somebody(stage, person=me) as away, somebody(stage, person=me) as lately:
        await stage.emit(NoteWritten(uuid4(), 1, me))
        await stage.change("update said set written = written - interval '4 days'")
        await lately.catch_up_quietly()
        await forget_said(stage.database)
        await stage.emit(NoteWritten(uuid4(), 2, me))
        answer = await away.http.get("/live/events", params={"cursor": away.cursor})
        assert (answer.status_code, code(answer)) == (410, "CURSOR_TOO_OLD")
        assert "without a cursor" in answer.json()["error"]["message"]
        await lately.catch_up()
        assert lately.numbers == [1, 2], "it had read what was dropped"


async def test_a_cursor_of_days_ago_holds_as_long_as_nothing_was_dropped_since(stage: Stage) -> None:
    me = uuid4()
    await stage.emit(NoteWritten(uuid4(), 1, me))
    await stage.change("update said set written = written - interval '4 days'")
    async with somebody(stage, person=me) as client:
        await client.catch_up_quietly()
        await forget_said(stage.database)
        await stage.emit(NoteWritten(uuid4(), 2, me))
        await client.catch_up()
        assert client.numbers == [2]


async def test_a_cursor_from_a_future_that_a_restored_database_has_not_seen_is_refused(stage: Stage) -> None:
    async with somebody(stage) as client:
        answer = await client.http.get("/live/events", params={"cursor": cursor(Place(Seen(2**40 + 5)))})
        assert (answer.status_code, code(answer)) == (410, "CURSOR_TOO_OLD")


def text(keys: object) -> str:
    return urlsafe_b64encode(msgspec.json.encode(keys)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "forged",
    [
        "x",
        text({}),
        text([[0]]),
        text([[2**32]]),
        text([[2**63]]),
        text([[5, [9]]]),
        text([[2**32 + 5, [5]]]),
        text([[5, [-1]]]),
        text([[5], None, -1]),
        text([[5], None, 1, 2**63]),
        text([["5"]]),
    ],
)
async def test_a_cursor_that_was_not_given_out_is_refused(stage: Stage, forged: str) -> None:
    async with somebody(stage) as client:
        answer = await client.http.get("/live/events", params={"cursor": forged})
        assert (answer.status_code, code(answer)) == (422, "INVALID")


@pytest.mark.parametrize("forged", [[[1]], [[9, [1, 1, 3]]], [[3], [9, [2]]], [[9], [3]], [[9, [1]], [9, [8]], 2**61, 2**61]])
async def test_one_that_was_forged_well_shows_no_more_than_its_owner_may_see(stage: Stage, forged: list[object]) -> None:
    await stage.emit(NoteWritten(uuid4(), 1, uuid4()))
    async with somebody(stage) as client:
        answer = await client.http.get("/live/events", params={"cursor": text(forged)})
        assert (answer.status_code, answer.json()["data"]) == (200, [])


async def test_a_crowd_of_open_transactions_does_not_make_a_cursor_too_long(stage: Stage) -> None:
    """More are open than a cursor names: some may be read twice then, and none is lost."""
    me = uuid4()
    crowd = Seen(10_000_000_000, tuple(range(10, 30_000_000, 300_000)))
    assert len(crowd.open) == 100
    short = Place(crowd, crowd, 9_999_999_999, 10**9).cut(MOST_OPEN)
    assert len(cursor(short)) < 4_096
    assert seen(short.since.snapshot) == Seen(short.since.end, tuple(sorted(short.since.open, reverse=True)))
    assert short.since.begin == crowd.begin
    named = {crowd.end - each for each in crowd.open}
    assert all(each in named for each in (short.since.end - other for other in short.since.open))
    assert all(each >= short.since.end for each in named - {short.since.end - other for other in short.since.open})
    async with somebody(stage, person=me) as client:
        await stage.emit(NoteWritten(uuid4(), 1, me))
        await stage.emit(NoteWritten(uuid4(), 2, me))
        first, second = await stage.see(query("values", int, "select distinct txid::text::bigint from said order by 1"))
        client.cursor = cursor(Place(Seen(second + 1, (1, second + 1 - first)).cut(1)))
        await client.catch_up()
        assert client.numbers == [1, 2]


async def test_a_crowded_event_is_found_in_each_of_its_rooms(stage: Stage) -> None:
    me = uuid4()
    mine = [an_order(me) for _ in range(3)]
    async with somebody(stage, *(room("order", each) for each in mine), person=me) as client:
        await stage.emit(CrowdTold([*mine, *(uuid4() for _ in range(997))]))
        await client.catch_up()
        assert [each["room"] for each in client.events] == [room("order", each) for each in mine]
        assert len({each["id"] for each in client.events}) == 1
