"""`LoopLag`: how late the event loop runs what is due. A loop that lags is a process that has too much to do, or waits where it may not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

EVERY: Final = 0.25


class LoopLag:
    """Asks to be called every quarter of a second and keeps by how much that was late."""

    def __init__(self, every: float = EVERY, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.latest = 0.0
        self._worst = 0.0
        self._every = every
        self._monotonic = monotonic
        self._due = 0.0
        self._call: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def worst(self) -> float:
        """The longest delay since the last time of asking, one that is still going on included."""
        pending = self._monotonic() - self._due if self._call is not None else 0.0
        worst = max(self._worst, pending, 0.0)
        self._worst = 0.0
        return worst

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = self._monotonic() + self._every
        self._call = loop.call_later(self._every, self._called, loop)

    def _called(self, loop: asyncio.AbstractEventLoop) -> None:
        self.latest = max(0.0, self._monotonic() - self._due)
        self._worst = max(self._worst, self.latest)
        self._arm(loop)
