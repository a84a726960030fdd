"""Souk as its users run it: real processes, started, asked over HTTP, stopped by a signal or killed.

Fixtures for `tests/app` and `tests/stories`: import them in a conftest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol
from uuid import uuid4
from zlib import crc32

import httpx
import pytest

from souk.app.choosing import chosen_markets
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.http.guards import Actor
from souk.kernel.http.tokens import Tokens
from tests.kernel.http.serving import IN_THE_CLEAR

BASE = "/sample/v1"
SOON = 60.0
"""Seconds after which what should have happened long ago will not happen: two cores may have much else to do."""

PROGRAM = (sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')")
SHOP = (sys.executable, "-m", "tests.app.shop")
"""The same, with money in the sample market."""


class Souk:
    """One `souk` process: what it said, where it listens, and its end."""

    here: ClassVar[list[Souk]] = []
    """Those that this test process has started and not closed."""

    def __init__(self, *words: str, home: Path, measured: bool = True, program: Sequence[str] = PROGRAM, **environment: str) -> None:
        left_out = ("SOUK_",) if measured else ("SOUK_", "COVERAGE_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        usual = {"SOUK_HOME": str(home), "SOUK_PORT": "0", "SOUK_MARKETS": "sample", "COLUMNS": "200"}
        self.words = words
        self.lines: list[str] = []
        """What it printed for its user."""
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._said = threading.Condition()
        self._over = False
        self.process = subprocess.Popen(
            [*program, *words], env={**inherited, **usual, **environment}, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        self.here.append(self)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def address(self) -> str:
        """Where it listens, as the last line of its start says."""
        return self.wait_for("souk: ready on ").rpartition(" ")[2]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for(self, beginning: str, within: float = SOON) -> str:
        """The first line that begins so; an error with all it said when it ends without."""

        def found() -> str | None:
            return next((line for line in self.lines if line.startswith(beginning)), None)

        with self._said:
            self._said.wait_for(lambda: found() is not None or self._over, within)
            line = found()
        if line is None:
            raise AssertionError(f"`souk {' '.join(self.words)}` never said {beginning!r}.\n{self.all_it_said()}")
        return line

    def all_it_said(self) -> str:
        """Output and log."""
        self.log.seek(0)
        return "\n".join(self.lines) + "\n" + self.log.read().decode(errors="replace")[-8000:]

    def ask_to_stop(self) -> None:
        """SIGTERM, as a process manager sends it."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self, within: float = SOON) -> int:
        """SIGTERM, and its exit code."""
        self.ask_to_stop()
        return self.ended(within)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.ended()

    def ended(self, within: float = SOON) -> int:
        """Wait for its end, and answer its exit code."""
        code = self.process.wait(within)
        self._reader.join(within)
        return code

    def close(self) -> None:
        """End it if it still runs, and let go of everything."""
        if self.running:
            try:
                self.stop(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._reader.join(SOON)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.log.close()
        self.here.remove(self)

    def _read(self, output: IO[str]) -> None:
        for line in output:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._over = True
            self._said.notify_all()

    # Asking it

    def client(self, name: str = "", role: str = "customer", *, base: str = BASE) -> httpx.Client:
        """A client of the sample market, signed in when a name is given."""
        headers = {}
        if name:
            answer = httpx.post(f"{self.address}{base}/sign-in", json={"name": name, "role": role}, timeout=30, **IN_THE_CLEAR)
            headers["Authorization"] = f"Bearer {answer.json()['data']['accessToken']}"
        return httpx.Client(base_url=self.address + base, headers=headers, timeout=30, **IN_THE_CLEAR)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """One request to a full path."""
        return httpx.get(self.address + path, headers=headers, timeout=30, **IN_THE_CLEAR)


class Start(Protocol):
    """Starts `souk` with these words and settings, in this test's home.

    measured: whether its coverage counts. One that will be killed writes none, and is faster without.
    """

    def __call__(self, *words: str, measured: bool = True, program: Sequence[str] = PROGRAM, **environment: str) -> Souk: ...


def new_home() -> Path:
    """An empty SOUK_HOME that the server's unprivileged user can enter, unlike pytest's own folders."""
    folder = Path(tempfile.mkdtemp(prefix="souk-app-"))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def home() -> Iterator[Path]:
    """A SOUK_HOME of one's own."""
    folder = new_home()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts processes, and ends those that are left: the latest first, so that an owner of a database outlives who joined it."""
    begun: list[Souk] = []

    def begin(*words: str, measured: bool = True, program: Sequence[str] = PROGRAM, **environment: str) -> Souk:
        begun.append(Souk(*words, home=home, measured=measured, program=program, **environment))
        return begun[-1]

    yield begin
    for souk in reversed(begun):
        souk.close()


@contextlib.contextmanager
def running(**environment: str) -> Iterator[Souk]:
    """`souk up` in a home of its own, for the length of a block."""
    folder = new_home()
    souk = Souk("up", home=folder, measured=True, **environment)
    try:
        assert souk.address
        yield souk
    finally:
        souk.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def up() -> Iterator[Souk]:
    """The sample market by `souk up`, for every test of this process that leaves it as it was."""
    with running() as souk:
        yield souk


@pytest.fixture(scope="session")
def everything() -> Iterator[Souk]:
    """Every market there is, by one `souk up`."""
    names = ",".join(market.name for market in every_market())
    with running(SOUK_MARKETS=names, SOUK_TRUSTED_PROXIES="127.0.0.1") as souk:
        yield souk


def coming_from(*where: object) -> dict[str, str]:
    """A header with an address of one's own: whoever asks `everything` very often uses up nobody else's limit."""
    number = crc32(repr(where).encode())
    return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}


def every_market() -> tuple[Market, ...]:
    """The installed markets and the sample."""
    installed = ",".join(market.name for market in chosen_markets(Settings.load({})))
    return chosen_markets(Settings.load({"SOUK_MARKETS": f"{installed},sample"}))


def tokens_of(market: str) -> Tokens:
    """What issues a market's tokens, as a process without settings of its own has it."""
    return Tokens(market, Settings.load({}).keys(f"access tokens of {market}"))


def bearer(market: str, *roles: str, **claims: Any) -> str:
    """An `Authorization` header of somebody with these roles."""
    return f"Bearer {tokens_of(market).issue(Actor(uuid4(), frozenset(roles), uuid4(), market), **claims)}"


def until(holds: Callable[[], bool], within: float = SOON) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def code(response: httpx.Response) -> str:
    """The code of a refusal, which has the envelope of failures."""
    document = response.json()
    assert document["success"] is False
    assert set(document["error"]) <= {"code", "message", "details"}
    return str(document["error"]["code"])


Person = Callable[..., httpx.Client]


@pytest.fixture
def person(up: Souk) -> Iterator[Person]:
    """Signs somebody in whom no other test knows: `person("customer")`."""
    with contextlib.ExitStack() as opened:

        def sign_in(role: str = "customer", name: str = "") -> httpx.Client:
            return opened.enter_context(up.client(name or f"{role} {uuid4()}", role))

        yield sign_in


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what every process said, when a test fails."""
    report = yield
    if report.failed:
        report.sections += [(f"souk {' '.join(souk.words)} ({souk.pid})", souk.all_it_said()) for souk in Souk.here]
    return report
