"""The fast edge, byte by byte: what arrives in pieces, too late, too large, behind something else, or is no HTTP at all."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from souk.kernel.db import Database, Tx, value
from souk.kernel.http.guards import ANYONE
from souk.kernel.http.operation import operation
from souk.kernel.http.streams import ServerEvent
from souk.kernel.http.uploads import SLOWEST
from souk.kernel.http.wire import ARRIVAL_SECONDS, FRAMING, HEAD_LIMIT, IDLE_SECONDS, Heads, Wire
from souk.kernel.record import Record

from .serving import Served, site

PAUSE = value(str, "select pg_sleep($1)::text")


class Said(Record):
    """What was said."""

    word: str


@operation("POST", "/echo", who=ANYONE, max_body=1000)
async def echo(body: Said) -> Said:
    """Say it again."""
    return body


@operation("POST", "/much", who=ANYONE)
async def much(body: Said) -> int:
    """How much was said."""
    return len(body.word)


@operation("GET", "/hello", who=ANYONE)
async def hello() -> str:
    """Say hello."""
    return "hello"


@operation("GET", "/moment", who=ANYONE)
async def moment(tx: Tx) -> str:
    """Takes a moment of the database's time."""
    await tx.run(PAUSE, 0.3)
    return "done"


@operation("GET", "/count", who=ANYONE, kind="stream")
async def count_up() -> AsyncIterator[ServerEvent]:
    """Count to three, then wait for ever."""
    for number in range(3):
        yield ServerEvent(number, id=str(number))
    await asyncio.Event().wait()


@operation("PUT", "/blob", who=ANYONE, kind="upload", max_body=10_000_000)
async def blob(chunks: AsyncIterator[bytes]) -> int:
    """How many bytes came."""
    return sum([len(part) async for part in chunks])


