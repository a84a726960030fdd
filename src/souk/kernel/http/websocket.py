"""A websocket as uvicorn speaks it, with the bounds and manners that it lacks: who does not read what was sent is cut off.

An application finds it in its scope, to `push` what it says to a thousand listeners without a task, an encoding and a frame for each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from souk.kernel.http.wire import patience

LARGEST_MESSAGE: Final = 64 * 1024
"""Bytes of one message from a client; a longer one ends the connection."""

ITSELF: Final = "souk.websocket"
"""Where a scope has it."""

QUIET: Final = logging.getLogger("uvicorn.error.websocket")
QUIET.setLevel(logging.WARNING)  # the access log says who connected, and without the query: it holds the id of a connection


def nothing() -> None:
    """What is done about it when nobody asked."""


class Websocket(WebSocketsSansIOProtocol):
    """One connection that was upgraded."""

    def __init__(self, *uvicorns: Any, **named: Any) -> None:
        super().__init__(*uvicorns, **named)
        self.logger = self.conn.logger = QUIET
        self._patience = 0.0
        """Until when the client may take to read; zero when it keeps up."""
        self.when_free: Callable[[], None] = nothing
        """Called when it takes frames again."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            scope: Any = self.scope
            scope[ITSELF] = self

    @property
    def free(self) -> bool:
        """Whether it takes another frame: it is open, and its client reads."""
        return self.writable.is_set() and self.handshake_complete and not (self.close_sent or self.transport.is_closing())

    def push(self, frame: bytes) -> None:
        """Send a frame now. Only while it is `free`."""
        self.transport.write(frame)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._patience = patience(self.transport, self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._patience = 0.0
        self.when_free()

    def sweep(self, now: float) -> None:
        """Close a connection that does not read."""
        if self._patience and now > self._patience:
            self.transport.abort()


def text_frame(text: str) -> bytes:
    """A text as a websocket's server sends it."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
