"""The store inside the process: bounded by entries and bytes, the least recently used go first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from souk.kernel.cache.cache import NotACounter

OVERHEAD = 200
"""What an entry costs besides its key and value, roughly."""


class LocalStore:
    """Keeps bytes in memory. `monotonic` is the clock that values expire by."""

    def __init__(self, *, entries: int = 50_000, size: int = 32 * 1024 * 1024, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.entries = entries
        self.size = size
        self.used = 0
        """The bytes that are taken, overhead included."""
        self._monotonic = monotonic
        self._kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: str) -> bytes | None:
        return self._alive(key)

    async def set(self, key: str, value: bytes, seconds: float) -> None:
        self._keep(key, value, self._monotonic() + seconds)

    async def add(self, key: str, value: bytes, seconds: float) -> bool:
        if self._alive(key) is not None:
            return False
        self._keep(key, value, self._monotonic() + seconds)
        return True

    async def incr(self, key: str, by: int, seconds: float) -> int:
        known = self._alive(key)
        if known is None:
            self._keep(key, b"%d" % by, self._monotonic() + seconds)
            return by
        try:
            total = int(known) + by
        except ValueError:
            raise NotACounter(f"{key} holds something else than a whole number") from None
        self._keep(key, b"%d" % total, self._kept[key][1])
        return total

    async def delete(self, key: str) -> None:
        self._forget(key)

    async def close(self) -> None:
        self._kept.clear()
        self.used = 0

    def _alive(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        if found is None:
            return None
        if found[1] <= self._monotonic():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return found[0]

    def _keep(self, key: str, value: bytes, until: float) -> None:
        self._forget(key)
        if self._cost(key, value) > self.size:
            return
        self._kept[key] = (value, until)
        self.used += self._cost(key, value)
        while self.used > self.size or len(self._kept) > self.entries:
            oldest, (lost, _) = self._kept.popitem(last=False)
            self.used -= self._cost(oldest, lost)

    def _forget(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.used -= self._cost(key, found[0])

    @staticmethod
    def _cost(key: str, value: bytes) -> int:
        return len(key) + len(value) + OVERHEAD
