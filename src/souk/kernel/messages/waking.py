"""Waking: a bell within the process, a NOTIFY between processes. Both are hints; whoever waits looks by himself as well.

Workers wait for jobs. Every process waits for news: what was committed that all of them have to know (`News`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final
from uuid import uuid4

from souk.kernel.db import Database, Pool
from souk.kernel.errors import Refusal
from souk.kernel.messages import sql
from souk.kernel.telemetry.logs import log

GAP: Final = 0.01
"""Seconds between two hints of one process, at least: inside the server, they queue behind one lock."""

LISTEN_AGAIN: Final = 2.0

JOBS: Final = ""
NEWS: Final = "_news"
WHISPERS: Final = "_whispers"
"""The channels of a market."""

NEWS_SECONDS: Final = 0.4
"""How often a process asks for news by itself."""


class Bell:
    """Tells whoever listens in this process that something is due."""

    def __init__(self) -> None:
        self._heard: list[Callable[[], None]] = []

    def ring(self) -> None:
        """Something was committed that is due."""
        for heard in self._heard:
            heard()

    @contextmanager
    def heard_by(self, heard: Callable[[], None]) -> Iterator[None]:
        """Call this whenever it rings, for the length of a block."""
        self._heard.append(heard)
        try:
            yield
        finally:
            self._heard.remove(heard)


class Notifier:
    """Passes the bell on to other processes: at most one NOTIFY in 10 ms, never inside the transaction that rang.

    hint: what is said; whoever listens too may know his own by it.
    """

    def __init__(self, database: Database, channel: str = JOBS, hint: str = "") -> None:
        self._database = database
        self._channel = channel
        self._hint = hint
        self._sending: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Send a hint soon. Use as `with catalogue.bell.heard_by(notifier.ring)`."""
        self._again = True
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        while self._again:
            self._again = False
            await hint(self._database, self._channel, self._hint)
            await asyncio.sleep(GAP)


async def hint(database: Database, channel: str, *hints: str) -> bool:
    """Say this to every process that listens there now. Up to 7,999 bytes each; nobody waits for it, and it may be lost."""
    try:
        await database.read(lambda tx: tx.run(sql.HINT, channel, list(hints)))
    except Exception as error:  # noqa: BLE001 - it was only a hint: whoever needs it looks by himself
        log.debug("no hint was sent", error=repr(error))
        return False
    return True


Hear = Callable[[str], object]
"""Takes a hint. An empty one comes whenever listening begins (again): some may have been missed."""


async def listen(database: Database, hears: Mapping[str, Hear]) -> None:
    """Hear the hints of every process, by channel, on one connection for all of them, until cancelled. Not through PgBouncer."""
    pool = Pool(database.pool.dsn, size=1)
    try:
        while True:
            try:
                await _hear(pool, hears)
            except Exception as error:  # noqa: BLE001 - as above; meanwhile it is tried again
                log.debug("nothing to listen on", error=repr(error))
            await asyncio.sleep(LISTEN_AGAIN)
    finally:
        await pool.close(0)


async def _hear(pool: Pool, hears: Mapping[str, Hear]) -> None:
    """Until the connection is gone."""
    connection = await pool.take()
    try:
        gone = asyncio.Event()
        connection.raw.add_termination_listener(lambda _connection: gone.set())
        for channel, hear in hears.items():
            await connection.raw.add_listener(await connection.run(sql.CHANNEL, (channel,)), partial(_pass_on, hear))
        for hear in hears.values():
            hear("")
        await gone.wait()
    finally:
        pool.drop(connection)


def _pass_on(hear: Hear, *said: object) -> None:
    """What the driver calls with the connection, who said it, where, and what."""
    hear(str(said[-1]))


class News:
    """Lets this process know soon what was committed anywhere in the market: sessions that ended, events to say live.

    Readers look by themselves every moment; a bell in this process and a hint of another (`wake`, for `listen`) let them look at once.
    """

    def __init__(self, database: Database, bell: Bell, *, pause: float = NEWS_SECONDS) -> None:
        self._bell = bell
        self._pause = pause
        self._me = uuid4().hex
        self._notifier = Notifier(database, NEWS, self._me)
        self._wakes: list[asyncio.Event] = []

    def wake(self, said: str = "") -> None:
        """Let the readers look, unless it is one's own hint: then they have looked already."""
        if said != self._me:
            for each in self._wakes:
                each.set()

    async def run(self, *readers: Callable[[], Awaitable[object]]) -> None:
        """Ask the readers again and again, each at its own pace, until cancelled."""
        self._wakes = [asyncio.Event() for _ in readers]
        async with asyncio.TaskGroup() as tasks:
            for reader, woken in zip(readers, self._wakes, strict=True):
                tasks.create_task(self._read(reader, woken))
            with self._bell.heard_by(self.wake), self._bell.heard_by(self._notifier.ring):
                await asyncio.Event().wait()

    async def _read(self, reader: Callable[[], Awaitable[object]], woken: asyncio.Event) -> None:
        while True:
            woken.clear()
            try:
                await reader()
            except Refusal as error:  # the database is away, busy or full: it is asked again in a moment
                log.debug("no news", error=repr(error))
            except Exception:  # noqa: BLE001 - one that fails once must be asked again, or nobody is signed out any more
                log.exception("the news could not be read")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await woken.wait()
