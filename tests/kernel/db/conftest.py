"""A table of things to try statements on, and a proxy that stands between the pool and the server and breaks when told."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from souk.kernel.migrate import Source, kernel_sources


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), Source("things", Path(__file__).parent / "migrations"))


def said(kind: bytes, body: str) -> str:
    """A client's message in words; nothing for those that only belong to another."""
    return {b"Q": body.rstrip("\0"), b"S": "sync", b"P": f"parse {body}"}.get(kind, "")


class Proxy:
    """A TCP proxy that understands enough of the protocol to count round trips, and can go away at the worst moment."""

    def __init__(self, dsn: str) -> None:
        self._dsn = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.said: list[str] = []
        """What clients asked: the text of simple queries, and `sync` for each prepared one."""
        self.cut_before = ""
        """Break when a client says this, before the server hears it."""
        self.cut_after = ""
        """Break when a client says this, after the server heard it and before the client hears the answer."""

        self.mute_at = ""
        """Say nothing any more from when a client says this."""

    @property
    def dsn(self) -> str:
        place = f"{self._dsn.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"
        return urlunsplit(self._dsn._replace(netloc=place, query="sslmode=disable"))

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse new connections and break those that stand."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def last_words(self) -> None:
        """Let the server say, unasked and on every connection, that it goes down; the connections stay open for now."""
        fields = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
        for writer in self._clients:
            writer.write(b"E" + struct.pack("!i", len(fields) + 4) + fields)
            await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._relay(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._dsn.hostname, self._dsn.port or 5432)
        pair = {writer, up_writer}
        self._writers |= pair
        self._clients.add(writer)
        try:
            answers = asyncio.create_task(self._answers(up_reader, writer))
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._questions(reader, up_writer, answers)
            answers.cancel()
            await asyncio.wait([answers])
        finally:
            for each in pair:
                each.transport.abort()
            self._writers -= pair
            self._clients.discard(writer)

    async def _questions(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, answers: asyncio.Task[None]) -> None:
        (length,) = struct.unpack("!i", head := await reader.readexactly(4))
        server.write(head + await reader.readexactly(length - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            text = said(head[:1], body.decode(errors="replace"))
            if text:
                self.said.append(text)
            if self.cut_before and self.cut_before in text:
                return
            if self.cut_after and self.cut_after in text:
                answers.cancel()
                await asyncio.wait([answers])
                server.write(head + body + b"S\0\0\0\4")
                await server.drain()
                await asyncio.sleep(0.1)  # the server has time to do it; nobody hears of it
                return
            if self.mute_at and self.mute_at in text:
                while await reader.read(65536):
                    pass
                return
            server.write(head + body)
            await server.drain()

    async def _answers(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await server.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()

    def trips(self) -> list[str]:
        """The round trips since the last call."""
        trips = [text for text in self.said if not text.startswith("parse")]
        self.said.clear()
        return trips


@pytest.fixture
def proxy(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Proxy:
    """Start it with `await proxy.up()`, then connect to `proxy.dsn`."""
    proxy = Proxy(runtime_dsn)
    closing(proxy.down)
    return proxy


@pytest.fixture
def set_for_role(admin_dsn: str, runtime_dsn: str) -> Callable[[str, str], Awaitable[None]]:
    """Change a setting with which the market's sessions start."""
    role = urlsplit(runtime_dsn).username
    database = urlsplit(runtime_dsn).path[1:]

    async def change(name: str, value: str) -> None:
        connection = await asyncpg.connect(admin_dsn)
        await connection.execute(f"alter role {role} in database {database} set {name} = '{value}'")
        await connection.close()

    return change


@pytest.fixture
def kill_sessions(admin_dsn: str) -> Callable[[], Awaitable[int]]:
    """End every session of the runtime role, as a restart of the server would; returns how many."""

    async def kill() -> int:
        connection = await asyncpg.connect(admin_dsn)
        killed = await connection.fetchval(
            """select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )
        await connection.close()
        return int(killed)

    return kill
