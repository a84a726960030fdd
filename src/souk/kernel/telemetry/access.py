"""The access log: one line a request, at the price of one append.

`note` keeps a tuple; a thread renders and writes what has come together ten times a second, at once after a failure,
and at the end. A reader of the log that stands still never stops a request: the oldest lines are dropped, and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Final, Literal, Protocol
from uuid import UUID

import msgspec

from souk.kernel.clock import utc_now
from souk.kernel.telemetry.redaction import redact_text

EVERY: Final = 0.1
CHUNK: Final = 256
"""Lines rendered in one go: the interpreter is free for requests again after each."""

LIMIT: Final = 50_000
LONGEST_PATH: Final = 300
FAILED: Final = 500


class Caller(Protocol):
    """Who asked."""

    @property
    def id(self) -> UUID: ...


Note = tuple[float, str, str, int, float, bytes, str, Caller | None]


class AccessLine(msgspec.Struct, omit_defaults=True):
    """One request as JSON."""

    time: datetime
    level: Literal["info", "warning", "error"]
    event: Literal["request", "access lines lost"]
    market: str = ""
    request_id: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    ms: float = 0.0
    actor: UUID | None = None
    lines: int = 0


class AccessLog:
    """Takes notes of requests and writes them in batches. `start` it once the process is the one that serves."""

    def __init__(self, write: Callable[[bytes], None], *, json: bool = True, limit: int = LIMIT, every: float = EVERY) -> None:
        self.lost = 0
        """How many lines were dropped, oldest first, because they could not be written in time."""
        self._told = 0
        self._write = write
        self._render = json_lines if json else console_lines
        self._limit = limit
        self._every = every
        self._notes: deque[Note] = deque(maxlen=limit)
        self._wake = threading.Event()
        self._flushing = threading.Lock()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def note(  # noqa: PLR0913, PLR0917 - a tuple of them is all it makes
        self, method: str, path: str, status: int, seconds: float, request_id: bytes, market: str, actor: Caller | None
    ) -> None:
        """Remember one answered request."""
        notes = self._notes
        if len(notes) == self._limit:
            self.lost += 1
        notes.append((time(), method, path, status, seconds, request_id, market, actor))
        if status >= FAILED:
            self._wake.set()

    def start(self) -> None:
        """Write from now on."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="souk-access-log", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        """Write what is left; give up on a reader that does not take it in time."""
        self._stopping = True
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is None:
            self.flush()
        else:
            thread.join(patience)

    def flush(self) -> None:
        """Write everything that is noted."""
        with self._flushing:
            notes = self._notes
            left = len(notes)
            while left:
                chunk = [notes.popleft() for _ in range(min(left, CHUNK))]
                left -= len(chunk)
                self._write(self._render(chunk))
            lost = self.lost
            if lost > self._told:
                self._write(msgspec.json.encode(AccessLine(utc_now(), "warning", "access lines lost", lines=lost - self._told)) + b"\n")
                self._told = lost

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._every)
            self._wake.clear()
            self.flush()
        self.flush()


def json_lines(notes: list[Note]) -> bytes:
    """The notes as JSON, one a line."""
    lines = [line_of(note) for note in notes]
    try:
        return _ENCODER.encode_lines(lines)
    except UnicodeEncodeError:  # a path that is no UTF-8
        for line in lines:
            line.path = redact_text(line.path)
        return _ENCODER.encode_lines(lines)


def line_of(note: Note) -> AccessLine:
    """One note as a line."""
    at, method, path, status, seconds, request_id, market, actor = note
    return AccessLine(
        datetime.fromtimestamp(at, UTC),
        "info" if status < FAILED else "error",
        "request",
        market,
        request_id.decode("ascii", "replace"),
        method,
        path if len(path) <= LONGEST_PATH else path[:LONGEST_PATH] + "…",
        status,
        round(seconds * 1000, 3),
        None if actor is None else actor.id,
    )


def console_lines(notes: list[Note]) -> bytes:
    """The notes as short lines for people."""
    return "".join(f"{_console_line(line_of(note))}\n" for note in notes).encode("utf-8", "replace")


def _console_line(line: AccessLine) -> str:
    path = line.path if line.path.isprintable() else ascii(line.path)
    return f"{line.time:%H:%M:%S} {line.status} {line.method:<6} {path} {line.ms:.1f} ms  [{line.request_id}]"


_ENCODER: Final = msgspec.json.Encoder()
