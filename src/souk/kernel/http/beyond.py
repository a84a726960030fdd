"""What `Wire` hands over is spoken by uvicorn's protocol, with the bounds and manners that it lacks.

Bounded here as there: the size of a head, the time in which a head must arrive, the time in which an answer must be read. A body
that comes on after its answer is not read for ever. What is no HTTP is refused in the usual envelope.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from souk.kernel.errors import Refusal
from souk.kernel.http.edge import Edge
from souk.kernel.http.refusals import BodyTooSlow, HeadersTooLarge, MalformedRequest
from souk.kernel.http.request import Request
from souk.kernel.http.wire import ARRIVAL_SECONDS, HEAD_LIMIT, Heads, head_size, one_host, patience, written


class Beyond(HttpToolsProtocol):
    """One connection that left `Wire`. It never goes back: whatever it asks for now is answered through ASGI."""

    def __init__(self, edge: Edge, heads: Heads, *uvicorns: Any) -> None:
        super().__init__(*uvicorns)
        self._edge = edge
        self._heads = heads
        self._begun = 0.0
        """Since when a head is arriving, on the loop's clock; zero when none is."""
        self._head = 0
        self._unfinished = False
        """Whether a body is arriving."""
        self._in_order = 0.0
        """When a body was last seen arriving that somebody still waits for."""
        self._patience = 0.0
        """Until when the client may take to read; zero when it keeps up."""
        self._why: type[Refusal] = MalformedRequest

    def data_received(self, data: bytes) -> None:
        begun = self._begun
        super().data_received(data)
        if begun and self._begun == begun:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self._refuse(HeadersTooLarge(limit=HEAD_LIMIT))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun, self._head = self.loop.time(), 0

    def on_headers_complete(self) -> None:
        if head_size(self.url, self.headers) > HEAD_LIMIT:
            self._why = HeadersTooLarge
            raise ValueError("the head is too large")  # uvicorn answers what its parser raises by `send_400_response`
        hosts = [value for name, value in self.headers if name == b"host"]
        parser: Any = self.parser
        if parser.get_http_version() == "1.1" and (len(hosts) != 1 or not one_host(hosts[0])):
            raise ValueError("exactly one Host is wanted")
        self._begun = 0.0
        self._unfinished = True
        self._in_order = self.loop.time()
        super().on_headers_complete()
        if self._get_upgrade() is None:
            self.headers = []  # for trailers: after the head was believed, nothing may change it

    def on_message_complete(self) -> None:
        self._unfinished = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        del msg
        self._refuse(HeadersTooLarge(limit=HEAD_LIMIT) if self._why is HeadersTooLarge else MalformedRequest())

    def pause_writing(self) -> None:
        super().pause_writing()
        self._patience = patience(self.transport, self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._patience = 0.0

    def sweep(self, now: float) -> None:
        """Close a connection that begins a request and never ends it, or does not read what it asked for."""
        if not self._unfinished or self._answering() is not None:
            self._in_order = now
        if (self._patience and now > self._patience) or now - self._in_order > ARRIVAL_SECONDS:
            self.transport.abort()
        elif self._begun and now - self._begun > ARRIVAL_SECONDS:
            self._refuse(BodyTooSlow(seconds=int(ARRIVAL_SECONDS)))

    def _answering(self) -> Any:
        """The latest request, unless it is answered."""
        cycle: Any = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _refuse(self, refusal: Refusal) -> None:
        """Say what is wrong, and close. Behind an answer that is under way nothing is said: it would stand in its middle."""
        self._begun = 0.0
        if self.transport.is_closing():
            return
        cycle = self._answering()
        if cycle is None or (self._unfinished and not cycle.response_started and not self.pipeline):
            request = Request("", "", b"", {}, (), self.client[0] if self.client else "")
            self.transport.write(written(self._heads, self._edge.refuse(request, {}, refusal), keep=False, head=False))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        self.transport.close()
