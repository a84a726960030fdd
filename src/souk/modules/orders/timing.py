"""What the clock has to do: armed when a state is entered, a step is taken, or a moment changes; stale when the order has gone on.

Nothing is disarmed: a timer says for which entry it was armed, and whoever fires it looks again, under lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from souk.modules.orders.kinds import Kind
from souk.modules.orders.model import Timer
from souk.process import CLOCK, Field, Step, Time
from souk.process.times import FirstOf, roots


def due(time: Time, order: Any, entered: datetime, taken: datetime) -> datetime | None:
    """When that is for an order; None where its moment is not known."""
    moments = [_moment(root.since, order, entered, taken) for root in roots(time)]
    times = [moment + root.delay for moment, root in zip(moments, roots(time), strict=True) if moment is not None]
    return min(times) if times and (isinstance(time, FirstOf) or len(times) == len(moments)) else None


def _moment(since: StrEnum | str | Field, order: Any, entered: datetime, taken: datetime) -> datetime | None:
    if isinstance(since, Field):
        found: datetime | None = getattr(order, since.name)
        return found
    return entered if isinstance(since, StrEnum) else taken


def counts_from(time: Time, *, entered: StrEnum | None, taken: str, changed: frozenset[str]) -> bool:
    """Whether a step begins the time anew: it entered a state, it is the one that counts, or it changed the moment."""
    for root in roots(time):
        if isinstance(root.since, Field):
            if entered is not None or root.since.name in changed:
                return True
        elif isinstance(root.since, StrEnum):
            if root.since == entered:
                return True
        elif root.since == taken:
            return True
    return False


def of_clock(kind: Kind, state: StrEnum) -> Iterator[tuple[Step, int, Time]]:
    """What the clock may do in a state, and when."""
    for step in kind.process.leaving(state):
        if CLOCK in step.by:
            yield from ((step, number, time) for number, time in enumerate(step.at))


class Armed(msgspec.Struct, frozen=True):
    """A timer, and when it fires."""

    timer: Timer
    at: datetime

    @property
    def key(self) -> str:
        """Of one order, step and time there is one timer: a newer takes the place of it."""
        return f"{self.timer.order_id} {self.timer.step} {self.timer.number}"


def armed(  # noqa: PLR0913 - what was done, and to what
    kind: Kind, order: Any, state: StrEnum, now: datetime, *, step: str, entered_at: int, is_entry: bool, changed: frozenset[str]
) -> Iterator[Armed]:
    """What a step arms."""
    for waiting, number, time in of_clock(kind, state):
        if counts_from(time, entered=state if is_entry else None, taken=step, changed=changed):
            when = due(time, order, now, now)
            if when is not None:
                yield Armed(Timer(kind.name, order.id, waiting.name, number, entered_at), when)


def postponed(step: Step, timer: Timer, order: Any, now: datetime) -> datetime | None:
    """When a timer fires after all, where the moment that it counts from was moved since it was armed."""
    time = step.at[timer.number]
    if not all(isinstance(root.since, Field) for root in roots(time)):
        return None
    when = due(time, order, now, now)
    return when if when is not None and when > now else None
