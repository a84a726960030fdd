"""`Request`: what a compiled operation gets from the edge, whatever server carries it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any, Final, Protocol

from souk.kernel.http.guards import Actor


class Source(Protocol):
    """Where a body that is not held yet comes from."""

    def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body piece by piece; more than `limit` bytes are refused."""
        ...

    async def whole(self, limit: int) -> bytes:
        """The body at once, within its limits of size and time."""
        ...


def joined_twice(name: bytes, first: bytes, second: bytes) -> bytes:
    """A header that came twice, as one line (RFC 9110, 5.3). One that may come only once is then none of its kind."""
    return first + (b"; " if name == b"cookie" else b", ") + second


def headers_of(lines: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """A head's lines by their name, which is in lower case already."""
    headers = dict(lines)
    if len(headers) < len(lines):
        headers.clear()
        for name, value in lines:
            headers[name] = value if name not in headers else joined_twice(name, headers[name], value)
    return headers


class Request:
    """One HTTP request. The body is read only by an operation that asks for it."""

    __slots__ = ("actor", "address", "body", "headers", "method", "parameters", "path", "query", "request_id", "source")

    def __init__(  # noqa: PLR0913, PLR0917 - made once for every request, so by position
        self,
        method: str,
        path: str,
        query: bytes,
        headers: dict[bytes, bytes],
        parameters: tuple[str, ...],
        address: str,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.parameters = parameters
        self.address = address
        self.request_id = b""
        self.actor: Actor | None = None
        self.body: bytes | None = None
        self.source: Source | None = None

    def header(self, name: str) -> str:
        """A header's value, or an empty string."""
        return self.headers.get(name.lower().encode("latin-1"), b"").decode("latin-1")

    async def read(self, limit: int) -> bytes:
        """The whole body."""
        if self.body is None:
            self.body = await self.source.whole(limit) if self.source else b""
        return self.body

    def chunks(self, limit: int) -> AsyncIterator[bytes]:
        """The body as it arrives, for what is too large to hold."""
        if self.source is None:
            raise TypeError("this request was read whole already")
        return self.source.chunks(limit)


CURRENT: Final[ContextVar[Any]] = ContextVar("souk_request")
"""The request being answered: log lines and traces take their ids from it."""
