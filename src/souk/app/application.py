"""`Application`: every market of this instance, compiled and opened, behind one edge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from souk.app import development, paying
from souk.app.opened import OpenMarket
from souk.app.shell import Shell
from souk.app.sockets import LiveMarket
from souk.app.watching import traced_handler
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.http.compiling import Handler, compile_operation
from souk.kernel.http.edge import Edge
from souk.kernel.http.headers import api_headers
from souk.kernel.http.limits import Limiter
from souk.kernel.http.operation import Operation
from souk.kernel.http.request import CURRENT
from souk.kernel.http.routes import Routes
from souk.kernel.http.site import Site
from souk.kernel.http.target import Target
from souk.kernel.live import routes as live_routes
from souk.kernel.telemetry import Telemetry, add_context


class Application:
    """What one process serves: `edge` answers, `start` and `stop` open and close what stands behind it."""

    def __init__(self, settings: Settings, markets: Sequence[Market], admin_dsn: str, telemetry: Telemetry) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.opened = [OpenMarket(market, admin_dsn, settings, telemetry) for market in markets]
        self.operations = {opened.market.name: operations_of(opened.market, settings) for opened in self.opened}
        limiter = Limiter()
        self.live = [LiveMarket(opened, limiter, telemetry) for opened in self.opened if opened.channel is not None]
        self.shell = Shell(self.opened, self.operations, self.live, telemetry, production=settings.production)
        routes = self._routes(limiter)
        headers = api_headers(production=settings.production)
        self.edge = Edge(routes, self.shell, telemetry.access, headers, settings.trusted_proxies)
        self._running: list[asyncio.Task[None]] = []
        add_context(of_request)

    async def start(self, *, work: bool, serve: bool = True) -> None:
        """Open every market; with `work`, do its jobs in this process too. Without `serve` it hears nothing for sockets."""
        self.telemetry.serve()
        begun = await asyncio.gather(*(opened.start(work=work, serve=serve) for opened in self.opened), return_exceptions=True)
        for failed in begun:
            if failed is not None:
                raise failed  # now that none is still on its way: what has begun can be stopped
        if serve:
            self._running += [asyncio.create_task(live.server.run(self.edge.stopping)) for live in self.live]

    async def stop(self) -> None:
        """Close every market."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(opened.stop() for opened in self.opened))

    def _routes(self, limiter: Limiter) -> Routes[Target]:
        routes: Routes[Target] = Routes()
        for opened in self.opened:
            site = opened.site(limiter)
            for operation in self.operations[site.name]:
                meter = self.telemetry.metrics.meter(site.name, operation.name, operation.method)
                target = Target(operation, site, self._handler(operation, site), meter)
                routes.add(operation.method, site.base + operation.path, target)
                if operation.method == "GET":
                    routes.add("HEAD", site.base + operation.path, target)
        if self.opened and not self.settings.production:
            self._add_paying(routes, self.opened[0].site(limiter))
        return routes

    def _add_paying(self, routes: Routes[Target], site: Site) -> None:
        """What finds its market by itself. Its limits are those of one of them."""
        site = replace(site, resources={**site.resources, paying.Markets: paying.Markets(self.opened)})
        for operation in paying.OPERATIONS:
            meter = self.telemetry.metrics.meter(site.name, operation.name, operation.method)
            routes.add(operation.method, operation.path, Target(operation, site, self._handler(operation, site), meter))

    def _handler(self, operation: Operation[..., Any], site: Site) -> Handler:
        handle = compile_operation(operation, site)
        tracer = self.telemetry.tracer
        return handle if tracer is None else traced_handler(handle, operation, site.name, site.base, tracer)


def operations_of(market: Market, settings: Settings) -> tuple[Operation[..., Any], ...]:
    """Every operation of a market in this mode."""
    live = live_routes.OPERATIONS if market.live is not None else ()
    own = (*(operation for module in market.modules for operation in module.operations), *live)
    if settings.production:
        return own
    return (*own, *(operation for module in market.modules for operation in module.development), *development.OPERATIONS)


def of_request() -> Mapping[str, object]:
    """For log lines: which request is being answered."""
    request = CURRENT.get(None)
    return {} if request is None else {"request_id": request.request_id.decode(), "path": request.path}
