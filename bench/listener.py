"""A client of the live channel that is light enough not to be what is measured: it connects, joins a room and listens."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec

HANDSHAKE: Final = (
    b"GET /sample/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AT_ONCE: Final = 50


class Listener(asyncio.Protocol):
    """Socket.IO over a websocket, no more than is needed to listen: in an order's room, or only connected."""

    def __init__(self, token: str, order: str = "") -> None:
        self._token = token
        self._order = order
        self._buffer = b""
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: list[tuple[float, bytes]] = []
        """Each event, and when it came."""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # uvloop's transport is no subclass
        self.transport.write(HANDSHAKE)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the server closed a connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            assert b" 101 " in self._buffer[:20], self._buffer[:200]
            self._buffer = self._buffer[head + 4 :]
            self._open = True
        while (frame := self._frame()) is not None:
            self._take(frame)

    def _frame(self) -> bytes | None:
        """The next whole frame; servers do not mask theirs."""
        buffer = self._buffer
        size, start = (buffer[1], 2) if len(buffer) > 1 else (0, 2)
        if size == 126:
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[start : start + size]

    def _take(self, frame: bytes) -> None:
        if frame.startswith(b"42"):
            self.heard.append((time.perf_counter(), frame))
        elif frame == b"2":
            self._send(b"3")
        elif frame.startswith(b"0"):
            self._send(b"40" + msgspec.json.encode({"token": self._token}))
        elif frame.startswith(b"40"):
            if self._order:
                self._send(b"420" + msgspec.json.encode(["join_order", self._order]))
            else:
                self.ready.set_result(None)
        elif frame.startswith(b"430"):
            assert b'"ok":true' in frame, frame
            self.ready.set_result(None)
        elif frame.startswith(b"44"):
            self.ready.set_exception(ConnectionError(frame.decode()))

    def _send(self, text: bytes) -> None:
        head = bytes([0x81, 0x80 | len(text)]) if len(text) < 126 else bytes([0x81, 0xFE]) + len(text).to_bytes(2, "big")
        self.transport.write(head + b"\0\0\0\0" + text)


async def connected(port: int, tokens: list[str], order: str = "") -> list[Listener]:
    """A socket for each of these tokens, in an order's room if one is named."""
    loop = asyncio.get_running_loop()
    made: list[Listener] = []
    for first in range(0, len(tokens), AT_ONCE):
        some = [Listener(token, order) for token in tokens[first : first + AT_ONCE]]
        for each in some:
            await loop.create_connection(lambda each=each: each, "127.0.0.1", port)  # type: ignore[misc]
        async with asyncio.timeout(30):
            await asyncio.gather(*(each.ready for each in some))
        made += some
    return made
