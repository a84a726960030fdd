"""A load generator light enough not to be what is measured: keep-alive connections, requests built beforehand, answers checked.

Every answer's status is checked; every 64th body goes to the case's own check. An answer that is wrong ends the run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import quantiles
from typing import Final

import msgspec
import uvloop

CONNECTIONS: Final = 32
EVERY: Final = 64


class WrongAnswer(AssertionError):
    """The server answered something else than it should have: the figures mean nothing."""


class Call(msgspec.Struct, frozen=True):
    """One request as bytes, and what its answer has to be."""

    request: bytes
    status: bytes
    check: Callable[[bytes], bool]


class Figures(msgspec.Struct, frozen=True):
    """What a round of load came to."""

    per_second: float
    p50: float
    p99: float
    answers: int
    cpu: float
    """The share of its core that the load itself took."""


class Round:
    """What the connections of one round share."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.next = 0
        self.nanoseconds: list[int] = []
        self.open = True
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self.open = False
        if not self.failed.done():
            self.failed.set_exception(error)


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the last one is answered."""

    def __init__(self, shared: Round) -> None:
        self.shared = shared
        self.buffer = b""
        self.call = shared.calls[0]
        self.sent = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment] # uvloop's transport is no subclass
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.shared.open:
            self.shared.fail(WrongAnswer(f"the server closed a connection: {exc}"))
        if not self.done.done():
            self.done.set_result(None)

    def send(self) -> None:
        shared = self.shared
        at = shared.next
        shared.next = at + 1 if at + 1 < len(shared.calls) else 0
        self.call = call = shared.calls[at]
        self.sent = time.perf_counter_ns()
        self.transport.write(call.request)

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        head = data.find(b"\r\n\r\n")
        at = data.find(b"content-length: ", 0, head)
        if head < 0 or (at >= 0 and len(data) < head + 4 + int(data[at + 16 : data.index(b"\r", at)])):
            self.buffer = data
            return
        self.buffer = b""
        shared = self.shared
        shared.nanoseconds.append(time.perf_counter_ns() - self.sent)
        if data[9:12] != self.call.status:
            shared.fail(WrongAnswer(f"{data[:1000]!r} to {self.call.request[:200]!r}"))
        elif len(shared.nanoseconds) % EVERY == 0 and not self.call.check(data[head + 4 :]):
            shared.fail(WrongAnswer(f"the body is wrong: {data[:2000]!r} to {self.call.request[:200]!r}"))
        if shared.open:
            self.send()
        elif not self.done.done():
            self.done.set_result(None)


async def _run(ports: Sequence[int], calls: Sequence[Call], seconds: float, connections: int) -> Figures:
    loop = asyncio.get_running_loop()
    shared = Round(calls)
    began, cpu = time.perf_counter(), time.process_time()
    made = [await loop.create_connection(lambda: Connection(shared), "127.0.0.1", ports[i % len(ports)]) for i in range(connections)]
    await asyncio.wait([shared.failed], timeout=seconds)
    shared.open = False
    answered = len(shared.nanoseconds)
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    if shared.failed.done():
        shared.failed.result()
    await asyncio.wait([connection.done for _transport, connection in made], timeout=10)
    if shared.failed.done():
        shared.failed.result()
    shared.failed.cancel()
    for transport, _connection in made:
        transport.close()
    return figures(shared.nanoseconds, answered, took, spent)


class Steady(Round):
    """A round whose requests are sent when their time has come, however late the answers are."""

    def __init__(self, calls: Sequence[Call]) -> None:
        super().__init__(calls)
        self.free: deque[Unhurried] = deque()


class Unhurried(Connection):
    """Sends when it is told to, and is free again when it has its answer."""

    shared: Steady

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment] # uvloop's transport is no subclass
        self.shared.free.append(self)

    def send(self) -> None:
        self.shared.free.append(self)

    def ask(self) -> None:
        super().send()


async def _run_steadily(port: int, calls: Sequence[Call], per_second: float, enough: Callable[[], bool]) -> Figures:
    loop = asyncio.get_running_loop()
    shared = Steady(calls)
    made = [await loop.create_connection(lambda: Unhurried(shared), "127.0.0.1", port) for _ in range(CONNECTIONS)]
    began, cpu, sent = time.perf_counter(), time.process_time(), 0
    while shared.open and not enough():
        for _ in range(int((time.perf_counter() - began) * per_second) - sent):
            if not shared.free:
                made.append(await loop.create_connection(lambda: Unhurried(shared), "127.0.0.1", port))
            shared.free.popleft().ask()
            sent += 1
        await asyncio.sleep(0.5 / per_second)
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    shared.open = False
    if busy := [connection.done for _transport, connection in made if connection not in shared.free]:
        await asyncio.wait(busy, timeout=10)
    if shared.failed.done():
        shared.failed.result()
    shared.failed.cancel()
    for transport, _connection in made:
        transport.close()
    return figures(shared.nanoseconds, len(shared.nanoseconds), took, spent)


def figures(nanoseconds: Sequence[int], answered: int, took: float, spent: float) -> Figures:
    cuts = quantiles(nanoseconds, n=100)
    return Figures(answered / took, cuts[49] / 1e6, cuts[98] / 1e6, len(nanoseconds), spent / took)


def load(ports: Sequence[int], calls: Sequence[Call], seconds: float, *, connections: int = CONNECTIONS) -> Figures:
    """Drive the calls in turn over all connections for so many seconds."""
    return uvloop.run(_run(ports, calls, seconds, connections))


def steady(port: int, calls: Sequence[Call], per_second: float, enough: Callable[[], bool]) -> Figures:
    """So many of the calls a second, evenly, until it is enough: none waits for the answer to another."""
    return uvloop.run(_run_steadily(port, calls, per_second, enough))


def request(method: str, path: str, *, token: str = "", body: bytes | None = None, headers: Sequence[str] = ()) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json", *headers]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")
