"""Faults on demand: how a provider fails in life, so that tests can ask for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum, auto


class Fault(StrEnum):
    """What goes wrong with one call."""

    TIMEOUT_BEFORE = auto()
    """No answer, and nothing happened."""
    TIMEOUT_AFTER = auto()
    """No answer, but it happened."""
    ERROR_BEFORE = auto()
    """500, and nothing happened or is remembered."""
    ERROR_AFTER = auto()
    """500, but it happened: the same key gets the answer."""
    ERROR_KEPT = auto()
    """500, nothing happened, and the same key gets this 500 for a day: Stripe keeps them like every other answer."""
    BUSY = auto()
    """429: nothing happened."""


class Faults:
    """Which calls fail next, and what becomes of events. Of one process; a new one has none."""

    def __init__(self) -> None:
        self._next: list[tuple[Fault, str]] = []
        self.late = timedelta()
        """How long after it happened an event is sent."""
        self.copies = 1
        """How often it is sent, even when it was received."""
        self.shuffle: random.Random | None = None
        """Sends events up to a minute later, each by chance: so in any order."""

    def next(self, fault: Fault, call: str, times: int = 1) -> None:
        """Let the next call of that name fail (`create_payment_intent`, `retrieve_payout`), or the next ones."""
        self._next += [(fault, call)] * times

    def take(self, call: str) -> Fault | None:
        """What goes wrong with this call; it is used up by that."""
        for place, (fault, name) in enumerate(self._next):
            if name == call:
                del self._next[place]
                return fault
        return None

    async def strike(self, call: str) -> Fault | None:
        """What goes wrong with this call, for the bank, which asks before each."""
        return self.take(call)

    def delays(self) -> Iterator[timedelta]:
        """How long after it happened each copy of an event is sent."""
        for _ in range(self.copies):
            yield self.late + (timedelta(seconds=self.shuffle.randrange(60)) if self.shuffle else timedelta())
