"""The pages of an API: Swagger UI and Scalar, from files that are served here and nowhere else.

The pages hold no script of their own, so their Content-Security-Policy (`headers.page_headers`) allows none.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Final

import brotli
import msgspec

from souk.kernel.http.answer import Answer
from souk.kernel.http.compression import accepts

ASSETS: Final = Path(__file__).parent / "assets"
SCALAR: Final = "scalar-1.46.4.js"
SWAGGER: Final = "swagger-ui-5.35.0.js"
SWAGGER_STYLE: Final = "swagger-ui-5.35.0.css"
SWAGGER_START: Final = "swagger-start.js"

MEDIA_TYPES: Final = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8"}
FOREVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
BRIEFLY: Final = (b"cache-control", b"public, max-age=300")

SCALAR_SETTINGS: Final = {
    "telemetry": False,
    "withDefaultFonts": False,
    "hideClientButton": True,
    "showDeveloperTools": "never",
    "agent": {"disabled": True},
    "mcp": {"disabled": True},
}
"""Everything that would ask another server for something is off."""


def swagger_page(title: str, spec: str, assets: str) -> Answer:
    """A page where an API can be read and tried. `spec` and `assets` are the addresses of the description and of the files."""
    return _page(
        title,
        f'<link rel="stylesheet" href="{escape(assets)}/{SWAGGER_STYLE}">'
        f'<script src="{escape(assets)}/{SWAGGER}"></script>'
        f'<script src="{escape(assets)}/{SWAGGER_START}" data-spec="{escape(spec)}"></script>',
        '<div id="api"></div>',
    )


def scalar_page(title: str, spec: str, assets: str) -> Answer:
    """A page where an API can be read in comfort."""
    settings = msgspec.json.encode({"url": spec, **SCALAR_SETTINGS}).decode()
    return _page(
        title,
        "",
        f'<script id="api-reference" type="application/json" data-configuration="{escape(settings)}"></script>'
        f'<script src="{escape(assets)}/{SCALAR}"></script>',
    )


def _page(title: str, head: str, body: str) -> Answer:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><link rel="icon" href="data:,">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{head}</head><body>{body}</body></html>'
    )
    return Answer(200, [(b"content-type", b"text/html; charset=utf-8"), BRIEFLY], html.encode())


FILES: Final = {file.name.removesuffix(".br"): file for file in ASSETS.iterdir() if file.name.removesuffix(".br").endswith((".js", ".css"))}


def asset(name: str, accept: bytes = b"") -> Answer | None:
    """One of the files, in the coding the client reads; None when there is no such file."""
    if name not in FILES:
        return None
    packed, kept = FILES[name].suffix == ".br", _bytes(name)
    headers = [(b"content-type", MEDIA_TYPES[Path(name).suffix]), FOREVER if packed else BRIEFLY]
    if not packed:
        return Answer(200, headers, kept)
    if accepts(accept, "br"):
        return Answer(200, [*headers, (b"content-encoding", b"br")], kept)
    if accepts(accept, "gzip"):
        return Answer(200, [*headers, (b"content-encoding", b"gzip")], _gzip(name))
    return Answer(200, headers, _plain(name))


@lru_cache
def _bytes(name: str) -> bytes:
    return FILES[name].read_bytes()


@lru_cache
def _plain(name: str) -> bytes:
    found: bytes = brotli.decompress(_bytes(name))
    return found


@lru_cache
def _gzip(name: str) -> bytes:
    return zlib.compress(_plain(name), 6, 31)
