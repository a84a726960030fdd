"""The entrance to a market's live channel over HTTP: origins, addresses, sizes. Behind it everything is Engine.IO.

Browsers apply CORS to polling, but not to websockets: they only say where a page comes from. So both are asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from souk.kernel.errors import Refusal
from souk.kernel.http.answer import Answer, Header, refused
from souk.kernel.http.edge import Receive, Scope, Send, deliver
from souk.kernel.http.headers import Headers
from souk.kernel.http.limits import Limit, Limiter, Network, address_key, client_address, parse, per_address
from souk.kernel.http.refusals import MethodNotAllowed, TooManyRequests
from souk.kernel.http.request import headers_of
from souk.kernel.http.uploads import chunks
from souk.kernel.http.websocket import ITSELF
from souk.kernel.live.engine import LARGEST, Engine
from souk.kernel.live.refusals import OriginNotAllowed, TooManySockets

METHODS: Final = ("GET", "POST", "OPTIONS")
MOST_OF_AN_ADDRESS: Final = 500
"""Connections at once: a company behind one address has many people, with a few tabs each."""
OPENINGS: Final = parse("600/1m")
"""Connections that an address may open: after a restart, all of them come back."""
PREFLIGHT: Final[list[Header]] = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"600"),
]
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Origins:
    """The web origins whose pages may connect: those of the market, those of this address itself, in development any on this machine."""

    def __init__(self, listed: Sequence[str], *, development: bool) -> None:
        self._listed = frozenset(listed)
        self._development = development

    def allow(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may connect to this host."""
        if origin in self._listed:
            return True
        try:
            parts = urlsplit(origin)
            local = self._development and parts.hostname in LOCAL
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and (local or (bool(host) and parts.netloc.lower() == host.lower()))


class Entrance:
    """An ASGI application for the HTTP and websocket requests of one market's live channel."""

    def __init__(  # noqa: PLR0913 - what it decides by, once for each market
        self, engine: Engine, origins: Origins, limiter: Limiter, headers: Headers, trusted: Sequence[Network] = (), *, development: bool
    ) -> None:
        self._engine = engine
        self._origins = origins
        self._limiter = limiter
        self._headers = headers
        self._trusted = trusted
        self._openings: Limit = per_address(OPENINGS, development=development)
        self._most = per_address(Limit(MOST_OF_AN_ADDRESS, 1, ""), development=development).count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        client = scope["client"]
        address = client_address(client[0] if client else "", headers.get(b"x-forwarded-for"), self._trusted)
        try:
            self._check_origin(origin, headers.get(b"host", b"").decode("latin-1"))
            if scope.get("method", "GET") not in METHODS:
                raise MethodNotAllowed(allowed=", ".join(METHODS))
            if b"sid" not in parse_qs(scope["query_string"]):
                self._count_opening(address)
            if scope.get("method") == "POST":
                receive = await _held(receive, headers.get(b"content-length", b""))
        except Refusal as refusal:
            await self._refuse(scope, send, refusal, origin)
            return
        if scope.get("method") == "OPTIONS":
            await deliver(Answer(204, [*PREFLIGHT, *self._granted(origin)]), send, head=False)
            return
        await self._engine.handle_request(_small(scope, headers, address), receive, self._signing(send, origin))

    def _check_origin(self, origin: str, host: str) -> None:
        """Who is no browser says no origin."""
        if origin and not self._origins.allow(origin, host):
            raise OriginNotAllowed(origin=origin[:100])

    def _count_opening(self, address: str) -> None:
        verdict = self._limiter.hit(("live", address_key(address)), self._openings)
        if not verdict.allowed:
            raise TooManyRequests(verdict=verdict)
        if self._engine.open_from(address) >= self._most:
            raise TooManySockets(most=self._most)

    def _granted(self, origin: str) -> list[Header]:
        """What every HTTP answer carries, and lets the page of an origin read it."""
        cors = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"access-control-allow-credentials", b"true")]
        return [*self._headers, *(cors if origin else ())]

    def _signing(self, send: Send, origin: str) -> Send:
        async def signed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._granted(origin)]
            await send(message)

        return signed

    async def _refuse(self, scope: Scope, send: Send, refusal: Refusal, origin: str) -> None:
        answer = refused(refusal)
        if scope["type"] == "websocket":
            await send({"type": "websocket.http.response.start", "status": answer.status, "headers": [*answer.headers, *self._headers]})
            await send({"type": "websocket.http.response.body", "body": answer.body})
            return
        answer.headers.extend(self._headers if isinstance(refusal, OriginNotAllowed) else self._granted(origin))
        await deliver(answer, send, head=False)


async def _held(receive: Receive, announced: bytes) -> Callable[[], Awaitable[MutableMapping[str, Any]]]:
    """A body that has arrived whole, within its limits of size and time."""
    body = b"".join([part async for part in chunks(receive, LARGEST, announced=announced)])

    async def whole() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return whole


def _small(scope: Scope, headers: dict[bytes, bytes], address: str) -> Scope:
    """The request, without what nobody needs for as long as a connection lasts: cookies, tokens, agents."""
    socket = scope["type"] == "websocket"
    kept = [(b"upgrade", b"websocket"), (b"connection", b"upgrade")] if socket else []
    if (length := headers.get(b"content-length")) is not None:
        kept.append((b"content-length", length))
    return {
        "type": scope["type"],
        "method": scope.get("method", "GET"),
        "path": scope["path"],
        "query_string": _plain(scope["query_string"]),
        "headers": kept,
        "client": (address, 0),
        ITSELF: scope.get(ITSELF),
    }


def _plain(query: bytes) -> bytes:
    """The query without what asks for JSONP, which no page needs any more."""
    return b"&".join(part for part in query.split(b"&") if not part.startswith((b"j=", b"%6a=", b"%6A=")))
