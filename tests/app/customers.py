"""Customers who never give up: each request has an idempotency key and is repeated until it is acknowledged.

What they were promised is remembered, to be compared with what the database holds when everything is over.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self
from uuid import uuid4

import msgspec

from tests.app.asking import Answer, ask
from tests.app.running import BASE

PROVIDER = str(uuid4())


class Promise(msgspec.Struct, frozen=True):
    """A request that was acknowledged, and how."""

    who: str
    path: str
    key: str
    body: dict[str, Any]
    answer: bytes
    id: str


class Wrong(AssertionError):
    """An answer that no fault explains."""


class Customers:
    """Some customers who place orders, hold money and write messages, at any of several addresses of one market."""

    called: ClassVar[str] = "customer"
    pause: ClassVar[float] = 0.05
    """Seconds before a request is sent again."""
    rest: ClassVar[float] = 0.1
    """Seconds between an order and the next: whoever was killed has to begin again beside all this, on two cores."""

    def __init__(self, addresses: Sequence[str], many: int = 4) -> None:
        self.orders: dict[str, Promise] = {}
        """Acknowledged orders by title."""
        self.messages: dict[str, Promise] = {}
        """Acknowledged messages by text."""
        self.holds: dict[str, Promise] = {}
        """Acknowledged holds by id."""
        self.repeats = 0
        """How many requests had to be sent again."""
        self.headers: dict[str, dict[str, str]] = {}
        self._next = itertools.cycle(addresses).__next__
        self.many = many
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._shop(f"{self.called} {number}")) for number in range(self.many)]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Leave at once, in the middle of whatever they were asking."""
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for result in results:
            if not isinstance(result, (asyncio.CancelledError, type(None))):
                raise result

    @property
    def acknowledged(self) -> int:
        return len(self.orders) + len(self.messages) + len(self.holds)

    async def have_been_served(self, more: int, within: float = 20) -> None:
        """Until so many more requests have been acknowledged."""
        wanted = self.acknowledged + more
        async with asyncio.timeout(within):
            while self.acknowledged < wanted:
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    async def ask_again(self, promise: Promise) -> bytes:
        """The answer to a request that was acknowledged before."""
        answer = await self._once(promise.path, promise.key, promise.body, self.headers[promise.who])
        assert answer is not None
        return answer.body

    async def _shop(self, name: str) -> None:
        self.headers[name] = await self._sign_in(name)
        await self._insist("/gifts", {"amount": 10**9}, name)
        for number in itertools.count():
            title = f"{name}, order {number}"
            wanted = {"providerId": PROVIDER, "title": title, "price": number, "currency": "EUR"}
            held = await self._insist("/holds", {"amount": 100 + number}, name)
            self.holds[held.id] = held
            self.orders[title] = order = await self._insist("/orders", wanted, name)
            for part in range(3):
                text = f"{title}, message {part}"
                self.messages[text] = await self._insist(f"/orders/{order.id}/messages", {"body": text}, name)
            await asyncio.sleep(self.rest)

    async def _sign_in(self, name: str, role: str = "customer") -> dict[str, str]:
        while True:
            said = await ask("POST", self._next() + BASE + "/sign-in", document={"name": name, "role": role})
            if said is not None and said.status == 200:
                return {"Authorization": f"Bearer {said.document['data']['accessToken']}"}
            await asyncio.sleep(self.pause)

    async def _insist(self, path: str, body: dict[str, Any], who: str, *, until: str = "") -> Promise:
        """Ask until it is acknowledged; or until that is the status that is told."""
        key = str(uuid4())
        while True:
            answer = await self._once(path, key, body, self.headers[who])
            if answer is not None and (not until or answer.document["data"]["status"] == until):
                told = answer.document["data"]
                return Promise(who, path, key, body, answer.body, told.get("id") or told["paymentId"])
            self.repeats += 1
            await asyncio.sleep(self.pause)

    async def _once(self, path: str, key: str, body: dict[str, Any], headers: dict[str, str]) -> Answer | None:
        """One try. None when a fault came between, so that it has to be repeated."""
        answer = await ask("POST", self._next() + BASE + path, document=body, headers={**headers, "Idempotency-Key": key})
        if answer is None or answer.status in (200, 201):
            return answer
        if answer.status == 503 or (answer.status == 409 and answer.code in {"KEY_IN_FLIGHT", "CONTENDED"}):
            return None
        raise Wrong(f"{path} answered {answer.status}: {answer.body.decode()}")


def doubled(found: Sequence[str]) -> Iterator[str]:
    """What is there more than once."""
    return (each for each, group in itertools.groupby(sorted(found)) if len(list(group)) > 1)
