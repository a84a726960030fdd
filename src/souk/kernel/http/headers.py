"""The headers that every answer carries, made once at start: one set for the API, one for the HTML pages."""

from __future__ import annotations

from typing import Final

Headers = tuple[tuple[bytes, bytes], ...]

_EVERYWHERE: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
)

_API: Final[Headers] = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, Origin, Accept-Encoding"),
)
"""An answer may be kept by the caller's own browser, and is asked about (`If-None-Match`) before it is used again."""

_PAGE_POLICY: Final = (
    b"default-src 'none'",
    b"script-src 'self'",
    b"style-src 'self' 'unsafe-inline'",
    b"img-src 'self' data:",
    b"font-src 'self' data:",
    b"connect-src 'self'",
    b"base-uri 'none'",
    b"form-action 'self'",
    b"frame-ancestors 'none'",
)

_PAGES: Final[Headers] = (
    (b"content-security-policy", b"; ".join(_PAGE_POLICY)),
    (b"vary", b"Accept-Encoding"),
)
"""The bundled API pages: scripts, data and fonts from here only. Their components set styles, which CSP cannot name one by one."""

_HSTS: Final[Headers] = ((b"strict-transport-security", b"max-age=63072000; includeSubDomains"),)


def api_headers(*, production: bool) -> Headers:
    """What a JSON answer carries."""
    return (*_EVERYWHERE, *_API, *(_HSTS if production else ()))


def page_headers(*, production: bool) -> Headers:
    """What an HTML page or its assets carry."""
    return (*_EVERYWHERE, *_PAGES, *(_HSTS if production else ()))


API_HEADERS: Final = api_headers(production=False)
PAGE_HEADERS: Final = page_headers(production=False)
