"""Server-sent events: how they are written, and how a stream of them lives: a heartbeat when it is quiet, an end when it must.

A stream holds no transaction and no connection to the database. A client that comes back says in `Last-Event-ID` what it
saw last, and the operation goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from souk.kernel.http.refusals import invalid

HEARTBEAT: Final = b": still here\n\n"
HEARTBEAT_SECONDS: Final = 15.0
LONGEST_ID: Final = 200

_ENDED: Final = object()


class ServerEvent(msgspec.Struct, frozen=True):
    """One event. `data` is text, or any value, which is then written as JSON. `retry` tells the client when to come back, in ms."""

    data: Any
    event: str = ""
    id: str = ""
    retry: int = 0


def encode(event: ServerEvent) -> bytes:
    """An event as it goes over the wire. Line breaks in data become lines; in names, where they would forge fields, they vanish."""
    text = event.data if isinstance(event.data, str) else msgspec.json.encode(event.data).decode()
    lines = []
    if event.id:
        lines.append(f"id: {_one_line(event.id)}")
    if event.event:
        lines.append(f"event: {_one_line(event.event)}")
    if event.retry:
        lines.append(f"retry: {event.retry}")
    lines += (f"data: {line}" for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return ("\n".join(lines) + "\n\n").encode()


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "").replace("\0", "")


async def beating(events: AsyncIterator[ServerEvent], *stops: asyncio.Event, seconds: float = HEARTBEAT_SECONDS) -> AsyncIterator[bytes]:
    """The events as bytes, with heartbeats between. Ends with them, or when one of `stops` is set: the client left, the server stops."""
    ends = [asyncio.ensure_future(stop.wait()) for stop in stops]
    coming: asyncio.Future[Any] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({coming, *ends}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if any(end in done for end in ends):
                return
            if coming not in done:
                yield HEARTBEAT
                continue
            event, coming = coming.result(), None
            if event is _ENDED:
                return
            yield encode(event)
    finally:
        await _close(events, [task for task in (coming, *ends) if task is not None])


async def _next(events: AsyncIterator[ServerEvent]) -> Any:
    return await anext(events, _ENDED)


async def _close(events: AsyncIterator[ServerEvent], tasks: list[asyncio.Future[Any]]) -> None:
    """Let the source clean up, whatever it was waiting for."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()


async def leaving(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], left: asyncio.Event) -> None:
    """Set `left` when the client is gone. The edge runs this beside the stream."""
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()


def last_event_id(headers: dict[bytes, bytes]) -> str:
    """What the client saw last; an empty string when it is new."""
    raw = headers.get(b"last-event-id", b"")
    if len(raw) > LONGEST_ID or not raw.isascii() or not raw.decode("ascii").isprintable():
        raise invalid("Last-Event-ID", "is not an id that this stream gave out")
    return raw.decode("ascii")
