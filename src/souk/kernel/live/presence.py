"""Presence: who is connected to a market, in whichever process.

Each process counts its own sockets by person, and writes down only who came first and left last, all of a moment in one statement.
It says so with a lease; whoever finds one that has run out sweeps what that process left behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID, uuid4

import msgspec

from souk.kernel.db import Database, Tx, Violated, count, many, values
from souk.kernel.live.declare import Live, room
from souk.kernel.live.hints import Whispers
from souk.kernel.record import Record
from souk.kernel.telemetry.logs import log

LEASE: Final = 30.0
PAUSE: Final = 0.25
"""Seconds between two statements, at least. Whoever connects anew in between has never left."""

PRESENCE: Final = "presence"
"""The kind of room, and the name of what is whispered there."""


class Change(msgspec.Struct, frozen=True):
    """Somebody whose first socket came, or whose last one left, counting all processes."""

    person: UUID
    here: bool


class IsHere(Record):
    """What those hear who are in the room `presence:<person>`."""

    person_id: UUID
    online: bool


CHANGED = many(Change, 'select who as "person!", is_here as "here!" from presence_changed($1, $2, $3)')
RENEW = count(
    """update presence_processes set leased_until = clock_timestamp() + make_interval(secs => $2)
    where process = $1 and leased_until >= clock_timestamp()"""
)
ENROL = count(
    """insert into presence_processes (process, leased_until) values ($1, clock_timestamp() + make_interval(secs => $2))
    on conflict (process) do update set leased_until = excluded.leased_until"""
)
LEAVE = count("delete from presence_processes where process = $1")
ONLINE = values(
    UUID,
    """select distinct p.person from presence p join presence_processes l using (process)
    where p.person = any ($1::uuid[]) and l.leased_until >= clock_timestamp()""",
)


async def online(tx: Tx, people: Iterable[UUID]) -> set[UUID]:
    """Who of these people is connected now."""
    return set(await tx.run(ONLINE, list(people)))


def heard_in(live: Live) -> tuple[str, ...]:
    """The namespaces in which one can hear who comes and goes: those that declare rooms called `presence`."""
    return tuple(n.path for n in live.namespaces if any(kind.name == PRESENCE for kind in n.joins.values()))


class Presence:
    """Who is connected to this process, and what the others hear of it. `came` and `left` are called for every socket."""

    def __init__(self, database: Database, whispers: Whispers, namespaces: Sequence[str] = (), *, lease: float = LEASE) -> None:
        self._database = database
        self._whispers = whispers
        self._namespaces = namespaces
        self._lease = lease
        self._process = uuid4()
        self._sockets: Counter[UUID] = Counter()
        self._written: set[UUID] = set()
        self._touched: set[UUID] = set()
        self._renewed = -lease
        self._wake = asyncio.Event()

    def came(self, person: UUID) -> None:
        """A socket of this person was connected."""
        self._sockets[person] += 1
        self._look_at(person)

    def left(self, person: UUID) -> None:
        """A socket of this person, that had come, is gone."""
        self._sockets[person] -= 1
        if self._sockets[person] <= 0:
            del self._sockets[person]
        self._look_at(person)

    def look_again(self) -> None:
        """See at once whether what was written down still stands: the database was away, and presence does not outlive its crash."""
        self._renewed = -self._lease
        self._wake.set()

    async def run(self) -> None:
        """Write down what changes and keep the lease, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.write()
            except Exception as error:  # noqa: BLE001 - the database is away: it is told in a moment, or when it is back
                log.debug("presence is not known at the moment", error=repr(error))
            await asyncio.sleep(PAUSE)
            try:
                async with asyncio.timeout(self._lease / 3):
                    await self._wake.wait()
            except TimeoutError:
                pass  # time to renew the lease

    async def write(self) -> None:
        """Write down what has changed; renew the lease where that is due, and sweep."""
        loop_time = asyncio.get_running_loop().time()
        due = loop_time - self._renewed >= self._lease / 3
        if due:
            await self._renew()
            self._renewed = loop_time
        touched, self._touched = self._touched, set()
        came = {person for person in touched if person in self._sockets} - self._written
        gone = {person for person in touched if person not in self._sockets} & self._written
        if not (came or gone or due):
            return
        try:
            changes = await self._database.write(lambda tx: tx.finish(CHANGED, self._process, list(came), list(gone)))
        except BaseException as error:
            self._touched |= touched
            if isinstance(error, Violated):  # this process was swept, or the server lost what it had not logged
                self.look_again()
            raise
        self._written = (self._written | came) - gone
        self._whisper(changes)

    async def leave(self) -> None:
        """Nobody is connected to this process any more."""
        gone, self._written = list(self._written), set()
        self._sockets.clear()
        self._whisper(await self._database.write(lambda tx: tx.finish(CHANGED, self._process, [], gone)))
        await self._database.write(lambda tx: tx.finish(LEAVE, self._process))

    async def _renew(self) -> None:
        """Keep the lease, or begin anew: then everybody who is here is written down again."""
        if not await self._database.write(lambda tx: tx.finish(RENEW, self._process, self._lease)):
            await self._database.write(lambda tx: tx.finish(ENROL, self._process, self._lease))
            self._written.clear()
            self._touched |= set(self._sockets)

    def _look_at(self, person: UUID) -> None:
        self._touched.add(person)
        self._wake.set()

    def _whisper(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for namespace in self._namespaces:
                said = IsHere(change.person, online=change.here)
                self._whispers.everywhere(room(PRESENCE, change.person), namespace, PRESENCE, said)