OPERATIONS = (echo, hello, moment, count_up, blob)
HELLO = b"GET /test/hello HTTP/1.1\r\nHost: x\r\n\r\n"
BYE = b"GET /test/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    head = [b"POST /test/echo HTTP/1.1", b"Host: x", b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def bodies(raw: bytes) -> list[object]:
    """The JSON bodies of the answers in a stream of bytes."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        found.append(json.loads(rest[:length]))
        raw = rest[length:]
    return found


def status(raw: bytes) -> int:
    return int(raw.split(b" ")[1])


async def test_a_request_may_arrive_byte_by_byte(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        whole = post(b'{"word":"slow"}', b"Connection: close")
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for i in range(len(whole)):
            writer.write(whole[i : i + 1])
            await writer.drain()
            await asyncio.sleep(0)
        answer = await reader.read()
        writer.close()
        assert bodies(answer) == [{"success": True, "data": {"word": "slow"}}]


async def test_requests_behind_each_other_are_answered_in_their_order(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        moment_first = b"GET /test/moment HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await served.raw(moment_first + post(b'{"word":"second"}') + HELLO + BYE)
        assert [body["data"] for body in bodies(answer)] == ["done", {"word": "second"}, "hello", "hello"]  # type: ignore[index]


async def test_a_chunked_body_is_read(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        head = b"POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        answer = await served.raw(head + b"Connection: close\r\n\r\n", b'8\r\n{"word":\r\n', b'5\r\n"ab"}\r\n', b"0\r\n\r\n")
        assert bodies(answer) == [{"success": True, "data": {"word": "ab"}}]


async def test_a_client_that_asks_first_is_told_to_continue(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        body = b'{"word":"x"}'
        head = post(body, b"Expect: 100-continue", b"Connection: close")[: -len(body)]
        answer = await served.raw(head, body)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


async def test_http_1_0_is_answered_and_closed(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        answer = await served.raw(b"GET /test/hello HTTP/1.0\r\n\r\n")
        assert status(answer) == 200
        assert b"connection: close" in answer


@pytest.mark.parametrize(
    ("request_bytes", "expected", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /test/hello HTTP/1.1\r\nHost x\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /test/hello HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "MALFORMED_REQUEST"),
        (b"GET /test/hello HTTP/1.1\r\nX: " + b"y" * (HEAD_LIMIT + 70_000), 431, "HEADERS_TOO_LARGE"),
        (post(b'"' + b"x" * 1500 + b'"'), 413, "BODY_TOO_LARGE"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "MALFORMED_REQUEST"),
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_closed(
    database: Database, request_bytes: bytes, expected: int, code: str
) -> None:
    async with Served(site(database), OPERATIONS) as served:
        answer = await served.raw(request_bytes)
        assert status(answer) == expected
        assert bodies(answer)[0]["error"]["code"] == code  # type: ignore[index]
        assert b"connection: close" in answer


async def test_a_refusal_waits_for_the_answers_before_it(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        answer = await served.raw(b"GET /test/moment HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n")
        assert bodies(answer)[0] == {"success": True, "data": "done"}


async def test_pages_streams_and_uploads_go_to_the_other_edge_on_the_same_connection(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served, served.client() as client:
        assert (await client.get(f"http://127.0.0.1:{served.port}/page")).text == "a page"
        assert (await client.get("/hello")).json()["data"] == "hello"
        uploaded = await client.put("/blob", content=b"x" * 3_000_000)
        assert uploaded.json()["data"] == 3_000_000
        assert (await client.put("/blob", content=b"x" * 10_000_001)).status_code == 413
        assert (await client.get("/nowhere")).status_code == 404
        raw = await served.raw(HELLO, b"GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert raw.endswith(b"a page")


async def test_a_stream_flows_until_the_client_leaves_or_the_server_stops(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /test/count HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = b""
        while b"id: 2\n" not in seen:
            seen += await asyncio.wait_for(reader.read(1000), 5)
        assert b"text/event-stream" in seen
        served.server.should_exit = True
        while not reader.at_eof():
            seen += await asyncio.wait_for(reader.read(1000), 5)
        assert seen.endswith(b"0\r\n\r\n")
        writer.close()


async def test_a_client_that_leaves_does_no_harm(database: Database) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: complaints.append(about))
    async with Served(site(database), OPERATIONS) as served, served.client() as client:
        for _ in range(20):
            _reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(b"GET /test/moment HTTP/1.1\r\nHost: x\r\n\r\n")
            await writer.drain()
            writer.transport.abort()
        assert (await client.get("/moment")).json()["data"] == "done"
        async with asyncio.timeout(5):
            while database.pool.busy:  # noqa: ASYNC110 - a pool tells nobody
                await asyncio.sleep(0.01)
    gc.collect()
    assert complaints == []


async def test_a_stopping_server_finishes_what_it_began(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served, served.client() as client:
        asked = asyncio.create_task(client.get("/moment"))
        while not database.pool.busy:  # noqa: ASYNC110 - a pool tells nobody
            await asyncio.sleep(0)
        served.server.should_exit = True
        answer = await asked
        assert answer.json()["data"] == "done"
        assert answer.headers["connection"] == "close"


async def test_the_access_log_and_the_meters_know_of_each_request(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served, served.client() as client:
        request_id = f"r-{uuid4().hex}"
        await client.get("/hello", headers={"X-Request-Id": request_id})
        served.server.config.app._access.flush()  # type: ignore[union-attr]
        assert [line for line in served.written if request_id.encode() in line and b'"status":200' in line]


async def test_a_request_is_never_answered_twice_whatever_came_in_one_piece_with_it(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        answer = await served.raw(post(b'{"word":"once"}') + b"GET /pa", b"ge HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.count(b"once") == 1


async def test_a_piece_of_a_head_behind_a_large_body_is_not_a_large_head(database: Database) -> None:
    async with Served(site(database), (*OPERATIONS, much)) as served:
        body = b'{"word":"' + b"x" * HEAD_LIMIT + b'"}'
        head = b"POST /test/much HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = await served.raw(head + body + BYE[:10], BYE[10:])
        assert [found["data"] for found in bodies(answer)] == [HEAD_LIMIT, "hello"]  # type: ignore[index]


async def test_what_stands_round_a_body_is_bounded_too(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        head = b"POST /test/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        for endless in (b"1;" + b"x" * 60_000, b"0\r\n" + b"x: y\r\n" * 10_000):
            answer = await served.raw(head, *[endless] + [endless[4:]] * FRAMING * 2)
            assert status(answer) in (400, 413)


class Silent:
    """A transport that only notes what was done to it."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.ended = False
        self.aborted = False
        self.unread = 0

    def get_extra_info(self, _name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def get_write_buffer_size(self) -> int:
        return self.unread


async def test_silence_is_not_waited_for(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        for sent, waited, expected in (
            (b"", IDLE_SECONDS + 1, b""),
            (b"GET /test/hel", ARRIVAL_SECONDS + 1, b"HTTP/1.1 408"),
            (post(b'{"word":"x"}')[:-3], ARRIVAL_SECONDS + 1, b"HTTP/1.1 408"),
        ):
            transport: Any = Silent()
            connections: set[Any] = set()
            wire = Wire(served.edge, asyncio.Protocol, connections, Heads(()), asyncio.get_running_loop())
            wire.connection_made(transport)
            if sent:
                wire.data_received(sent)
            wire.sweep(wire.since + waited - 2)
            assert not transport.written
            wire.sweep(wire.since + waited)
            assert transport.closed or transport.ended
            assert transport.written.startswith(expected)
            wire.connection_lost(None)
            assert not connections


async def test_a_request_that_begins_late_on_a_quiet_connection_has_its_whole_time(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        wire = served.server.config.http(served.server.config, served.server.server_state, {})  # type: ignore[operator, call-arg]
        assert isinstance(wire, Wire)
        transport: Any = Silent()
        wire.connection_made(transport)
        wire.since -= IDLE_SECONDS - 1
        wire.data_received(b"GET /test/hel")
        wire.sweep(asyncio.get_running_loop().time() + 1)
        assert not transport.written
        wire.connection_lost(None)


async def test_a_client_that_does_not_read_is_let_go_and_one_that_reads_slowly_is_not(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        transport: Any = Silent()
        wire = served.server.config.http(served.server.config, served.server.server_state, {})  # type: ignore[operator, call-arg]
        assert isinstance(wire, Wire)
        wire.connection_made(transport)
        now = asyncio.get_running_loop().time()
        transport.unread = 10 * SLOWEST
        wire.pause_writing()
        wire.sweep(now + ARRIVAL_SECONDS + 9)
        assert not transport.aborted
        wire.sweep(now + ARRIVAL_SECONDS + 11)
        assert transport.aborted
        wire.connection_lost(None)


async def test_a_closed_connection_whose_answer_nobody_reads_ends_all_the_same(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        transport: Any = Silent()
        wire = served.server.config.http(served.server.config, served.server.server_state, {})  # type: ignore[operator, call-arg]
        assert isinstance(wire, Wire)
        wire.connection_made(transport)
        transport.closed = True
        wire.sweep(wire.since + ARRIVAL_SECONDS - 1)
        assert not transport.aborted
        wire.sweep(wire.since + ARRIVAL_SECONDS + 1)
        assert transport.aborted
        wire.connection_lost(None)
