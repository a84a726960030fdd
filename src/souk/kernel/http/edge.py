"""The edge: ASGI in, compiled operations, ASGI out. What no operation answers goes on to the shell (pages, live channel).

It adds what every answer has (request id, security headers, CORS, compression), measures it, and turns whatever was
raised into an answer: a refusal into its own, anything else into a 500 that says nothing of the inside.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from time import perf_counter
from typing import Any, Final

from souk.kernel.errors import Refusal
from souk.kernel.http.answer import NO_BODY, Answer, refused
from souk.kernel.http.compiling import meet
from souk.kernel.http.compression import COMPRESS_ABOVE, compressed
from souk.kernel.http.headers import API_HEADERS, Headers
from souk.kernel.http.limits import Network, client_address
from souk.kernel.http.refusals import InternalError, MethodNotAllowed
from souk.kernel.http.request import CURRENT, Request, headers_of
from souk.kernel.http.routes import Routes
from souk.kernel.http.streams import ServerEvent, beating, leaving
from souk.kernel.http.target import Target
from souk.kernel.http.tokens import KeyUnknown
from souk.kernel.http.uploads import chunks
from souk.kernel.telemetry import AccessLog, log

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Shell = Callable[[Scope, Receive, Send], Awaitable[None]]

UPGRADES: Final = {"websocket.accept": 101, "websocket.close": 403}
"""What the first message of a websocket's application means in HTTP; a refusal brings its own status."""

_prefix: Final = secrets.token_hex(6)
_next_request: Final = itertools.count(1).__next__


class Edge:
    """The ASGI application: every operation of every market, and the shell around them."""

    def __init__(
        self, routes: Routes[Target], shell: Shell, access: AccessLog, headers: Headers = API_HEADERS, trusted: Sequence[Network] = ()
    ) -> None:
        self.find = routes.find
        self.headers = headers
        self.trusted = trusted
        self.stopping = asyncio.Event()
        """Set when the server is asked to stop: streams end then."""
        self._shell = shell
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._upgraded(scope, receive, send)
        started = perf_counter()
        headers = headers_of(scope["headers"])
        found = self.find(scope["path"])
        if found is None:
            return await self._beside(scope, receive, send, request_id_of(headers), started)
        ends, parameters = found
        client = scope["client"]
        request = Request(scope["method"], scope["path"], scope["query_string"], headers, parameters, client[0] if client else "")
        request.request_id = request_id_of(headers)
        request.source = Incoming(receive, headers.get(b"content-length", b""))
        target, answer = await self.answer(request, ends)
        answer.headers.extend(self.headers)
        if answer.events is None or request.method == "HEAD":
            await deliver(answer, send, head=request.method == "HEAD")
        else:
            await deliver_stream(answer, answer.events, receive, send, self.stopping)
        self.note(request, target, answer, perf_counter() - started)
        return None

    async def answer(self, request: Request, ends: dict[str, Target]) -> tuple[Target, Answer]:
        """The operation's answer, or the answer to whatever it raised, with the headers that depend on the request."""
        target = ends.get(request.method)
        if self.trusted:
            request.address = client_address(request.address, request.headers.get(b"x-forwarded-for"), self.trusted)
        if target is None:
            target, answer = without_target(ends, request)
        else:
            CURRENT.set(request)
            try:
                try:
                    answer = await target.handle(request)
                except KeyUnknown as unknown:
                    await meet(unknown, request, target.site)
                    answer = await target.handle(request)
            except Refusal as refusal:
                answer = refused(refusal)
            except Exception:  # noqa: BLE001 - the edge is where every bug ends: in the log, and as a 500
                log.exception("request failed", operation=target.operation.name)
                answer = refused(InternalError(request_id=request.request_id.decode()))
        headers = request.headers
        sign(answer, request, target)
        if len(answer.body) > COMPRESS_ABOVE and b"accept-encoding" in headers:
            await compressed(answer, headers[b"accept-encoding"])
        return target, answer

    def refuse(self, request: Request, ends: dict[str, Target], refusal: Refusal) -> Answer:
        """The answer to a request that never arrived whole; counted and logged like others. `ends` is empty where its path is unknown."""
        answer = refused(refusal)
        if ends:
            target = ends.get(request.method) or next(iter(ends.values()))
            sign(answer, request, target)
            self.note(request, target, answer, 0.0)
        else:
            request.request_id = request_id_of({})
            answer.headers.append((b"x-request-id", request.request_id))
            self._access.note(request.method, request.path, answer.status, 0.0, request.request_id, "", None)
        return answer

    async def _beside(self, scope: Scope, receive: Receive, send: Send, request_id: bytes, started: float) -> None:
        """What no operation answers, with an id and a line in the log all the same."""
        status = 0
        scope["request_id"] = request_id.decode()

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            await self._shell(scope, receive, noting)
        finally:
            self._access.note(scope["method"], scope["path"], status, perf_counter() - started, request_id, "", None)

    async def _upgraded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket, with an id and a line in the log when it is accepted or refused."""
        started = perf_counter()
        request_id = request_id_of(headers_of(scope["headers"]))
        scope["request_id"] = request_id.decode()
        answered = False

        async def noting(message: MutableMapping[str, Any]) -> None:
            nonlocal answered
            if not answered:
                answered = True
                status = UPGRADES.get(message["type"]) or message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
                self._access.note("GET", scope["path"], status, perf_counter() - started, request_id, "", None)
            await send(message)

        await self._shell(scope, receive, noting)

    def note(self, request: Request, target: Target, answer: Answer, seconds: float) -> None:
        """Count and log it: two calls that only append."""
        target.meter.observe(answer.status, seconds)
        self._access.note(request.method, request.path, answer.status, seconds, request.request_id, target.site.name, request.actor)


def sign(answer: Answer, request: Request, target: Target) -> None:
    """The headers that depend on who asks: the request's id, and what their origin may read."""
    answer.headers.append((b"x-request-id", request.request_id))
    origin = request.headers.get(b"origin")
    if origin is not None:
        answer.headers.extend(target.site.cors.headers(origin))


