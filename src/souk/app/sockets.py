"""The live channel of an opened market: its server, and the entrance that stands at `/<market>/socket.io`."""

from __future__ import annotations

from souk.app.opened import OpenMarket
from souk.kernel.http.headers import api_headers
from souk.kernel.http.limits import ANONYMOUS, Limiter, per_address
from souk.kernel.live.entrance import Entrance, Origins
from souk.kernel.live.server import LiveServer
from souk.kernel.telemetry import Telemetry


class LiveMarket:
    """What one market's sockets connect to in this process."""

    def __init__(self, opened: OpenMarket, limiter: Limiter, telemetry: Telemetry) -> None:
        market, settings = opened.market, opened.settings
        if market.live is None or opened.channel is None:
            raise TypeError(f"{market.name} declares nothing live")
        development = not settings.production
        self.path = f"/{market.name}/socket.io"
        self.server = LiveServer(
            market.live,
            opened.channel,
            database=opened.database,
            tokens=opened.tokens,
            roles=market.roles,
            limiter=limiter,
            guesses=per_address(ANONYMOUS, development=development),
        )
        self.entrance = Entrance(
            self.server.engine,
            Origins((*market.origins, settings.reached_at), development=development),
            limiter,
            api_headers(production=settings.production),
            settings.trusted_proxies,
            development=development,
        )
        metrics = telemetry.metrics
        metrics.gauge("souk_live_sockets", "Live connections.", lambda: len(self.server.hall), market=market.name)
        for name, (about, read) in self.server.counts().items():
            metrics.counter(name, about, read, market=market.name)
