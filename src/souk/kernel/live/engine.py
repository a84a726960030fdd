"""Engine.IO, below Socket.IO: one connection of one client, by websocket or by polling, that costs little and cannot grow.

`python-engineio` keeps four tasks and two queues for each connection, waits for ever on some of them, and lets what is malformed
fail inside. Here nothing runs for a connection that is silent: it is written to when there is something to write, and one sweep a
second pings and closes. What waits for a client is bounded, and so is what a client may send.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Final

import engineio  # type: ignore[import-untyped]
import msgspec
from engineio.async_socket import AsyncSocket  # type: ignore[import-untyped]
from engineio.exceptions import EngineIOError  # type: ignore[import-untyped]
from engineio.packet import CLOSE, MESSAGE, NOOP, OPEN, PING, Packet  # type: ignore[import-untyped]

from souk.kernel.http.limits import address_key
from souk.kernel.http.websocket import ITSELF, LARGEST_MESSAGE, Websocket, nothing, text_frame

LARGEST: Final = LARGEST_MESSAGE
"""Bytes of one message from a client, and of one polling request."""
MOST_WAITING: Final = 1_000
MOST_WAITING_BYTES: Final = 4 * 1024 * 1024
"""What may wait for a client that does not read: one more, and it is dropped."""
RATE: Final = 30.0
BURST: Final = 60.0
"""Packets a second that a client may send, and how many it may save up."""
PATIENCE: Final = 60
"""Packets beyond the rate that are only thrown away; one more ends the connection."""


class Pace(msgspec.Struct, frozen=True):
    """How long a connection may take for what, in seconds."""

    ping: float = 25
    """It is pinged so often."""
    pong: float = 20
    """It answers a ping."""
    upgrade: float = 10
    """It comes over from polling to a websocket."""
    lonely: float = 10
    """It is in no namespace."""
    grace: float = 60
    """It outlives its token, for a refresh that is late."""


EMPTY: Final = Packet(NOOP)
PINGING: Final = Packet(PING)
CLOSING: Final = Packet(CLOSE)


def frame_of(packet: Packet) -> bytes:
    """A packet as a websocket sends it, made once for however many it goes to."""
    made: bytes | None = vars(packet).get("frame")
    if made is None:
        made = vars(packet)["frame"] = text_frame(str(packet.encode()))
    return made


class Malformed(EngineIOError):  # type: ignore[misc]
    """Not what a client of Socket.IO 4 sends."""


class Socket(AsyncSocket):  # type: ignore[misc]
    """One client's connection."""

    connected: bool
    upgrading: bool
    upgraded: bool
    closing: bool
    closed: bool

    def __init__(self, server: Engine, sid: str) -> None:
        super().__init__(server, sid)
        now = monotonic()
        self.engine = server
        self.since = now
        self.address = ""
        self.refused = 0
        """How many packets beyond the rate it sent lately."""
        self._waiting: deque[Packet] = deque()
        self._bytes = 0
        self._channel: Any = None
        self._line: Websocket | None = None
        self._next_line: Websocket | None = None
        self._polled: asyncio.Future[None] | None = None
        self._posting = False
        self._pinged = 0.0
        """When it was pinged, until it answers."""
        self._next_ping = now + server.pace.ping
        self._credit = BURST
        self._counted = now

    # To the client

    def offer(self, packet: Packet) -> None:
        """Send it as soon as the client takes it. One for whom too much waits is dropped, so that it costs no memory."""
        if self.closing:
            return
        self._waiting.append(packet)
        self._bytes += len(str(packet.encode()))
        if len(self._waiting) > MOST_WAITING or self._bytes > MOST_WAITING_BYTES:
            self._forget()
            self.engine.cut += 1
            self.engine.end(self, "slow reader", abort=True)
        else:
            self._wake()

    async def send(self, pkt: Packet) -> None:
        """As the library calls it."""
        self.offer(pkt)

    async def poll(self) -> list[Packet]:
        """Wait until something is there, and take all of it."""
        if not self._waiting and not self.closed:
            self._polled = asyncio.get_running_loop().create_future()
            try:
                await self._polled
                await asyncio.sleep(0)  # what is said in the same moment goes along
            finally:
                self._polled = None
        if self.upgrading or self.upgraded:
            return [EMPTY]  # the rest goes by the websocket
        packets = list(self._waiting)
        self._forget()
        return packets or [EMPTY]

    def _wake(self) -> None:
        """Somebody should look at what waits."""
        if self._line is not None:
            self._write()
        elif self._polled is not None and not self._polled.done():
            self._polled.set_result(None)

    def _write(self) -> None:
        """As much as the websocket takes; it calls again when it takes more."""
        line, waiting = self._line, self._waiting
        while waiting and line is not None and line.free:
            packet = waiting.popleft()
            self._bytes -= len(str(packet.encode()))
            line.push(frame_of(packet))

    def _forget(self) -> None:
        self._waiting.clear()
        self._bytes = 0

    # From the client

    async def take(self, text: object) -> None:
        """One packet. What is malformed raises; what comes beyond the rate is thrown away."""
        if not isinstance(text, str) or not text:
            raise Malformed
        if not self._within_rate():
            self.refused += 1
            if self.refused > PATIENCE:
                raise Malformed
            self.engine.flooded(self)
        elif text[0] == str(MESSAGE):
            await self.engine.handlers["message"](self.sid, text[1:])
        elif text == "3":
            self._pinged, self._next_ping = 0.0, monotonic() + self.engine.pace.ping
        elif text == "1":
            await self.close(wait=False, abort=True, reason=self.server.reason.CLIENT_DISCONNECT)
        elif text != "6":
            raise Malformed

    def _within_rate(self) -> bool:
        now = monotonic()
        self._credit = min(BURST, self._credit + (now - self._counted) * RATE)
        self._counted = now
        if self._credit < 1:
            return False
        if self._credit > BURST / 2:
            self.refused = 0
        self._credit -= 1
        return True

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """A poll, or the websocket that takes its place. A client has one poll open at a time."""
        if self._polled is not None and environ.get("HTTP_UPGRADE") != "websocket":
            await self.close(wait=False, reason=self.server.reason.TRANSPORT_ERROR)
            raise Malformed
        return await super().handle_get_request(environ)

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """What a polling client sends, in its order: never two requests at once."""
        if self._posting:
            raise Malformed
        self._posting = True
        try:
            body: bytes = await environ["wsgi.input"].read()
            for text in body.decode().split("\x1e"):
                await self.take(text)
        except (Malformed, UnicodeDecodeError):
            self.engine.cut += 1
            raise Malformed from None
        finally:
            self._posting = False

    # The websocket

    async def _upgrade_websocket(self, environ: dict[str, Any]) -> Any:
        if self.upgraded or self.upgrading or self.closing:
            return self.server._bad_request()  # noqa: SLF001 - the library's own way to refuse
        self.upgrading = True
        line: Websocket = environ["asgi.scope"][ITSELF]
        line.when_free = self._write
        try:
            self._next_line = line
            return await super()._upgrade_websocket(environ)
        finally:
            self.upgrading = False
            self._next_line = None
            line.when_free = nothing

    async def _websocket_handler(self, ws: Any) -> None:
        if self.connected and not await self._probed(ws):
            return
        self.upgrading = False
        self.connected = self.upgraded = True
        self._channel, self._line = ws, self._next_line
        self._wake()
        try:
            await self._listen(ws)
        finally:
            await self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_CLOSE)
            self._line = None

    async def _listen(self, ws: Any) -> None:
        """To everything that a client says by its websocket, until one of them has gone."""
        try:
            while not self.closed:
                await self.take(await ws.wait())
        except Malformed:
            self.engine.cut += 1
        except OSError:
            self._line = None  # the client has gone

    async def _probed(self, channel: Any) -> bool:
        """Whether a polling client has come over to the websocket."""
        try:
            async with asyncio.timeout(self.engine.pace.upgrade):
                if await channel.wait() != "2probe":
                    return False
                await channel.send("3probe")
                if self._polled is not None and not self._polled.done():
                    self._polled.set_result(None)
                return bool(await channel.wait() == "5")
        except OSError:
            return False

    # Time

    def schedule_ping(self) -> None:
        """The sweep pings."""

    def sweep(self, now: float) -> None:
        """Ping it when its time has come; close it when it did not answer."""
        if self._pinged and now - self._pinged > self.engine.pace.pong:
            self.engine.end(self, self.server.reason.PING_TIMEOUT)
        elif not self._pinged and now >= self._next_ping:
            self._pinged = now
            self.offer(PINGING)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:  # noqa: FBT001, FBT002 - the library's
        """Tell who is interested, then the client. What still waits for it is sent first, unless this is an abort."""
        del wait
        if self.closing:
            return
        self.closing = True
        await self.engine.handlers["disconnect"](self.sid, reason or self.server.reason.SERVER_DISCONNECT)
        self.closed = True
        self.engine.sockets.pop(self.sid, None)
        self.engine.count(self.address, -1)
        if abort:
            self._forget()
        else:
            self._waiting.append(CLOSING)
        self._wake()
        if self._channel is not None:
            self.engine.go_on(self._channel.close())


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """The connections of one market in this process."""

    handlers: dict[str, Any]
    sockets: dict[str, Socket]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.pace = Pace()
        self.cut = 0
        """How many connections were ended because they did not read, or sent what nobody sends."""
        self.flooded: Callable[[Socket], None] = lambda _socket: None
        """Called with whoever sends too much, for a warning."""
        self._addresses: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def create_queue(self, *_args: Any, **_options: Any) -> Any:
        """None is needed: a `Socket` keeps what waits."""

    def open_from(self, address: str) -> int:
        """How many connections somebody's address has here."""
        return self._addresses.get(address_key(address), 0)

    def count(self, address: str, more: int) -> None:
        """One more connection of that address, or one less."""
        key = address_key(address)
        number = self._addresses[key] = self._addresses.get(key, 0) + more
        if not number:
            del self._addresses[key]

    def go_on(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self, socket: Socket, reason: str, *, abort: bool = False) -> None:
        """Close a connection soon."""
        self.go_on(socket.close(wait=False, abort=abort, reason=reason))

    def sweep(self) -> None:
        """Once a second: what time brings for every connection."""
        now = monotonic()
        for socket in list(self.sockets.values()):
            socket.sweep(now)

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        """A new connection. The library's own, but for the kind of socket."""
        del jsonp_index
        sid: str = self.generate_id()
        socket = self.sockets[sid] = Socket(self, sid)
        socket.address = environ["asgi.scope"]["client"][0]
        self.count(socket.address, 1)
        opening = {
            "sid": sid,
            "upgrades": self._upgrades(sid, transport),
            "pingTimeout": int(self.pace.pong * 1000),
            "pingInterval": int(self.pace.ping * 1000),
            "maxPayload": LARGEST,
        }
        socket.offer(Packet(OPEN, data=opening))
        await self.handlers["connect"](sid, environ)
        if transport == "websocket":
            return await socket.handle_get_request(environ)
        socket.connected = True
        return self._ok(await socket.poll())
