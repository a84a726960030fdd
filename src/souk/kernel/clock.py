"""Business time. Every deadline, timer and date of an order comes from a market's `Clock`, so development and tests can move it.

Leases, time-outs and rate limits are not business time: they use the database's own clock or the monotonic one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """The machine's time. Only `Clock` and the logs may ask for it."""
    return datetime.now(UTC)


class Clock:
    """The time of one market: the machine's time plus an offset that only development and tests ever set."""

    __slots__ = ("_offset", "_source")

    def __init__(self, source: Callable[[], datetime] = utc_now) -> None:
        self._source = source
        self._offset = timedelta()

    def now(self) -> datetime:
        return self._source() + self._offset

    @property
    def offset(self) -> timedelta:
        """How far this market's time is ahead of the machine's."""
        return self._offset

    def move_to(self, offset: timedelta) -> None:
        """Take over an offset that was stored. Time never runs backwards."""
        self._offset = max(offset, self._offset)
