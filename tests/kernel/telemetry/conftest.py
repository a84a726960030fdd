"""A small real HTTP server that keeps what it is sent, and log lines kept in memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec
import pytest

from souk.kernel.telemetry.logs import start_logs, stop_logs


class Receiver:
    """Stands where a collector or Sentry stands: answers 200 and keeps every body by its path."""

    def __init__(self) -> None:
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.put((self.path, httpx.Response(200, headers=self.headers.items(), content=body).content))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def next(self) -> tuple[str, bytes]:
        """The next request that came in."""
        return self.received.get(timeout=10)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Lines:
    """Log lines as they were written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, lines: bytes) -> None:
        self.written.append(lines)

    @property
    def text(self) -> str:
        return b"".join(self.written).decode()

    @property
    def json(self) -> list[dict[str, Any]]:
        return msgspec.json.Decoder(dict[str, Any]).decode_lines(self.text)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def json_log(lines: Lines) -> Iterator[Lines]:
    """Logging as in production, into memory."""
    start_logs(level="info", json=True, write=lines.write)
    yield lines
    stop_logs()


@pytest.fixture
def console_log(lines: Lines) -> Iterator[Lines]:
    """Logging as in development, into memory."""
    start_logs(level="debug", json=False, write=lines.write)
    yield lines
    stop_logs()