def without_target(ends: dict[str, Target], request: Request) -> tuple[Target, Answer]:
    """A path that exists, asked with a method that does not: HEAD and preflight by the rule, others refused."""
    some = next(iter(ends.values()))
    allowed = ", ".join(sorted({*ends, "OPTIONS", *(["HEAD"] if "GET" in ends else [])}))
    if request.method == "OPTIONS":
        return some, some.site.cors.preflight(request.headers, allowed)
    return some, refused(MethodNotAllowed(allowed=allowed))


def request_id_of(headers: dict[bytes, bytes]) -> bytes:
    """The caller's own id where it is short and plain, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and len(given) <= 64 and given.replace(b"-", b"").replace(b"_", b"").isalnum():
        return given
    return f"{_prefix}-{_next_request():x}".encode()


class Incoming:
    """A body that is still on its way."""

    __slots__ = ("_announced", "_receive")

    def __init__(self, receive: Receive, announced: bytes) -> None:
        self._receive = receive
        self._announced = announced

    async def whole(self, limit: int) -> bytes:
        return b"".join([part async for part in self.chunks(limit)])

    def chunks(self, limit: int) -> AsyncIterator[bytes]:
        return chunks(self._receive, limit, announced=self._announced)


async def deliver(answer: Answer, send: Send, *, head: bool) -> None:
    """An answer that is held whole, as ASGI messages."""
    if answer.events is None and answer.status not in NO_BODY:
        answer.headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def deliver_stream(answer: Answer, events: AsyncIterator[ServerEvent], receive: Receive, send: Send, stopping: asyncio.Event) -> None:
    """Events as they come, until they end, the client leaves or the server stops."""
    left = asyncio.Event()
    watching = asyncio.create_task(leaving(receive, left))
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        async for part in beating(events, left, stopping):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        watching.cancel()
