"""What the stories about sockets are played on: a market's live channel behind the real server, and a client that can misbehave."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, NotFound, who
from souk.kernel.http.edge import Edge
from souk.kernel.http.guards import Role
from souk.kernel.http.headers import API_HEADERS
from souk.kernel.http.limits import Limit, Limiter, parse
from souk.kernel.http.routes import Routes
from souk.kernel.http.server import WebServer
from souk.kernel.http.target import Target
from souk.kernel.http.tokens import Tokens
from souk.kernel.live import Live, Namespace, RoomKind
from souk.kernel.live.channel import Channel
from souk.kernel.live.engine import Pace
from souk.kernel.live.entrance import Entrance, Origins
from souk.kernel.live.log import Said
from souk.kernel.live.server import LiveServer
from souk.kernel.telemetry import AccessLog
from tests.kernel.http.serving import IN_THE_CLEAR

ROLES = (Role("client", who("customer")), Role("admin", who("staff")))
MANY = parse("1000/1m")
USUAL = Pace()
QUICK = Pace(ping=0.5, pong=0.5, upgrade=0.5, lonely=1, grace=1)
SOON = 10.0


class Orders:
    """Who may read which order."""

    def __init__(self) -> None:
        self.of: dict[UUID, set[UUID]] = {}

    def add(self, *people: UUID) -> str:
        order = uuid4()
        self.of[order] = set(people)
        return str(order)

    async def access(self, _tx: Tx, by: Actor, order: UUID) -> None:
        if by.id not in self.of.get(order, ()):
            raise NotFound


class Venue:
    """One process of a market, with its sockets."""

    def __init__(  # noqa: PLR0913 - what a story may want otherwise
        self,
        database: Database,
        *,
        pace: Pace = USUAL,
        now: Callable[[], float] = time.time,
        origins: Sequence[str] = (),
        guesses: Limit = MANY,
        development: bool = True,
    ) -> None:
        self.orders = Orders()
        order = RoomKind("order", self.orders.access)
        live = Live(
            (
                Namespace(path="/", joins={"join_order": order}, leaves={"leave_order": order}, relays={"typing": order}),
                Namespace(path="/staff", who=who("staff")),
            )
        )
        self.tokens = Tokens("test", {"1": b"k" * 32}, ROLES, now=now)
        self.channel = Channel(database, live, listens=False)
        self.live = LiveServer(
            live,
            self.channel,
            database=database,
            tokens=self.tokens,
            roles=ROLES,
            limiter=Limiter(),
            guesses=guesses,
            pace=pace,
        )
        checks = Origins(origins, development=development)
        entrance = Entrance(self.live.engine, checks, Limiter(), API_HEADERS, development=development)
        self.written: list[bytes] = []
        self.access = AccessLog(self.written.append)
        self.edge = Edge(Routes[Target](), entrance, self.access)
        self._started = asyncio.Event()
        self._server = WebServer(self.edge, grace=5, when_started=self._started.set)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._running = [
            asyncio.create_task(self._server.serve(sockets=[self._listener])),
            asyncio.create_task(self.live.run(self.edge.stopping)),
        ]
        await self._started.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        self._server.should_exit = True
        await asyncio.gather(*self._running)

    def actor(self, *roles: str) -> Actor:
        return Actor(uuid4(), frozenset(roles or {"client"}), uuid4(), "test")

    async def call(self, sid: str = "", **options: Any) -> Caller:
        """A connection that is in no namespace yet: a new one, or the websocket for one that polls."""
        url = f"ws://127.0.0.1:{self.port}/test/socket.io/?EIO=4&transport=websocket{'&sid=' + sid if sid else ''}"
        return Caller(await connect(url, compression=None, ping_interval=None, proxy=None, **options))

    async def enter(self, actor: Actor | None = None, namespace: str = "/", **options: Any) -> Caller:
        """A connection of somebody who is in a namespace."""
        caller = await self.call(**options)
        answer = await caller.enter(self.tokens.issue(actor or self.actor()), namespace)
        assert "sid" in answer
        return caller

    async def say(self, name: str, payload: object, *rooms: str, namespace: str = "/") -> None:
        """As the log would bring it."""
        raw = msgspec.Raw(msgspec.json.encode(payload))
        await self.live.say(Said(uuid4(), namespace, name, rooms, raw, msgspec.json.decode(b'"2026-01-01T00:00:00Z"', type=object)))  # type: ignore[arg-type]

    def polling(self, **headers: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=SOON, **IN_THE_CLEAR)


class Caller:
    """A client that speaks Engine.IO and Socket.IO by hand, so that it can also speak it wrongly."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        self._numbers = iter(range(1_000_000))

    async def send(self, packet: str | bytes) -> None:
        await self.line.send(packet)

    async def hear(self) -> str:
        """The next packet that is no ping; pings are answered."""
        async with asyncio.timeout(SOON):
            while True:
                packet = await self.line.recv()
                assert isinstance(packet, str)
                if packet == "2":
                    await self.line.send("3")
                elif packet[0] != "0":
                    return packet

    async def enter(self, token: object, namespace: str = "/") -> Any:
        """What the server answers to a wish for a namespace."""
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.send(f"40{prefix}{msgspec.json.encode({'token': token}).decode()}")
        packet = await self.hear()
        assert packet[1] in "04", packet
        return msgspec.json.decode(packet.removeprefix(packet[:2] + prefix))

    async def ask(self, event: str, *args: object) -> Any:
        """The answer to an event; what is heard meanwhile is lost."""
        number = next(self._numbers)
        await self.send(f"42{number}{msgspec.json.encode([event, *args]).decode()}")
        while True:
            packet = await self.hear()
            if packet.startswith(f"43{number}["):
                return msgspec.json.decode(packet.removeprefix(f"43{number}"))[0]

    async def event(self) -> list[Any]:
        """The next event."""
        packet = await self.hear()
        assert packet.startswith("42"), packet
        words: list[Any] = msgspec.json.decode(packet[2:] if packet[2] == "[" else packet[packet.index(",") + 1 :])
        return words

    async def closed(self, within: float = SOON) -> list[str]:
        """What is heard until the server closes; pings are not answered."""
        heard = []
        async with asyncio.timeout(within):
            try:
                while True:
                    heard.append(str(await self.line.recv()))
            except ConnectionClosed:
                return heard

    async def leave(self) -> None:
        await self.line.close()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what the server does."""
    async with asyncio.timeout(SOON):
        while not true():  # noqa: ASYNC110 - nobody rings
            await asyncio.sleep(0.01)
