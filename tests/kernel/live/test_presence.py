"""Who is connected, counting all processes, also those that died."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import msgspec
import pytest

from souk.kernel.db import Pool
from souk.kernel.live import Live, Namespace, RoomKind
from souk.kernel.live.hints import Whispers
from souk.kernel.live.presence import Presence, heard_in, online
from tests.kernel.live.speaking import Closing, Ears, Stage, access_order, until

SHORT = 0.6
"""A lease in seconds, for tests that wait for its end."""


class Process:
    """A process with sockets, and what those in its presence rooms hear."""

    def __init__(self, stage: Stage, lease: float) -> None:
        self.ears = Ears()
        whispers = Whispers(stage.database, listens=False)
        whispers.heard = self.ears.whisper
        self.presence = Presence(stage.database, whispers, ("/",), lease=lease)
        self.running = [asyncio.create_task(whispers.run()), asyncio.create_task(self.presence.run())]

    async def die(self) -> None:
        """Without a word, as by `kill -9`."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    @property
    def heard(self) -> list[tuple[str, bool]]:
        said = [msgspec.json.decode(each.payload) for each in self.ears.whispered]
        return [(each["personId"], each["online"]) for each in said]


class Town:
    """Several processes of one market."""

    def __init__(self, stage: Stage, closing: Closing) -> None:
        self.stage = stage
        self._closing = closing

    def process(self, lease: float = 30.0) -> Process:
        process = Process(self.stage, lease)
        self._closing(process.die)
        return process

    async def online(self, *people: UUID) -> set[UUID]:
        return await self.stage.database.read(lambda tx: online(tx, people))

    async def until_online(self, *people: UUID, of: tuple[UUID, ...]) -> None:
        async with asyncio.timeout(20):
            while await self.online(*of) != set(people):  # noqa: ASYNC110 - what is waited for happens in the database
                await asyncio.sleep(0.02)


@pytest.fixture
def town(pool: Pool, closing: Closing) -> Town:
    return Town(Stage(pool), closing)


async def test_a_person_is_here_from_the_first_socket_to_the_last_in_any_process(town: Town) -> None:
    ada, bo = uuid4(), uuid4()
    both = (ada, bo)
    first, second = town.process(), town.process()
    first.presence.came(ada)
    first.presence.came(ada)
    await town.until_online(ada, of=both)
    second.presence.came(ada)
    second.presence.came(bo)
    await town.until_online(ada, bo, of=both)
    first.presence.left(ada)
    first.presence.left(ada)
    second.presence.left(bo)
    await town.until_online(ada, of=both)
    await asyncio.sleep(0.6)
    assert await town.online(*both) == {ada}, "one socket of hers is left in the second process"
    second.presence.left(ada)
    await town.until_online(of=both)
    await until(lambda: len(first.heard) + len(second.heard) == 4)
    assert first.heard == [(str(ada), True)], "who came to a second process has been here before"
    assert second.heard == [(str(bo), True), (str(bo), False), (str(ada), False)]


async def test_what_is_whispered_goes_to_the_room_about_that_person(town: Town) -> None:
    ada, process = uuid4(), town.process()
    process.presence.came(ada)
    await until(lambda: len(process.heard) == 1)
    (whispered,) = process.ears.whispered
    assert (whispered.room, whispered.namespace, whispered.name) == (f"presence:{ada}", "/", "presence")


async def test_whoever_connects_anew_in_a_moment_has_never_left(town: Town) -> None:
    ada, process = uuid4(), town.process()
    process.presence.came(ada)
    await town.until_online(ada, of=(ada,))
    for _ in range(20):
        process.presence.left(ada)
        process.presence.came(ada)
    await asyncio.sleep(0.6)
    assert process.heard == [(str(ada), True)]


async def test_a_thousand_who_come_at_once_are_few_statements(town: Town) -> None:
    process = town.process()
    people = [uuid4() for _ in range(1_000)]
    for person in people:
        process.presence.came(person)
    await town.until_online(*people, of=tuple(people))
    assert await town.stage.ask(int, "select count(distinct xmin::text) from presence") <= 2


async def test_of_two_processes_that_a_person_leaves_at_once_one_says_so(town: Town) -> None:
    people = [uuid4() for _ in range(50)]
    first, second = town.process(), town.process()
    for person in people:
        first.presence.came(person)
        second.presence.came(person)
    await town.until_online(*people, of=tuple(people))
    for person in people:
        first.presence.left(person)
        second.presence.left(person)
    await town.until_online(of=tuple(people))
    await until(lambda: len(first.heard) + len(second.heard) >= 100)
    await asyncio.sleep(0.3)
    assert sorted(first.heard + second.heard) == sorted((str(person), here) for person in people for here in (True, False))


async def test_those_of_a_process_that_died_are_gone_when_its_lease_ends(town: Town) -> None:
    ada, bo, cy = uuid4(), uuid4(), uuid4()
    everybody = (ada, bo, cy)
    doomed, survivor = town.process(SHORT), town.process(SHORT)
    for person in (ada, bo):
        doomed.presence.came(person)
    for person in (bo, cy):
        survivor.presence.came(person)
    await town.until_online(*everybody, of=everybody)
    await doomed.die()
    assert await town.online(*everybody) == set(everybody), "nobody knows yet"
    await town.until_online(bo, cy, of=everybody)
    await until(lambda: (str(ada), False) in survivor.heard)
    assert (str(bo), False) not in survivor.heard
    assert await town.stage.ask(int, "select count(*) from presence_processes") == 1, "it was swept"
    await asyncio.sleep(3 * SHORT)
    assert await town.online(*everybody) == {bo, cy}, "who lives renews its lease"


async def test_a_process_that_was_taken_for_dead_says_again_who_is_here(town: Town) -> None:
    ada, bo, process = uuid4(), uuid4(), town.process(SHORT)
    process.presence.came(ada)
    await town.until_online(ada, of=(ada,))
    await town.stage.change("delete from presence_processes")
    process.presence.came(bo)
    await town.until_online(ada, bo, of=(ada, bo))


async def test_a_process_that_stops_says_goodbye_for_all(town: Town) -> None:
    ada, leaving, staying = uuid4(), town.process(), town.process()
    leaving.presence.came(ada)
    await town.until_online(ada, of=(ada,))
    staying.presence.came(uuid4())
    await until(lambda: len(staying.heard) == 1)
    await leaving.presence.leave()
    assert await town.online(ada) == set()
    await until(lambda: (str(ada), False) in leaving.heard)
    assert await town.stage.ask(int, "select count(*) from presence_processes") == 1


def test_presence_is_heard_where_a_market_declares_rooms_for_it() -> None:
    presence, order = RoomKind("presence", access_order), RoomKind("order", access_order)
    live = Live((Namespace(path="/", joins={"watch": presence}), Namespace(path="/x", joins={"join_order": order})))
    assert heard_in(live) == ("/",)
