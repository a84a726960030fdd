"""Uploads: a body that arrives piece by piece and is never held whole, within limits of size and patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from souk.kernel.http.refusals import BodyCutShort, BodyTooLarge, BodyTooSlow

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

IDLE_SECONDS: Final = 10.0
SLOWEST: Final = 4 * 1024
"""Bytes a second that an upload must keep up on the whole, so that a trickle does not hold a connection for hours."""


async def chunks(
    receive: Receive, limit: int, *, announced: bytes = b"", idle: float = IDLE_SECONDS, slowest: int = SLOWEST
) -> AsyncIterator[bytes]:
    """The pieces of a body. `announced` is its Content-Length: what is said to be too large is refused before it is read."""
    if announced.isdigit() and int(announced[:20]) > limit:
        raise BodyTooLarge(limit=limit)
    loop = asyncio.get_running_loop()
    started, received, more = loop.time(), 0, True
    while more:
        deadline = min(loop.time() + idle, started + idle + received / slowest)
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow(seconds=round(deadline - started)) from None
        if message["type"] == "http.disconnect":
            raise BodyCutShort
        part: bytes = message.get("body", b"")
        more = bool(message.get("more_body", False))
        received += len(part)
        if received > limit:
            raise BodyTooLarge(limit=limit)
        if part:
            yield part
