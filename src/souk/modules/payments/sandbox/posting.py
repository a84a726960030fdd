"""Posting over HTTP: one request, one status, no more than that."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Final
from urllib.parse import urlsplit

PATIENCE: Final = 20.0
"""Seconds that an answer may take."""
STATUS: Final = slice(9, 12)
"""Where the status is in `HTTP/1.1 200 OK`."""


async def post(url: str, raw: bytes, headers: Mapping[str, str], patience: float = PATIENCE) -> int:
    """Send bytes there; answers the status, or 0 when there is none."""
    try:
        async with asyncio.timeout(patience):
            return await _post(url, raw, headers)
    except (OSError, EOFError, ValueError):  # a time-out, nobody there, a broken line, no HTTP
        return 0


async def _post(url: str, raw: bytes, headers: Mapping[str, str]) -> int:
    place = urlsplit(url)
    secure = place.scheme == "https"
    reader, writer = await asyncio.open_connection(
        place.hostname, place.port or (443 if secure else 80), ssl=_trusted() if secure else None
    )
    try:
        lines = {"Host": place.netloc, "Content-Length": str(len(raw)), "Connection": "close", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"POST {place.path or '/'} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + raw)
        await writer.drain()
        line = await reader.readuntil(b"\r\n")
        return int(line[STATUS]) if line.startswith(b"HTTP/1.") else 0
    finally:
        writer.close()


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()
