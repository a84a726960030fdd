"""A market where people write to each other: its door over real HTTP, its worker, its sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Law, Pool, Tx
from souk.kernel.http import Actor
from souk.kernel.http.edge import Edge
from souk.kernel.http.guards import Role
from souk.kernel.http.headers import API_HEADERS
from souk.kernel.http.limits import Limiter, parse
from souk.kernel.http.routes import Routes
from souk.kernel.http.server import WebServer
from souk.kernel.http.target import Target
from souk.kernel.live import Live, Namespace, RoomKind
from souk.kernel.live.channel import Channel
from souk.kernel.live.entrance import Entrance, Origins
from souk.kernel.live.server import LiveServer
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import Source, kernel_sources
from souk.kernel.telemetry import AccessLog
from souk.modules import audit, chat, identity, mail
from tests.modules.identity.conftest import Town, Visitor

BLOCKS: set[frozenset[UUID]] = set()
"""Who has blocked whom. The ids are new in every test, so nothing is left of one in another."""
STATES: dict[UUID, str] = {}
STRANGERS: set[frozenset[UUID]] = set()
"""Pairs that the market does not let write to each other."""


async def blocked(_tx: Tx, one: UUID, other: UUID) -> bool:
    return frozenset((one, other)) in BLOCKS


async def may_begin(_tx: Tx, by: Actor, others: tuple[UUID, ...], _about: chat.About | None) -> bool:
    return not any(frozenset((by.id, each)) in STRANGERS for each in others)


async def state_of(_tx: Tx, about: chat.About) -> str | None:
    return STATES.get(about.id)


def policy(matter: chat.Matter, found: chat.Hint) -> chat.Action:
    """Before an order is paid addresses are refused, numbers masked, links warned about; bad words always refused."""
    if found.kind is chat.HintKind.WORD:
        return chat.Action.REFUSE
    if matter.state != "open":
        return chat.Action.ALLOW
    return {chat.HintKind.EMAIL: chat.Action.REFUSE, chat.HintKind.PHONE: chat.Action.MASK}.get(found.kind, chat.Action.WARN)


RULES = chat.Rules(
    may_begin=may_begin,
    blocked=blocked,
    policy=policy,
    state=state_of,
    words={"en": frozenset({"scoundrel"}), "fr": frozenset({"vaurien"})},
    most_people=6,
)
CHAT = chat.chats(about={"project_id": "project"}, paths={"job": "/jobs"})
MODULES = (mail.MODULE, audit.MODULE, identity.MODULE, CHAT)
ROLES = (Role("client"), Role("worker"), Role("admin", identity.STAFF | chat.STAFF | audit.READER))
JOINS: dict[str, RoomKind] = {"join_conversation": chat.CONVERSATION, "watch_presence": chat.PRESENCE}
LIVE = Live(
    (
        Namespace(
            path="/",
            joins=JOINS,
            leaves={"leave_conversation": chat.CONVERSATION},
            relays={"typing": chat.CONVERSATION},
            says=chat.SAYS,
        ),
        Namespace(
            path="/jobs", says=chat.says(new_message="job:new_message", edited="", deleted="", read="job:read", delivered="", begun="")
        ),
    )
)
PARLOUR = Market(
    "sample", "/test", "Parlour: people who talk", ROLES, MODULES, rules=(identity.Rules(sign_up=("client", "worker")), RULES), live=LIVE
)


@pytest.fixture
def market() -> Market:
    return PARLOUR


@pytest.fixture
def sources(market: Market) -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules))


@pytest.fixture
def catalogue(market: Market) -> Catalogue:
    assert market.live is not None
    return Catalogue(market.modules, says=market.live.by_fact)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Parlour(Town):
    """The market at work, with everything that people do to each other in it."""

    async def people(self, *names: str) -> list[Visitor]:
        """Some who have just joined."""
        return [await self.join(name) for name in names]

    async def begins(self, by: Visitor, *others: Visitor, status: int = 201, **also: Any) -> Any:
        wanted = {"participantId": str(others[0].id)} if len(others) == 1 else {"participantIds": [str(each.id) for each in others]}
        return told(await by.client.post("/conversations", json={**wanted, **also}), status)

    async def says(self, by: Visitor, talk: Any, content: str = "Is Tuesday all right?", *, status: int = 201, **also: Any) -> Any:
        return told(await by.client.post("/messages", json={"conversationId": talk["id"], "content": content, **also}), status)

    async def reads(self, by: Visitor, talk: Any, status: int = 200, **query: Any) -> Any:
        return told(await by.client.get(f"/conversations/{talk['id']}/messages", params=query), status)

    async def heard_by(self, by: Visitor, talk: Any) -> list[str]:
        """What stands there for somebody, the oldest first."""
        return [each["content"] or each["type"] for each in reversed(await self.reads(by, talk, limit=100))]

    async def unread(self, by: Visitor) -> int:
        return int(told(await by.client.get("/messages/unread"))["unread"])

    async def marks(self, by: Visitor, talk: Any, message: Any = None, *, word: str = "read", status: int = 200) -> Any:
        body = None if message is None else {"messageId": message["id"]}
        return told(await by.client.post(f"/conversations/{talk['id']}/{word}", json=body), status)

    async def does(self, by: Visitor, method: str, path: str, status: int = 200, **body: Any) -> Any:
        return told(await by.client.request(method, path, json=body or None), status)

    async def write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self.database.write(work)

    async def facts(self, topic: str) -> list[Any]:
        """What was announced of that kind, the oldest first."""
        rows = await self.rows("select payload::text from events where topic = $1 order by id", topic)
        return [msgspec.json.decode(row[0]) for row in rows]

    async def check_laws(self) -> None:
        """Nothing that must always hold is broken."""
        laws: Iterable[Law] = CHAT.laws
        assert [(law.sentence, broken) for law in laws if (broken := await self.rows(law.query.sql))] == []


def told(answer: httpx.Response, status: int = 200) -> Any:
    """What an answer says."""
    assert answer.status_code == status, answer.text
    return answer.json().get("data" if answer.is_success else "error")


@pytest.fixture
def parlour(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Parlour:
    parlour = Parlour(market, database, clock, catalogue, runtime_dsn)
    parlour.closing = closing
    return parlour


class Sockets:
    """The market's live channel behind a server of its own, fed by the same database."""

    def __init__(self, parlour: Parlour) -> None:
        live = parlour.market.live
        assert live is not None
        self.parlour = parlour
        self.channel = Channel(parlour.database, live, listens=False)
        self.live = LiveServer(
            live,
            self.channel,
            database=parlour.database,
            tokens=parlour.tokens,
            roles=parlour.market.roles,
            limiter=Limiter(),
            guesses=parse("1000/1m"),
        )
        entrance = Entrance(self.live.engine, Origins((), development=True), Limiter(), API_HEADERS, development=True)
        self._edge = Edge(Routes[Target](), entrance, AccessLog(lambda _line: None))
        self._started = asyncio.Event()
        self._server = WebServer(self._edge, grace=1, when_started=self._started.set)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.channel.tail.read()
        running = (
            self._server.serve(sockets=[self._listener]),
            self.live.run(self._edge.stopping),
            self.channel.run(),
            self._follow(),
        )
        self._tasks = [asyncio.create_task(each) for each in running]
        await self._started.wait()
        return self

    async def _follow(self) -> None:
        """Read what is new, as `News` does in a process of its own."""
        while True:
            await self.channel.tail.read()
            await asyncio.sleep(0.01)

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await asyncio.gather(*self._tasks[:2])
        for task in self._tasks[2:]:
            task.cancel()
        await asyncio.gather(*self._tasks[2:], return_exceptions=True)
        await self.channel.leave()


@pytest.fixture
def stranger() -> UUID:
    """Somebody whom nobody knows."""
    return uuid4()
