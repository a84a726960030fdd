"""A small pool of connections for one market: a deque, no proxies, and no reset query when a connection returns.

Safe without a reset because nothing here ever sets session state: settings belong to the role, locks to transactions.
The latest returned connection is taken first, so idle ones stay idle and are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from souk.kernel.db.connection import Connection
from souk.kernel.db.errors import DatabaseBusy, DatabaseUnavailable

Waiting: TypeAlias = "asyncio.Future[Connection | None]"

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
NO_CONNECTION: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises when no connection can be made."""


class Pool:
    """Connections to one database as one role. `prepared=False` suits a PgBouncer that cannot keep prepared statements."""

    def __init__(self, dsn: str, *, size: int = 10, wait: float = 5.0, answer: float = ANSWER_SECONDS, prepared: bool = True) -> None:
        self.dsn = dsn
        self.size = size
        self.wait = wait
        self.answer = answer
        """How long a silent server is waited for. Statements have their own, shorter limit (`statement_timeout`)."""
        self.prepared = prepared
        self.open = 0
        """How many connections there are, those included that are being made."""
        self._all: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._waiting: deque[Waiting] = deque()
        self._closed = False
        self._emptied = asyncio.Event()

    @property
    def busy(self) -> int:
        """How many connections are in use."""
        return self.open - len(self._idle)

    def take_idle(self) -> Connection | None:
        """A connection at once, or None: the path that costs nothing."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            self._forget(connection)
        return None

    async def take(self) -> Connection:
        """A connection: idle, new, or the next that is given back."""
        connection = self.take_idle()
        if connection is not None:
            return connection
        if self._closed:
            raise DatabaseUnavailable
        if self.open < self.size:
            self.open += 1
            return await self._connect()
        return await self._wait_for_one()

    def give_back(self, connection: Connection) -> None:
        """Return a connection. One that broke, or was left inside a transaction, is closed instead."""
        if self._closed or not connection.usable() or connection.raw.is_in_transaction():
            self._forget(connection)
        elif not self._waiting or not self._hand_over(connection):
            connection.idle_since = time.monotonic()
            self._idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection whose state is not known."""
        self._forget(connection)

    def close_idle(self, seconds: float) -> None:
        """Close connections nobody has needed for that long; a quiet market then costs no memory."""
        oldest = time.monotonic() - seconds
        while self._idle and self._idle[0].idle_since <= oldest:
            self._forget(self._idle.popleft())

    async def close(self, patience: float = 5.0) -> None:
        """Close for good: idle connections now, busy ones when they come back, all of them when patience ends."""
        self._closed = True
        while self._idle:
            self._forget(self._idle.popleft())
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(DatabaseUnavailable())
        if self.open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), patience)
        for connection in list(self._all):
            connection.raw.terminate()

    async def _connect(self) -> Connection:
        """A new connection in the place that is already counted; the place is free again when none can be made."""
        connection: Connection | None = None
        try:
            raw = await asyncpg.connect(
                self.dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=self.answer,
                statement_cache_size=0,
                server_settings={"application_name": "souk"},
            )
            connection = Connection(raw, prepared=self.prepared)
            self._all.add(connection)
            await prepare_codecs(raw)
        except BaseException as error:
            if connection is None:
                self._free_place()
            else:
                self._forget(connection)
            if isinstance(error, NO_CONNECTION):
                raise DatabaseUnavailable from error
            raise
        if self._closed:
            self._forget(connection)
            raise DatabaseUnavailable
        return connection

    async def _wait_for_one(self) -> Connection:
        """Stand in line. What arrives is a connection, or None for a place in which to make one."""
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        self._waiting.append(waiting)
        bell = loop.call_later(self.wait, _give_up_waiting, waiting)
        try:
            given = await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                self._pass_on(waiting.result())
            raise
        finally:
            bell.cancel()
        return given if given is not None else await self._connect()

    def _pass_on(self, given: Connection | None) -> None:
        """Whoever was given this left at the same moment; it must not be lost."""
        if given is None:
            self._free_place()
        else:
            self.give_back(given)

    def _hand_over(self, given: Connection | None) -> bool:
        """Give to the one who has waited longest. Nobody may overtake: a place that is handed over stays counted."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(given)
                return True
        return False

    def _free_place(self) -> None:
        if self._closed or not self._hand_over(None):
            self.open -= 1
            if self._closed and not self.open:
                self._emptied.set()

    def _forget(self, connection: Connection) -> None:
        if connection in self._all:
            self._all.remove(connection)
            connection.raw.terminate()
            self._free_place()


def _give_up_waiting(waiting: Waiting) -> None:
    if not waiting.done():
        waiting.set_exception(DatabaseBusy())


async def prepare_codecs(raw: asyncpg.Connection[Any]) -> None:
    """JSON goes out as bytes and comes in as `msgspec.Raw`, to be decoded straight into its type."""
    for name in ("json", "jsonb"):
        await raw.set_type_codec(name, schema="pg_catalog", format="text", encoder=json_text, decoder=raw_json)


def json_text(document: Any) -> str:
    """A document as the server takes it; what is JSON already goes as it is."""
    if isinstance(document, (bytes, msgspec.Raw)):
        return bytes(document).decode()
    return msgspec.json.encode(document).decode()


def raw_json(text: str) -> msgspec.Raw:
    """A document as the server gives it, not yet decoded."""
    return msgspec.Raw(text.encode())
