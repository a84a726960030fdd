"""`Cache`: one market's part of a store, with making on demand; `Typed` reads and writes values of one type in it.

A `Store` keeps bytes by key, in process (`LocalStore`) or on a server that processes share; every one passes the same tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import msgspec

T = TypeVar("T")


class NotACounter(TypeError):
    """`incr` met a value that is no whole number."""


class Store(Protocol):
    """Where the bytes are. Seconds are always a positive number: nothing is kept for ever."""

    async def get(self, key: str) -> bytes | None:
        """The value, unless it was never set, was deleted, expired or was evicted."""
        ...

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for that long, whatever was there."""
        ...

    async def add(self, key: str, value: bytes, seconds: float) -> bool:
        """Keep a value only if there is none; whether it was kept. Atomic, so exactly one of many wins."""
        ...

    async def incr(self, key: str, by: int, seconds: float) -> int:
        """Add to a counter and answer the sum. The first addition starts its time; later ones do not prolong it."""
        ...

    async def delete(self, key: str) -> None:
        """Forget a value."""
        ...

    async def close(self) -> None:
        """Let go of what the store holds."""
        ...


class Cache:
    """A store seen by one market: its keys cannot meet another's."""

    def __init__(self, store: Store, market: str) -> None:
        self._store = store
        self._prefix = f"{market}:"
        self._making: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, key: str) -> bytes | None:
        return await self._store.get(self._prefix + key)

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        self._making.pop(key, None)
        await self._store.set(self._prefix + key, value, _positive(seconds))

    async def add(self, key: str, value: bytes, seconds: float) -> bool:
        """Keep a value only if there is none; whether it was kept."""
        return await self._store.add(self._prefix + key, value, _positive(seconds))

    async def incr(self, key: str, seconds: float, by: int = 1) -> int:
        """Add to a counter that lives that long from its first addition."""
        return await self._store.incr(self._prefix + key, by, _positive(seconds))

    async def delete(self, key: str) -> None:
        """Forget a value. One that is being made at this moment is not kept either: it may be of before the change."""
        self._making.pop(key, None)
        await self._store.delete(self._prefix + key)

    async def get_or_make(self, key: str, seconds: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The value, made when it is absent. Callers of one process that miss at once share one making, and its failure.

        A caller that gives up does not take the making from the others.
        """
        found = await self.get(key)
        if found is not None:
            return found
        making = self._making.get(key)
        if making is None:
            making = asyncio.create_task(self._make(key, _positive(seconds), make))
            making.add_done_callback(_seen)
            self._making[key] = making
        return await asyncio.shield(making)

    async def _make(self, key: str, seconds: float, make: Callable[[], Awaitable[bytes]]) -> bytes:
        me = asyncio.current_task()
        try:
            value = await make()
            if self._making.get(key) is me:
                await self._store.set(self._prefix + key, value, seconds)
            return value
        finally:
            if self._making.get(key) is me:
                del self._making[key]


class Typed(Generic[T]):
    """Values of one type under one name of a cache. A value that cannot be read any more counts as absent."""

    def __init__(self, cache: Cache, name: str, kind: type[T]) -> None:
        self._cache = cache
        self._name = f"{name}:"
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._encode = msgspec.msgpack.Encoder().encode

    async def get(self, key: str) -> T | None:
        found = await self._cache.get(self._name + key)
        if found is None:
            return None
        try:
            return self._decoder.decode(found)
        except msgspec.DecodeError:  # an older version of the program wrote it
            await self._cache.delete(self._name + key)
            return None

    async def set(self, key: str, value: T, seconds: float) -> None:
        await self._cache.set(self._name + key, self._encode(value), seconds)

    async def add(self, key: str, value: T, seconds: float) -> bool:
        """Keep a value only if there is none; whether it was kept."""
        return await self._cache.add(self._name + key, self._encode(value), seconds)

    async def delete(self, key: str) -> None:
        await self._cache.delete(self._name + key)

    async def get_or_make(self, key: str, seconds: float, make: Callable[[], Awaitable[T]]) -> T:
        """The value, made once when it is absent."""
        found = await self.get(key)
        if found is not None:
            return found

        async def encoded() -> bytes:
            return self._encode(await make())

        return self._decoder.decode(await self._cache.get_or_make(self._name + key, seconds, encoded))


def _positive(seconds: float) -> float:
    if seconds > 0:
        return seconds
    raise ValueError(f"a value is kept for a positive time, not {seconds} s")


def _seen(making: asyncio.Task[bytes]) -> None:
    """A failure is told to those who wait; when nobody waits any more it is of no interest."""
    if not making.cancelled():
        making.exception()
