"""The shell: what is served beside the operations. Health and metrics for machines, status and API pages for people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from souk.app.development import MAILBOX, mailbox_path
from souk.app.mailbox import mailbox_page
from souk.app.opened import OpenMarket, sources_of
from souk.app.sockets import LiveMarket
from souk.kernel.http.answer import Answer, Redirect, redirect, refused
from souk.kernel.http.edge import Receive, Scope, Send
from souk.kernel.http.headers import Headers, page_headers
from souk.kernel.http.openapi import describe
from souk.kernel.http.operation import Operation
from souk.kernel.http.pages import asset, scalar_page, swagger_page
from souk.kernel.http.refusals import InternalError, MethodNotAllowed, NoSuchPath
from souk.kernel.http.status import Check, Failing, Probe, health, ready, run, status_page
from souk.kernel.migrate import pending
from souk.kernel.telemetry import Telemetry
from souk.kernel.telemetry.metrics import CONTENT_TYPE

ASSETS = "/assets"
LATE_SECONDS = 120.0
"""How long a due job may wait before a market counts as behind."""

Page = Callable[[Request], Awaitable[Answer]]
Operations = Mapping[str, Sequence[Operation[..., Any]]]
"""The operations of each market, by its name."""


class Shell:
    """The pages round the operations of the opened markets."""

    def __init__(
        self,
        opened: Sequence[OpenMarket],
        operations: Operations,
        live: Sequence[LiveMarket],
        telemetry: Telemetry,
        *,
        production: bool,
    ) -> None:
        self.opened = opened
        self.operations = operations
        self.telemetry = telemetry
        self._entrances = {path: each.entrance for each in live for path in (each.path, each.path + "/")}
        self.headers = page_headers(production=production)
        self._asking: asyncio.Task[dict[str, list[Probe]]] | None = None
        handlers = {404: self._no_such_path, 405: self._wrong_method, 500: self._broken}
        self.app = Starlette(routes=list(self._routes()), exception_handlers=handlers)
        self.app.router.redirect_slashes = False  # it would send people to whatever `Host` they were made to send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A page, or the entrance to a market's live channel: that one stands apart, for its connections last."""
        entrance = self._entrances.get(scope["path"])
        await (self.app if entrance is None else entrance)(scope, receive, send)

    def _routes(self) -> Iterable[Route]:
        yield self._route("/", self._index)
        yield self._route("/health", self._health)
        yield self._route("/ready", self._ready)
        yield self._route("/status", self._status)
        yield self._route("/metrics", self._metrics)
        yield self._route(ASSETS + "/{name}", self._asset)
        for market in self.opened:
            yield from self._api_pages(market)
            if not market.settings.production:
                yield self._route(market.market.base + MAILBOX, mailbox_page(market))

    def _api_pages(self, opened: OpenMarket) -> Iterable[Route]:
        market = opened.market
        spec = market.base + "/openapi.json"
        described = Described(opened, self.operations[market.name])
        swagger = swagger_page(f"{market.title}: API", spec, ASSETS)
        scalar = scalar_page(f"{market.title}: API reference", spec, ASSETS)
        yield self._route(market.base, _always(redirect(Redirect(market.base + "/docs"))))
        yield self._route(spec, described.answer)
        yield self._route(market.base + "/docs", _always(swagger))
        yield self._route(market.base + "/reference", _always(scalar))

    def _route(self, path: str, page: Page) -> Route:
        async def endpoint(request: Request) -> Response:
            return response(await page(request), self.headers)

        return Route(path, endpoint, methods=["GET"])

    async def _no_such_path(self, _request: Request, _error: Exception) -> Response:
        return response(refused(NoSuchPath()), self.headers)

    async def _wrong_method(self, _request: Request, _error: Exception) -> Response:
        return response(refused(MethodNotAllowed(allowed="GET, HEAD")), self.headers)

    async def _broken(self, request: Request, _error: Exception) -> Response:
        return response(refused(InternalError(request_id=request.scope["request_id"])), self.headers)

    async def _health(self, _request: Request) -> Answer:
        return health()

    async def _ready(self, _request: Request) -> Answer:
        found = await self.probes()
        named = ((f"{market}: {probe.name}", probe) for market, probes in found.items() for probe in probes)
        return ready([msgspec.structs.replace(probe, name=name) for name, probe in named])

    async def _status(self, _request: Request) -> Answer:
        found = await self.probes()
        groups = {opened.market.title: found[opened.market.name] for opened in self.opened}
        links = {opened.market.title: _links(opened) for opened in self.opened}
        return Answer(200, [HTML, (b"cache-control", b"no-store")], status_page("Souk", groups, links))

    async def _index(self, request: Request) -> Answer:
        return await self._status(request)

    async def _metrics(self, _request: Request) -> Answer:
        page = await asyncio.to_thread(self.telemetry.metrics.render)
        return Answer(200, [(b"content-type", CONTENT_TYPE.encode())], page)

    async def _asset(self, request: Request) -> Answer:
        found = asset(request.path_params["name"], request.headers.get("accept-encoding", "").encode("latin-1"))
        return found or refused(NoSuchPath())

    async def probes(self) -> dict[str, list[Probe]]:
        """Every question about every market, asked at once. Whoever wants to know meanwhile hears the same answer:
        however many ask, it takes one connection of each market.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> dict[str, list[Probe]]:
        found = await asyncio.gather(*(run(checks(opened)) for opened in self.opened))
        return {opened.market.name: probes for opened, probes in zip(self.opened, found, strict=True)}


HTML = (b"content-type", b"text/html; charset=utf-8")


def checks(opened: OpenMarket) -> dict[str, Check]:
    """What is asked about one market."""

    async def database() -> str:
        missing = await opened.database.read(lambda tx: pending(tx, sources_of(opened.market)))
        if missing:
            raise Failing(f"{missing} migrations have not run; run `souk migrate`")
        return "reached, migrated"

    async def queue() -> str:
        depth = opened.depth
        if opened.blind:
            raise Failing("it cannot be looked at; the log says why")
        if depth is None:
            return "not known yet"
        if depth.oldest_seconds > LATE_SECONDS:
            raise Failing(f"the oldest of {depth.due} due jobs has waited {depth.oldest_seconds:.0f} s; is a worker running?")
        return f"{depth.due} due, {depth.dead} dead"

    return {"database": database, "queue": queue}


class Described:
    """A market's OpenAPI description, made when it is first asked for."""

    def __init__(self, opened: OpenMarket, operations: Sequence[Operation[..., Any]]) -> None:
        self._opened = opened
        self._operations = operations
        self._made: bytes | None = None

    async def answer(self, _request: Request) -> Answer:
        if self._made is None:
            market = self._opened.market
            examples = {kind: example for module in market.modules for kind, example in module.examples.items()}
            described = describe(market.title, market.base, self._operations, market.roles, examples=examples)
            self._made = msgspec.json.encode(described)
        return Answer(200, [(b"content-type", b"application/json"), (b"cache-control", b"no-cache")], self._made)


def _links(opened: OpenMarket) -> dict[str, str]:
    """Where the status page leads to in a market, by the text of the link."""
    base, mailbox = opened.market.base, mailbox_path(opened)
    return {"API": f"{base}/docs", "Reference": f"{base}/reference", **({"Mail": mailbox} if mailbox else {})}


def _always(answer: Answer) -> Page:
    async def page(_request: Request) -> Answer:
        return answer

    return page


def response(answer: Answer, headers: Headers) -> Response:
    """An answer as Starlette sends it."""
    made = Response(answer.body, answer.status)
    made.raw_headers = [(b"content-length", b"%d" % len(answer.body)), *answer.headers, *headers]
    return made
