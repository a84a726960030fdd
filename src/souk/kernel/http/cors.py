"""CORS: which web origins may call a market from a browser. Everyone else gets no header at all, and the browser refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from souk.kernel.http.answer import Answer

Headers = tuple[tuple[bytes, bytes], ...]

REQUEST_HEADERS: Final = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id"
EXPOSED: Final = b"Content-Disposition, ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"


class Cors:
    """The whitelist of one market. The answer to each origin is made at start; a request is one look-up."""

    __slots__ = ("_headers", "_preflight")

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._headers: dict[bytes, Headers] = {}
        self._preflight: dict[bytes, Headers] = {}
        for origin in origins:
            name = _checked(origin)
            self._headers[name] = (
                (b"access-control-allow-origin", name),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-expose-headers", EXPOSED),
            )
            self._preflight[name] = ((b"access-control-allow-headers", REQUEST_HEADERS), (b"access-control-max-age", b"600"))

    def headers(self, origin: bytes) -> Headers:
        """What an answer to this origin carries. That answers vary by origin is said on all of them (`headers.py`)."""
        return self._headers.get(origin, ())

    def preflight(self, headers: Mapping[bytes, bytes], allowed: str) -> Answer:
        """The answer to `OPTIONS`: `allowed` is what the path answers. `headers` come besides, as on every answer."""
        answer = Answer(204, [(b"allow", allowed.encode())])
        granted = self._preflight.get(headers.get(b"origin", b""))
        if granted is not None and b"access-control-request-method" in headers:
            answer.headers += (*granted, (b"access-control-allow-methods", allowed.encode()))
        return answer


def _checked(origin: str) -> bytes:
    if not re.fullmatch(r"https?://[a-z0-9.\-\[\]:]+", origin):
        raise ValueError(f"{origin!r} is no origin: write scheme://host[:port] in lower case, without a path; wildcards are not possible")
    return origin.encode()
