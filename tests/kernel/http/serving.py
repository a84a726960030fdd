"""A server for tests: operations of one made-up market, served by the real `WebServer` on a free port."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID, uuid4

import httpx

from souk.kernel.db import Database
from souk.kernel.errors import Refusal
from souk.kernel.http.answer import refused
from souk.kernel.http.compiling import compile_operation
from souk.kernel.http.cors import Cors
from souk.kernel.http.edge import Edge, Receive, Scope, Send, deliver
from souk.kernel.http.guards import Actor, Role, who
from souk.kernel.http.limits import Limit, Limiter, parse
from souk.kernel.http.operation import Operation
from souk.kernel.http.refusals import NoSuchPath
from souk.kernel.http.routes import Routes
from souk.kernel.http.server import WebServer
from souk.kernel.http.site import Site
from souk.kernel.http.target import Target
from souk.kernel.http.tokens import Tokens
from souk.kernel.telemetry import AccessLog, Metrics

IN_THE_CLEAR: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""For clients that ask this machine only: reading whom the world trusts takes longer than most tests."""

ROLES = (Role("client", who("customer")), Role("worker", who("provider")), Role("admin", who("staff")))
MANY = parse("100000/1m")


def site(
    database: Database,
    *,
    member_limit: Limit = MANY,
    address_limit: Limit = MANY,
    origins: Sequence[str] = (),
    resources: dict[type, Any] | None = None,
) -> Site:
    """A made-up market called `test`."""
    return Site(
        name="test",
        base="/test",
        title="Test",
        roles=ROLES,
        database=database,
        tokens=Tokens("test", {"1": b"k" * 32}, ROLES),
        limiter=Limiter(),
        member_limit=member_limit,
        address_limit=address_limit,
        cors=Cors(tuple(origins)),
        resources=resources or {},
    )


def edge_of(site: Site, operations: Sequence[Operation[..., Any]], access: AccessLog) -> Edge:
    """The edge that serves these operations."""
    routes: Routes[Target] = Routes()
    metrics = Metrics()
    for operation in operations:
        target = Target(operation, site, compile_operation(operation, site), metrics.meter(site.name, operation.name, operation.method))
        routes.add(operation.method, site.base + operation.path, target)
        if operation.method == "GET":
            routes.add("HEAD", site.base + operation.path, target)
    return Edge(routes, shell, access)


async def shell(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands round the operations: the lifespan, a page, and a 404."""
    if scope["path"] == "/page":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
        await send({"type": "http.response.body", "body": b"a page"})
    else:
        await deliver(refused(NoSuchPath()), send, head=False)


class Served:
    """A running server, and clients for it."""

    def __init__(self, site: Site, operations: Sequence[Operation[..., Any]]) -> None:
        self.site = site
        self.written: list[bytes] = []
        self.started = asyncio.Event()
        self.access = AccessLog(self.written.append)
        self.edge = edge_of(site, operations, self.access)
        self.server = WebServer(self.edge, grace=1, when_started=self.started.set)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.server.serve(sockets=[self.socket]))
        await self.started.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.should_exit = True
        await self._task

    def token(self, *roles: str, person: UUID | None = None) -> str:
        return self.site.tokens.issue(Actor(person or uuid4(), frozenset(roles), uuid4(), "test"))

    def client(self, *roles: str, **headers: str) -> httpx.AsyncClient:
        """A client, signed in with these roles if any are given."""
        if roles:
            headers["Authorization"] = f"Bearer {self.token(*roles)}"
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}/test", headers=headers, timeout=10, **IN_THE_CLEAR)

    async def raw(self, *pieces: bytes, until_closed: bool = True) -> bytes:
        """Send bytes piece by piece, and read everything that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            return await asyncio.wait_for(reader.read(-1 if until_closed else 65536), 10)
        finally:
            writer.close()


def code(response: httpx.Response) -> str:
    """The code of a refusal, which has the failure envelope."""
    document = response.json()
    assert document["success"] is False
    error = document["error"]
    assert set(error) <= {"code", "message", "details"}
    return str(error["code"])


def refusal_named(name: str, status: int = 409) -> type[Refusal]:
    """A refusal of one test."""
    return type(name, (Refusal,), {"__module__": __name__}, status=status, message="Refused for a test.")
