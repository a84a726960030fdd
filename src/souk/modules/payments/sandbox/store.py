"""`Store`: where the bank keeps its books. A change is kept whole or not at all, and never over another that came between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import msgspec

KEYS_KEPT: Final = timedelta(hours=24)


class Stale(Exception):
    """What was read has changed meanwhile. Nothing was kept: read again."""


class Kept(msgspec.Struct):
    """One object as it is kept."""

    kind: str
    id: str
    account: str
    """Whose it is: the platform's (empty) or a connected account's."""
    version: int
    created_at: datetime
    due_at: datetime | None
    """When the bank looks at it again by itself."""
    content: str
    """The object as JSON."""


class Answered(msgspec.Struct):
    """What a call with an idempotency key was answered, and for which call that was."""

    key: str
    asked: str
    """The call and its parameters, as a digest."""
    refused: bool
    answer: str
    at: datetime


class Delivery(msgspec.Struct):
    """An event on its way to the market. One event may be on its way several times."""

    id: str
    event: str
    """The event's id, by which one can be told that came twice."""
    raw: str
    due_at: datetime
    created_at: datetime
    attempts: int = 0


class Asked(msgspec.Struct, kw_only=True):
    """Which objects of a kind are wanted, newest first."""

    kind: str
    account: str = ""
    where: Mapping[str, Any] = {}
    since: datetime | None = None
    before: datetime | None = None
    after_id: str | None = None
    """Only those that come after this one."""
    limit: int = 100


class Store(Protocol):
    """What the bank asks of a store."""

    async def load(self, kind: str, object_id: str) -> Kept | None:
        """An object."""
        ...

    async def found(self, asked: Asked) -> list[Kept]:
        """Objects, newest first."""
        ...

    async def answered(self, key: str) -> Answered | None:
        """What that key was answered."""
        ...

    async def save(self, objects: Sequence[Kept], answered: Answered | None, deliveries: Sequence[Delivery]) -> None:
        """Keep all of it. Versions are those that were read, 0 for what is new; Stale when one of them is not the latest any more."""
        ...

    async def due(self, now: datetime, limit: int) -> list[Kept]:
        """Objects that the bank should look at, the longest overdue first."""
        ...

    async def take_deliveries(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Events to be sent now; nobody else gets them before `until`, by which time the attempt is settled or dead."""
        ...

    async def delivered(self, delivery_id: str) -> None:
        """It arrived."""
        ...

    async def postponed(self, delivery_id: str, until: datetime | None) -> None:
        """It did not arrive; it is tried again then, or never."""
        ...

    async def tidy(self, before: datetime) -> None:
        """Forget keys of before that time."""
        ...


class MemoryStore:
    """Books in memory: they end with the process."""

    def __init__(self) -> None:
        self._objects: dict[tuple[str, str], Kept] = {}
        self._answers: dict[str, Answered] = {}
        self._deliveries: dict[str, Delivery] = {}

    async def load(self, kind: str, object_id: str) -> Kept | None:
        """An object."""
        return self._objects.get((kind, object_id))

    async def found(self, asked: Asked) -> list[Kept]:
        """Objects, newest first."""
        last = self._objects.get((asked.kind, asked.after_id or ""))
        fitting = [kept for kept in self._objects.values() if fits(kept, asked, last)]
        return sorted(fitting, key=place, reverse=True)[: asked.limit]

    async def answered(self, key: str) -> Answered | None:
        """What that key was answered."""
        return self._answers.get(key)

    async def save(self, objects: Sequence[Kept], answered: Answered | None, deliveries: Sequence[Delivery]) -> None:
        """Keep all of it; nothing can come between, since nothing here waits."""
        for kept in objects:
            there = self._objects.get((kept.kind, kept.id))
            if kept.version != (there.version if there else 0):
                raise Stale
        if answered is not None:
            known = self._answers.get(answered.key)
            if known is not None and known.at > answered.at - KEYS_KEPT:
                raise Stale
            self._answers[answered.key] = answered
        for kept in objects:
            self._objects[kept.kind, kept.id] = msgspec.structs.replace(kept, version=kept.version + 1)
        self._deliveries |= {delivery.id: delivery for delivery in deliveries}

    async def due(self, now: datetime, limit: int) -> list[Kept]:
        """Objects that the bank should look at."""
        waiting = [(kept.due_at, kept) for kept in self._objects.values() if kept.due_at is not None and kept.due_at <= now]
        return [kept for _, kept in sorted(waiting, key=lambda each: each[0])][:limit]

    async def take_deliveries(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Events to be sent now."""
        waiting = sorted((each for each in self._deliveries.values() if each.due_at <= now), key=lambda each: (each.due_at, each.id))[
            :limit
        ]
        for each in waiting:
            self._deliveries[each.id] = msgspec.structs.replace(each, due_at=until, attempts=each.attempts + 1)
        return [self._deliveries[each.id] for each in waiting]

    async def delivered(self, delivery_id: str) -> None:
        """It arrived."""
        self._deliveries.pop(delivery_id, None)

    async def postponed(self, delivery_id: str, until: datetime | None) -> None:
        """It did not arrive."""
        waiting = self._deliveries.pop(delivery_id, None)
        if waiting is not None and until is not None:
            self._deliveries[delivery_id] = msgspec.structs.replace(waiting, due_at=until)

    async def tidy(self, before: datetime) -> None:
        """Forget old keys."""
        self._answers = {key: known for key, known in self._answers.items() if known.at >= before}


def fits(kept: Kept, asked: Asked, last: Kept | None) -> bool:
    """Whether an object is one of those that are wanted."""
    if (kept.kind, kept.account) != (asked.kind, asked.account):
        return False
    if (asked.since and kept.created_at < asked.since) or (asked.before and kept.created_at >= asked.before):
        return False
    if last is not None and place(kept) >= place(last):
        return False
    content = msgspec.json.decode(kept.content) if asked.where else {}
    return all(content.get(name) == value for name, value in asked.where.items())


def place(kept: Kept) -> tuple[datetime, str]:
    """Where an object stands in a list."""
    return kept.created_at, kept.id
