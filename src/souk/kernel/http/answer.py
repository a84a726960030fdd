"""Answers: what an operation may return, and how it becomes status, headers and bytes.

A plain value is wrapped in the envelope. `Reply` adds a message, a status, headers or cookies; `Content` is bytes of
another type (a PDF, a CSV); `Redirect` sends the caller elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from souk.kernel.errors import Refusal

T = TypeVar("T")
Header = tuple[bytes, bytes]

ENCODER: Final = msgspec.json.Encoder()
JSON: Final[Header] = (b"content-type", b"application/json")
NO_BODY: Final = (204, 304)
"""Statuses whose answers have no body, and do not say how long it is."""


class Answer:
    """What goes out: a status, headers and bytes, or a stream of events (`streams.ServerEvent`)."""

    __slots__ = ("body", "events", "headers", "status")

    def __init__(self, status: int, headers: list[Header], body: bytes = b"", events: AsyncIterator[Any] | None = None) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.events = events


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """A value with something said about it."""

    data: T
    message: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


class Redirect(msgspec.Struct, frozen=True):
    """The caller finds it elsewhere, for a while."""

    url: str
    status: int = 302


class Content(msgspec.Struct, frozen=True):
    """A document that is not JSON."""

    body: bytes
    media_type: str
    filename: str = ""
    inline: bool = False


def envelope(data: object, message: str = "") -> bytes:
    """`{"success": true, "data": …}`."""
    if message:
        return b'{"success":true,"message":%b,"data":%b}' % (ENCODER.encode(message), ENCODER.encode(data))
    return b'{"success":true,"data":%b}' % ENCODER.encode(data)


def paged_envelope(items: object, pagination: object) -> bytes:
    """The envelope of a list, with where in it the caller stands."""
    return b'{"success":true,"data":%b,"pagination":%b}' % (ENCODER.encode(items), ENCODER.encode(pagination))


def refused(refusal: Refusal) -> Answer:
    """A refusal as every client sees it."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.text()}
    if refusal.fields:
        error["details"] = refusal.details()
    headers = [JSON, *(header(name, value) for name, value in refusal.headers())]
    return Answer(refusal.status, headers, ENCODER.encode({"success": False, "error": error}))


def header(name: str, value: str) -> Header:
    """A header as it goes out. A line break in it would let whoever chose the value write headers of their own."""
    if not {"\r", "\n", "\0"}.isdisjoint(value):
        raise ValueError(f"the header {name} cannot hold {value!r}")
    return name.lower().encode("ascii"), value.encode("latin-1")


def document(content: Content) -> Answer:
    """Bytes with their type, and a name to save them under."""
    headers: list[Header] = [(b"content-type", content.media_type.encode("latin-1"))]
    if content.filename:
        where = "inline" if content.inline else "attachment"
        quoted = content.filename.encode("ascii", "replace").decode().replace('"', "'").replace("\r", "").replace("\n", "")
        headers.append((b"content-disposition", f'{where}; filename="{quoted}"'.encode()))
    return Answer(200, headers, content.body)


def redirect(to: Redirect) -> Answer:
    """The answer that sends the caller elsewhere."""
    return Answer(to.status, [header("location", to.url), (b"cache-control", b"no-store")])
