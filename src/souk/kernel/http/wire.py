"""The fast edge: HTTP/1.1 straight from the socket to an operation, one write per answer.

It stands in for uvicorn's protocol and keeps its contract (connections set, `shutdown`, ASGI lifespan). It serves what
it can hold whole: operations with a bounded body and a buffered answer. The first request for anything else (pages,
streams, uploads, websockets) hands its connection over to uvicorn's own protocol, unread, and `Edge` answers there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools

from souk.kernel.errors import Refusal
from souk.kernel.http.answer import NO_BODY, Answer, Header
from souk.kernel.http.edge import Edge, request_id_of
from souk.kernel.http.refusals import BodyTooLarge, BodyTooSlow, HeadersTooLarge, MalformedRequest
from souk.kernel.http.request import Request, joined_twice
from souk.kernel.http.uploads import SLOWEST

if TYPE_CHECKING:
    from souk.kernel.http.target import Target

HEAD_LIMIT: Final = 64 * 1024
LARGEST_PIECE: Final = 256 * 1024
"""What the loop reads at once. So much that is none of it may stand before a head that came behind another request."""
IDLE_SECONDS: Final = 75.0
ARRIVAL_SECONDS: Final = 20.0
LINGER_SECONDS: Final = 1.0
FRAMING: Final = 8
"""How many bytes may come for each byte that a body may have: chunks bring their sizes along, and whatever else they like."""

STATUS_LINES: Final = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Heads:
    """The first lines of every answer, ready to send: one per status, renewed when the date changes."""

    def __init__(self, headers: tuple[Header, ...]) -> None:
        self._fixed = joined(headers)
        self.by_status = {status: line + self._fixed for status, line in STATUS_LINES.items()}

    def renew(self, date: list[Header]) -> None:
        fixed = joined(date) + self._fixed
        for status, line in STATUS_LINES.items():
            self.by_status[status] = line + fixed


def written(heads: Heads, answer: Answer, *, keep: bool, head: bool) -> bytes:
    """An answer as it goes out, in one piece."""
    parts = [heads.by_status[answer.status]]
    for name, value in answer.headers:
        parts += (name, b": ", value, b"\r\n")
    if not keep:
        parts.append(b"connection: close\r\n")
    parts.append(b"content-length: %d\r\n\r\n" % len(answer.body) if answer.status not in NO_BODY else b"\r\n")
    if not head:
        parts.append(answer.body)
    return b"".join(parts)


def one_host(host: bytes | None) -> bool:
    """HTTP/1.1 wants exactly one: with none or two, a proxy in front may have understood another request than we do."""
    return host is not None and b"," not in host


def head_size(url: bytes, headers: Iterable[Header]) -> int:
    """The bytes of a head that arrived whole, with others or faster than the limit could be looked at."""
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def joined(headers: Iterable[Header]) -> bytes:
    """Headers as lines."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


