"""Smaller answers, and answers not sent at all: content codings above 1 KiB, ETags, and what a client knows already.

Levels are the ones that favour speed: zstd 1 takes 7 µs for 3 KB, and neither brotli nor gzip is worth more. A body
above 64 KiB is compressed in a thread, so nobody else waits for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import brotli
import zstandard

from souk.kernel.http.answer import Answer

COMPRESS_ABOVE: Final = 1024
IN_THREAD_ABOVE: Final = 64 * 1024

COMPRESSIBLE: Final = (b"text/", b"application/json", b"application/javascript", b"application/xml", b"image/svg+xml")
"""Everything else is compressed by its own format already, or too small to matter."""

_zstd: Final = zstandard.ZstdCompressor(level=1).compress


def _zstd_in_thread(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(body)  # a compressor may not be shared between threads


def _brotli(body: bytes) -> bytes:
    found: bytes = brotli.compress(body, quality=2)
    return found


def _gzip(body: bytes) -> bytes:
    return zlib.compress(body, 1, 31)


CODINGS: Final[dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]]] = {
    "zstd": (_zstd, _zstd_in_thread),
    "br": (_brotli, _brotli),
    "gzip": (_gzip, _gzip),
}
"""In the order of our own taste, for clients that have none; on the loop and in a thread."""


@lru_cache(maxsize=1024)
def choose(accept: bytes) -> str:
    """The coding a client likes best of those we have; an empty string for none. There are few such headers, so they are remembered."""
    likes = _likes(accept)
    others = likes.get("*", 0.0)
    best = max(CODINGS, key=lambda name: likes.get(name, others))
    weight = likes.get(best, others)
    return best if weight > 0 and weight >= likes.get("identity", 0.0) else ""


def accepts(accept: bytes, coding: str) -> bool:
    """Whether a client reads one coding."""
    likes = _likes(accept)
    return likes.get(coding, likes.get("*", 0.0)) > 0


def _likes(accept: bytes) -> dict[str, float]:
    likes: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, _, parameter = part.partition(";")
        likes[name.strip()] = _weight(parameter)
    return likes


def _weight(parameter: str) -> float:
    name, _, number = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(number)))
    except ValueError:
        return 0.0


async def compressed(answer: Answer, accept: bytes) -> None:
    """Compress an answer's body in place, if it is worth it and the client can read it."""
    coding = choose(accept)
    if not coding or len(answer.body) <= COMPRESS_ABOVE or not _worth_it(answer):
        return
    on_loop, in_thread = CODINGS[coding]
    large = len(answer.body) > IN_THREAD_ABOVE
    answer.body = await asyncio.to_thread(in_thread, answer.body) if large else on_loop(answer.body)
    answer.headers = [(name, b"W/" + value if name == b"etag" and value[:1] == b'"' else value) for name, value in answer.headers]
    answer.headers.append((b"content-encoding", coding.encode()))


def _worth_it(answer: Answer) -> bool:
    kind = b""
    for name, value in answer.headers:
        if name == b"content-encoding":
            return False
        if name == b"content-type":
            kind = value
    return kind.startswith(COMPRESSIBLE)


# What the client knows already


def etag_of(body: bytes) -> bytes:
    """A strong validator of a body: 96 bits of BLAKE2b. A compressed answer carries the same one as a weak validator."""
    return b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


def matches(known: bytes, tag: bytes) -> bool:
    """Whether `If-None-Match` names this tag. Reading compares weakly, as RFC 9110 says."""
    if known == tag:
        return True
    return any(part.strip().removeprefix(b"W/") in (tag, b"*") for part in known.split(b","))
