"""Souk as it is installed: `souk serve` and `souk up` as processes of their own, and a plain client to prepare what load needs."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.filled import SECRET, Sample
from bench.machine import SERVER_CORE, Program, free_port, running
from souk.markets.sample import SAMPLE

SOUK: Final = Path(sys.executable).with_name("souk")
READY: Final = "souk: ready on"


class Server(msgspec.Struct, frozen=True):
    """A running server."""

    port: int
    program: Program

    def ask(self, method: str, path: str, *, token: str = "", body: object = None) -> Any:
        """One request of the sample market, decoded; anything but success is an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        connection.request(method, SAMPLE.base + path, msgspec.json.encode(body) if body is not None else None, headers)
        answer = connection.getresponse()
        raw = answer.read()
        connection.close()
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {raw!r}"
        return msgspec.json.decode(raw)

    def tokens(self, role: str, how_many: int) -> list[str]:
        """Access tokens of the people whose orders stand ready."""
        return [self.ask("POST", "/sign-in", body={"name": f"{role} {i}", "role": role})["data"]["accessToken"] for i in range(how_many)]


def settings(made: Sample, port: int, home: Path) -> dict[str, str]:
    """The environment of a server on the filled database."""
    return {
        "SOUK_ENV": "development",
        "SOUK_MARKETS": SAMPLE.name,
        "SOUK_PORT": str(port),
        "SOUK_HOME": str(home),
        "SOUK_DATABASE_URL": made.admin_dsn,
        "SOUK_SECRET": SECRET,
        "SOUK_LOG_FORMAT": "json",
    }


@contextmanager
def souk(
    made: Sample,
    home: Path,
    *,
    cores: Sequence[int] = (SERVER_CORE,),
    words: Sequence[str] = ("serve",),
    more: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """One server process on cores of its own, until the end of the block."""
    port = free_port()
    with running([SOUK, *words], ready=READY, cores=cores, environ={**settings(made, port, home), **(more or {})}) as program:
        yield Server(port, program)