class Wire(asyncio.Protocol):
    """One connection. Requests are answered one after the other, in the order they came."""

    def __init__(
        self,
        edge: Edge,
        hand_over: Callable[[], asyncio.Protocol],
        connections: set[Any],
        heads: Heads,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._edge = edge
        self._hand_over = hand_over
        self._connections = connections
        self._heads = heads
        self._loop = loop
        self._transport: asyncio.Transport
        self._address = ""
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._limit = 0
        self._raw: list[bytes] = []
        self._arriving: Request | None = None
        self._ends: dict[str, Target] = {}
        self._waiting: deque[tuple[Request, dict[str, Target], bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._foreign = False
        self._closing = False
        self._behind = False
        """Whether the head that is arriving began while another request was answered: its bytes cannot be told from that one's."""
        self._came = 0
        self._full: asyncio.Event | None = None
        self._patience = 0.0
        self.since = 0.0
        """When it last had something to do, on the loop's clock: the sweep closes what is silent for too long."""

    # What the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no BaseTransport either
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if isinstance(peer, tuple) else ""
        self.since = self._loop.time()
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        self._waiting.clear()
        self._closing = True
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._url and self._task is None:
            self.since = self._loop.time()  # a request begins to arrive
        self._raw.append(data)
        self._parse(data)
        if self._closing:
            return
        if self._foreign:
            self._give_away()
        elif self._arriving is not None:
            self._raw.clear()
            self._came += len(data)
            if self._came > FRAMING * (self._limit + HEAD_LIMIT):
                self._refuse(BodyTooLarge(limit=self._limit))
        elif not self._url:
            self._raw.clear()
        elif sum(map(len, self._raw)) > HEAD_LIMIT + (LARGEST_PIECE if self._behind else 0):
            self._refuse(HeadersTooLarge(limit=HEAD_LIMIT))

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._foreign = True
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            if not self._closing:
                self._refuse(MalformedRequest())

    def pause_writing(self) -> None:
        self._full = asyncio.Event()
        self._patience = patience(self._transport, self._loop.time())

    def resume_writing(self) -> None:
        if self._full is not None:
            self._full.set()
            self._full = None

    # What the parser finds

    def on_url(self, url: bytes) -> None:
        self._url += url
        if self._task is not None:
            self._behind = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        headers = self._headers
        headers[name] = value if name not in headers else joined_twice(name, headers[name], value)

    def on_headers_complete(self) -> None:
        if self._closing:
            return
        if (len(self._raw) > 1 or len(self._raw[0]) > HEAD_LIMIT) and head_size(self._url, self._headers.items()) > HEAD_LIMIT:
            self._refuse(HeadersTooLarge(limit=HEAD_LIMIT))
            return
        if not one_host(self._headers.get(b"host")) and self._parser.get_http_version() == "1.1":
            self._refuse(MalformedRequest())
            return
        path, _, query = self._url.partition(b"?")
        text = path.decode("latin-1")
        if "%" in text:
            text = unquote(text)
        found = self._edge.find(text)
        method = self._parser.get_method().decode("ascii")
        if found is None or self._parser.should_upgrade():
            self._foreign = True
            return
        ends, parameters = found
        target = ends.get(method)
        if target is not None and not target.buffered:
            self._foreign = True
            return
        self._ends = ends
        # A wrong method is told so, whatever came with it.
        self._size = self._limit = target.operation.max_body if target is not None else HEAD_LIMIT
        self._came = 0
        self._behind = False
        self._arriving = request = Request(method, text, query, self._headers, parameters, self._address)
        request.request_id = request_id_of(self._headers)
        if b"expect" in self._headers and self._headers[b"expect"].lower() == b"100-continue" and self._task is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._headers = {}  # for trailers, which nobody reads: after the head was believed, nothing may change it

    def on_body(self, body: bytes) -> None:
        if self._foreign or self._arriving is None:
            return
        self._size -= len(body)
        if self._closing:
            return
        if self._size < 0:
            self._refuse(BodyTooLarge(limit=self._limit))
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        request, self._arriving = self._arriving, None
        self._url = b""
        self._headers = {}
        if self._foreign or request is None:
            return
        if self._body:
            request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body = []
        else:
            request.body = b""
        keep = self._parser.should_keep_alive()
        if self._task is None:
            self._task = self._loop.create_task(self._answer(request, self._ends, keep=keep))
        else:
            self._waiting.append((request, self._ends, keep))
            self._transport.pause_reading()

    # What goes back

    async def _answer(self, request: Request, ends: dict[str, Target], *, keep: bool) -> None:
        """Answer one request, then the ones that came meanwhile."""
        try:
            await self._answer_all(request, ends, keep=keep)
        except BaseException:
            self._closing = True
            self._transport.abort()  # half an answer must not look like a whole one
            raise
        finally:
            self._task = None

    async def _answer_all(self, request: Request, ends: dict[str, Target], *, keep: bool) -> None:
        while True:
            started = perf_counter()
            target, answer = await self._edge.answer(request, ends)
            self._write(request, answer, keep=keep and not self._closing)
            self._edge.note(request, target, answer, perf_counter() - started)
            if self._full is not None:
                await self._full.wait()
            if self._closing or not keep or not self._waiting:
                break
            request, ends, keep = self._waiting.popleft()
        self.since = self._loop.time()
        if self._closing or not keep:
            self._transport.close()
        else:
            self._transport.resume_reading()

    def _write(self, request: Request, answer: Answer, *, keep: bool) -> None:
        if self._transport.is_closing():
            return  # whoever asked has left
        self._transport.write(written(self._heads, answer, keep=keep, head=request.method == "HEAD"))

    def _refuse(self, refusal: Refusal) -> None:
        """Say what is wrong with the request itself, and close: what follows on the connection cannot be trusted.

        What still comes is read and thrown away for a moment: a connection reset over unread bytes may cost the client the answer.
        """
        request, self._arriving = self._arriving, None
        self._closing = True
        if self._task is None:
            ends = self._ends if request is not None else {}
            request = request or Request("", "", b"", {}, (), self._address)
            self._write(request, self._edge.refuse(request, ends, refusal), keep=False)
            self._transport.write_eof()
            self.since = self._loop.time()

    def _give_away(self) -> None:
        """Let uvicorn's protocol have the connection, with what arrived of this request."""
        if self._task is not None or self._behind:
            self._closing = True  # it came behind others: the client will ask again on a new connection
            if self._task is None:
                self._transport.close()
            return
        protocol = self._hand_over()
        self._connections.discard(self)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        data, self._raw = b"".join(self._raw), []
        protocol.data_received(data)

    # What the server asks

    def shutdown(self) -> None:
        """Finish the request at hand, then close."""
        self._closing = True
        if self._task is None:
            self._transport.close()

    def sweep(self, now: float) -> None:
        """Close a connection that has been silent too long, or reads too slowly; tell a client whose request never ended."""
        silent = now - self.since
        if self._full is not None and now > self._patience:
            self._transport.abort()
        elif self._transport.is_closing():
            if silent > ARRIVAL_SECONDS:
                self._transport.abort()  # what it was answered is still not read
        elif self._task is not None:
            return
        elif self._closing and silent > LINGER_SECONDS:
            self._transport.close()
        elif silent < ARRIVAL_SECONDS:
            return
        elif self._arriving is not None or self._url:
            self._refuse(BodyTooSlow(seconds=int(ARRIVAL_SECONDS)))
        elif silent > IDLE_SECONDS:
            self._transport.close()


def patience(transport: asyncio.Transport, now: float) -> float:
    """Until when a client may take to read what waits for it."""
    return now + ARRIVAL_SECONDS + transport.get_write_buffer_size() / SLOWEST
