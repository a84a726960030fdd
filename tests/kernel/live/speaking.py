"""What the stories about the durable half of the live channel are played on: a market that says two kinds of events, and who hears them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Query, Tx
from souk.kernel.http import Actor, NotFound, who
from souk.kernel.http.paging import CursorPaging
from souk.kernel.live import EVERYONE, Live, Namespace, RoomKind, Says, room, user_room
from souk.kernel.live.hints import Whispered
from souk.kernel.live.log import Place, Said
from souk.kernel.live.routes import OPERATIONS
from souk.kernel.messages import Catalogue, Event, Outbox, emit, event
from tests.kernel.http.serving import Served, site
from tests.kernel.messages.stage import query

SAID = query("values", str, "select namespace || ' ' || name || ' ' || room from said order by txid, seq")
TAKE_A_NUMBER = query("only", int, "select pg_current_xact_id()::text::bigint")
"""From here on the transaction counts as open: readers of numbers drawn later must not lose it."""


@event("note.written")
class NoteWritten(Event):
    """Said to the order's room, to a person, and under another name to staff."""

    order: UUID
    number: int = 0
    person: UUID | None = None


@event("crowd.told", aggregate="about")
class CrowdTold(Event):
    """Said to as many rooms as it likes."""

    rooms: list[UUID]
    about: UUID = UUID(int=0)


@event("nothing.said", aggregate="about")
class NothingSaid(Event):
    """Of no interest to anybody connected."""

    about: UUID


class Number(msgspec.Struct, frozen=True):
    """What is said of a note."""

    number: int


def rooms_of(fact: NoteWritten) -> list[str]:
    return [room("order", fact.order), *([user_room(fact.person)] if fact.person else [])]


PARTIES: dict[UUID, UUID] = {}
"""Whose an order is. Every test makes its own."""


async def access_order(_tx: Tx, by: Actor, order: UUID) -> None:
    """As reading the order would be refused."""
    if PARTIES.get(order) != by.id:
        raise NotFound


def number(fact: NoteWritten) -> Number:
    return Number(fact.number)


ORDER = RoomKind("order", access_order)
NOTE = Says("note", NoteWritten, to=rooms_of, what=number)
CROWD = Says("crowd", CrowdTold, to=lambda fact: [room("order", each) for each in fact.rooms], what=lambda fact: {"to": len(fact.rooms)})
WRITTEN = Says("written", NoteWritten, to=lambda _fact: [EVERYONE], what=number)
LIVE = Live(
    (
        Namespace(path="/", joins={"join_order": ORDER}, says=(NOTE, CROWD)),
        Namespace(path="/staff", who=who("staff"), says=(WRITTEN,)),
    )
)


class Stage:
    """One process of a market that has a live channel."""

    def __init__(self, pool: Pool, live: Live = LIVE) -> None:
        self.pool = pool
        self.catalogue = Catalogue([], says=live.by_fact)
        self.database = Database(pool, Clock(), lambda tx: Outbox(self.catalogue, tx))

    async def emit(self, *events: Event) -> None:
        await self.database.write(lambda tx: emit(tx, *events))

    async def see(self, statement: Query[Any], *args: object) -> Any:
        return await self.database.read(lambda tx: tx.run(statement, *args))

    async def ask(self, kind: object, sql: str, *args: object) -> Any:
        """One value."""
        return await self.see(query("value", kind, sql), *args)

    async def change(self, sql: str, *args: object) -> Any:
        return await self.database.write(lambda tx: tx.run(query("count", None, sql), *args))

    def served(self) -> Served:
        """Catching up over HTTP."""
        return Served(site(self.database, resources={Live: LIVE}), OPERATIONS)


class Ears:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.whispered: list[Whispered] = []

    async def say(self, said: Said) -> None:
        self.said.append(said)

    async def whisper(self, whispered: Whispered) -> None:
        self.whispered.append(whispered)

    @property
    def numbers(self) -> list[int]:
        """Of the notes that it heard."""
        return [msgspec.json.decode(said.payload)["number"] for said in self.said if said.name == "note"]


class Client:
    """Somebody who catches up, page by page."""

    def __init__(self, http: httpx.AsyncClient, *rooms: str, limit: int = 100) -> None:
        self.http = http
        self.rooms = rooms
        self.limit = limit
        self.cursor = ""
        self.events: list[dict[str, Any]] = []

    async def ask(self) -> int:
        """The next page; how many events that were."""
        asked: dict[str, Any] = {"limit": self.limit, "room": self.rooms}
        if self.cursor:
            asked["cursor"] = self.cursor
        answer = await self.http.get("/live/events", params=asked)
        assert answer.status_code == 200, answer.text
        self.cursor = answer.json()["pagination"]["nextCursor"]
        self.events += (found := answer.json()["data"])
        return len(found)

    async def catch_up(self) -> None:
        """To the present."""
        while await self.ask() == self.limit:
            pass

    async def catch_up_quietly(self) -> None:
        """To a moment at which no transaction is open on the whole server, other tests' neither: the cursor names none then."""
        while True:
            await self.catch_up()
            if not CursorPaging(cursor=self.cursor).after(Place).since.open:  # type: ignore[union-attr]
                return
            await asyncio.sleep(0.01)

    @property
    def numbers(self) -> list[int]:
        return [each["data"]["number"] for each in self.events]


def an_order(person: UUID) -> UUID:
    """An order of this person."""
    order = uuid4()
    PARTIES[order] = person
    return order


class Undone(Exception):
    """Rolls a transaction back."""


async def write_at_random(stage: Stage, chance: random.Random, notes: Iterable[NoteWritten]) -> list[int]:
    """Write them one by one: transactions stay open for a while before and after they draw their numbers, and some are undone."""
    committed = []
    for note in notes:
        with contextlib.suppress(Undone):
            async with stage.database.begin() as tx:
                if chance.random() < 0.7:
                    await tx.run(TAKE_A_NUMBER)
                await asyncio.sleep(chance.random() * 0.01)
                await emit(tx, note)
                await _go_on(tx, chance)
            committed.append(note.number)
    return committed


async def _go_on(tx: Tx, chance: random.Random) -> None:
    if chance.random() < 0.5:
        await tx.finish(TAKE_A_NUMBER)
        await asyncio.sleep(chance.random() * 0.03)
    if chance.random() < 0.25:
        raise Undone


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.005)


Closing = Callable[[Callable[[], Awaitable[object]]], None]
