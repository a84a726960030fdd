"""A client for servers that are killed while they answer: a broken line is an answer too, and half an answer is none.

General clients keep connections and look into them, and stumble over those that die in between.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec

PATIENCE = 15.0


class Answer(msgspec.Struct, frozen=True):
    """A whole answer."""

    status: int
    body: bytes

    @property
    def document(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return str(self.document["error"]["code"])


async def ask(method: str, url: str, *, document: object = None, headers: dict[str, str] | None = None) -> Answer | None:
    """One request on a connection of its own; None when no whole answer came."""
    parts = urlsplit(url)
    body = b"" if document is None else msgspec.json.encode(document)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += ["Content-Type: application/json"] if body else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    try:
        async with asyncio.timeout(PATIENCE):
            return whole(await exchange(parts.hostname or "", parts.port or 80, "\r\n".join([*lines, "", ""]).encode() + body))
    except (OSError, EOFError):
        return None


async def exchange(host: str, port: int, request: bytes) -> bytes:
    """Send, and read until the server closes."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def whole(raw: bytes) -> Answer | None:
    """What was received, if all of it was."""
    head, end, body = raw.partition(b"\r\n\r\n")
    lengths = [int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return Answer(int(head.split()[1]), body) if end and lengths == [len(body)] else None
