"""What the stories about messages are played on: a market with the modules a test declares, its workers, and eyes on its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Query, Tx
from souk.kernel.db.query import Shape
from souk.kernel.messages import Catalogue, Event, Job, Outbox, Periodic, Reaction, Rhythm, Worker, emit, enqueue, job
from souk.kernel.messages.declare import Work


def query(shape: Shape, kind: object, sql: str) -> Query[Any]:
    """A statement of the tests only: it is not part of the program, so it registers nowhere."""
    return Query(shape, kind, sql, __name__)


ADD_EFFECT = query("count", None, "insert into effects (what) values ($1)")
EFFECTS = query("values", str, "select what from effects order by id")
WAITING = query("values", str, "select name from jobs where token is null order by rank, id")
LEASED = query("values", str, "select name from jobs where token is not null order by rank, id")
STEAL = query("count", None, "update jobs set token = gen_random_uuid() where token is not null")
EXPIRE = query("count", None, "update jobs set leased_until = clock_timestamp() - interval '1 second' where token is not null")


class Say(msgspec.Struct, frozen=True):
    """What most jobs of the tests take."""

    what: str


async def note(tx: Tx, what: str) -> None:
    """Leave an effect."""
    await tx.run(ADD_EFFECT, what)


@job("say")
async def say(tx: Tx, args: Say) -> None:
    """The plainest job."""
    await note(tx, args.what)


def failing(attempts: int) -> Job[Say]:
    """A job that never succeeds, after it has written something."""

    @job("fail", attempts=attempts)
    async def fail(tx: Tx, args: Say) -> None:
        await note(tx, "half done")
        raise ValueError(f"no {args.what}\0 today")

    return fail


class Declared:
    """A module of what a test declares."""

    def __init__(self, *declared: Work[Any]) -> None:
        self.jobs = tuple(each for each in declared if isinstance(each, Job))
        self.reactions = tuple(each for each in declared if isinstance(each, Reaction))
        self.periodic = tuple(each for each in declared if isinstance(each, Periodic))


class Stage:
    """One market."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self.pool = pool
        self.clock = clock
        self.open()

    def open(self, *declared: Work[Any], days: int = 90) -> Stage:
        """Let the market consist of this."""
        self.catalogue = Catalogue([Declared(*declared)], days=days)
        catalogue = self.catalogue
        self.database = Database(self.pool, self.clock, outbox=lambda tx: Outbox(catalogue, tx))
        return self

    def beside(self, *declared: Work[Any]) -> Stage:
        """Another process of the same market: it shares nothing with this one but the database and the time."""
        return Stage(self.pool, self.clock).open(*declared)

    def worker(self, **how: Any) -> Worker:
        return Worker(self.database, self.catalogue, **{"rhythm": Rhythm(beat=0.05), **how})

    async def drain(self, **how: Any) -> int:
        return await self.worker(**how).drain(patience=20)

    async def enqueue(self, job: Job[Any], args: Any = None, **how: Any) -> None:
        await self.database.write(lambda tx: enqueue(tx, job, args, **how))

    async def emit(self, *events: Event) -> None:
        await self.database.write(lambda tx: emit(tx, *events))

    async def see(self, statement: Query[Any], *args: object) -> Any:
        return await self.database.read(lambda tx: tx.run(statement, *args))

    async def ask(self, kind: object, sql: str, *args: object) -> Any:
        """One value."""
        return await self.see(query("value", kind, sql), *args)

    async def effects(self) -> list[str]:
        found: list[str] = await self.see(EFFECTS)
        return found

    async def waiting(self) -> list[str]:
        found: list[str] = await self.see(WAITING)
        return found

    async def change(self, statement: Query[Any], *args: object) -> Any:
        return await self.database.write(lambda tx: tx.run(statement, *args))


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.01)
