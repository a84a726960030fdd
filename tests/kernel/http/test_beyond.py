"""What a connection that left the fast edge may not do either: heads without end, bodies nobody waits for, answers nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from souk.kernel.db import Database
from souk.kernel.http.beyond import Beyond
from souk.kernel.http.wire import ARRIVAL_SECONDS, HEAD_LIMIT

from .serving import Served, site
from .test_both_edges import TO_UVICORN
from .test_wire import HELLO, OPERATIONS, status

UPLOAD = b"PUT /test/blob HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"


class Connection:
    """A client's end of a connection that was handed over, and the server's."""

    def __init__(self, served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol: Beyond = next(kept for kept in served.server.server_state.connections if isinstance(kept, Beyond))

    @classmethod
    @asynccontextmanager
    async def to(cls, database: Database) -> AsyncIterator[Connection]:
        async with Served(site(database), OPERATIONS) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            try:
                writer.write(TO_UVICORN)
                await reader.readuntil(b"a page")
                yield cls(served, reader, writer)
            finally:
                writer.close()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0.05)

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.read()


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_head_without_end_is_refused(database: Database) -> None:
    async with Connection.to(database) as connection:
        await connection.send(b"GET /test/hello HTTP/1.1\r\nX: ")
        await connection.send(b"x" * (HEAD_LIMIT + 1))
        assert status(await connection.rest()) == 431


async def test_a_head_that_never_ends_is_not_waited_for(database: Database) -> None:
    async with Connection.to(database) as connection:
        await connection.send(HELLO[:10])
        connection.protocol.sweep(later(ARRIVAL_SECONDS - 1))
        assert not connection.protocol.transport.is_closing()
        connection.protocol.sweep(later(ARRIVAL_SECONDS + 1))
        assert status(await connection.rest()) == 408


async def test_a_body_is_not_taken_for_ever_after_it_was_refused(database: Database) -> None:
    async with Connection.to(database) as connection:
        await connection.send(UPLOAD)
        assert b" 413 " in await connection.reader.readuntil(b"\r\n")
        connection.protocol.sweep(later(0))
        assert not connection.protocol.transport.is_closing()
        connection.protocol.sweep(later(ARRIVAL_SECONDS + 1))
        assert connection.protocol.transport.is_closing()


async def test_whoever_does_not_read_is_let_go(database: Database) -> None:
    async with Connection.to(database) as connection:
        connection.protocol.pause_writing()
        connection.protocol.sweep(later(ARRIVAL_SECONDS - 1))
        assert not connection.protocol.transport.is_closing()
        connection.protocol.sweep(later(ARRIVAL_SECONDS + 1))
        assert connection.protocol.transport.is_closing()


async def test_whoever_reads_again_stays(database: Database) -> None:
    async with Connection.to(database) as connection:
        connection.protocol.pause_writing()
        connection.protocol.resume_writing()
        connection.protocol.sweep(later(10 * ARRIVAL_SECONDS))
        assert not connection.protocol.transport.is_closing()
        await connection.send(HELLO)
        assert b" 200 " in await connection.reader.readuntil(b"\r\n")


@pytest.mark.parametrize("request_bytes", [b"PUT /test/blob HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", b"NONSENSE\r\n\r\n"])
async def test_nonsense_is_refused_once_and_the_connection_closed(database: Database, request_bytes: bytes) -> None:
    async with Connection.to(database) as connection:
        await connection.send(request_bytes)
        answer = await connection.rest()
        assert status(answer) == 400
        assert answer.count(b"HTTP/1.1") == 1


async def test_nonsense_behind_a_stream_does_not_stand_in_its_middle(database: Database) -> None:
    async with Connection.to(database) as connection:
        await connection.send(b"GET /test/count HTTP/1.1\r\nHost: x\r\n\r\n")
        await connection.reader.readuntil(b"id: 2\n")
        await connection.send(b"NONSENSE\r\n\r\n")
        assert b"HTTP/1.1" not in await connection.rest()
