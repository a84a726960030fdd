"""The server: uvicorn's, with the fast edge (`Wire`) in front and a shutdown that lets us finish what is ours."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn

from souk.kernel.http.beyond import Beyond
from souk.kernel.http.edge import Edge
from souk.kernel.http.websocket import LARGEST_MESSAGE, Websocket
from souk.kernel.http.wire import Heads, Wire

GRACE_SECONDS: Final = 5
COLLECT_AFTER: Final = (10_000, 10, 10)
"""How many objects more there are before the young ones are looked through, and how many times that before the old ones are."""
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class WebServer(uvicorn.Server):
    """Serves an edge until told to stop: no new connections, requests in flight finished, then the lifespan's end."""

    def __init__(self, edge: Edge, *, grace: int = GRACE_SECONDS, when_started: Callable[[], None] = lambda: None) -> None:
        self._edge = edge
        self._heads = Heads(edge.headers)
        self._when_started = when_started
        super().__init__(
            uvicorn.Config(
                edge,
                loop="none",
                http=_protocols(edge, self._heads),  # type: ignore[arg-type]  # any callable that makes a protocol will do
                ws=Websocket,
                ws_max_size=LARGEST_MESSAGE,
                ws_ping_interval=None,  # Engine.IO pings
                ws_per_message_deflate=False,  # 40 KiB a connection, for messages that are short
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # `client_address` alone says which proxies are believed, on both edges
                timeout_graceful_shutdown=grace,
                timeout_keep_alive=75,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        settle()
        self._when_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then what uvicorn does: no new connections, and a moment for those that are at work."""
        self._edge.stopping.set()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, by uvicorn: keep the date current and close what is silent."""
        leaving = await super().on_tick(counter)
        if counter % 10 == 0:
            self._heads.renew(self.server_state.default_headers)
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, (Wire, Beyond, Websocket)):
                    connection.sweep(now)
        return leaving

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal, and return normally: the caller still has a worker and a database to close."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            with contextlib.suppress(ValueError, RuntimeError):  # not the main thread: whoever runs us stops us
                loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                with contextlib.suppress(ValueError, RuntimeError):
                    loop.remove_signal_handler(number)


def settle() -> None:
    """Let the garbage collector leave alone what is here from the start, and look for cycles less often.

    With some thousand connections it would stop everything for tenths of a second, to find next to nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _protocols(edge: Edge, heads: Heads) -> Callable[..., asyncio.Protocol]:
    """What makes a protocol for each new connection, as uvicorn calls it."""

    def protocol(config: Any, server_state: Any, app_state: Any, _loop: asyncio.AbstractEventLoop | None = None) -> Wire:
        loop = _loop or asyncio.get_running_loop()

        def hand_over() -> asyncio.Protocol:
            return Beyond(edge, heads, config, server_state, app_state, loop)

        return Wire(edge, hand_over, server_state.connections, heads, loop)

    return protocol
