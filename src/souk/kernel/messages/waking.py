"""Waking workers: a bell within the process, a NOTIFY between processes. Both are hints; workers look by themselves as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from souk.kernel.db import Database, Pool
from souk.kernel.messages import sql
from souk.kernel.telemetry.logs import log

GAP: Final = 0.01
"""Seconds between two hints of one process, at least: inside the server, they queue behind one lock."""

LISTEN_AGAIN: Final = 2.0


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
    """Passes the bell on to other processes: at most one NOTIFY in 10 ms, never inside the transaction that rang."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
            try:
                await self._database.read(lambda tx: tx.run(sql.HINT))
            except Exception as error:  # noqa: BLE001 - it was only a hint: workers look by themselves
                log.debug("no hint was sent", error=repr(error))
            await asyncio.sleep(GAP)


async def listen(database: Database, heard: Callable[[], None]) -> None:
    """Call `heard` at every hint of another process, on a connection of its own, until cancelled. Not through PgBouncer."""
    pool = Pool(database.pool.dsn, size=1)
    try:
        while True:
            try:
                await _hear(pool, heard)
            except Exception as error:  # noqa: BLE001 - as above; meanwhile it is tried again
                log.debug("nothing to listen on", error=repr(error))
            await asyncio.sleep(LISTEN_AGAIN)
    finally:
        await pool.close(0)


async def _hear(pool: Pool, heard: Callable[[], None]) -> None:
    """Until the connection is gone."""
    connection = await pool.take()
    try:
        gone = asyncio.Event()
        connection.raw.add_termination_listener(lambda _connection: gone.set())
        await connection.raw.add_listener(await connection.run(sql.CHANNEL, ()), lambda *_said: heard())
        heard()
        await gone.wait()
    finally:
        pool.drop(connection)
