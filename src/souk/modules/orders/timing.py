"""What the clock has to do: armed when a state is entered, a step is taken, or a moment changes; stale when the order has gone on.

Nothing is disarmed: a timer says for which entry it was armed, and whoever fires it looks again, under lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from souk.modules.orders.kinds import Kind
from souk.modules.orders.model import Timer
from souk.process import CLOCK, Field, Step, Time
from souk.process.times import FirstOf, roots


class Moments(msgspec.Struct, frozen=True):
    """What is known of when: the state that the order is in, since when, and when steps were taken last."""

    state: StrEnum | None
    entered: datetime
    taken: Mapping[str, datetime]


def due(time: Time, order: Any, known: Moments) -> datetime | None:
    """When that is for an order; None where its moment is not known. Of several, the first is that of those which are."""
    moments = [_moment(root.since, order, known) for root in roots(time)]
    times = [moment + root.delay for moment, root in zip(moments, roots(time), strict=True) if moment is not None]
    return min(times) if times and (isinstance(time, FirstOf) or len(times) == len(moments)) else None


def _moment(since: StrEnum | str | Field, order: Any, known: Moments) -> datetime | None:
    if isinstance(since, Field):
        found: datetime | None = getattr(order, since.name)
        return found
    if isinstance(since, StrEnum):
        return known.entered if since == known.state else None
    return known.taken.get(since)


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
    known = Moments(state, now, {step: now})
    for waiting, number, time in of_clock(kind, state):
        if counts_from(time, entered=state if is_entry else None, taken=step, changed=changed):
            when = due(time, order, known)
            if when is not None:
                yield Armed(Timer(kind.name, order.id, waiting.name, number, entered_at), when)


def armed_anew(kind: Kind, order: Any, known: Moments, entered_at: int) -> Iterator[Armed]:
    """All that the clock may do in a state which the order has been in for a while: nothing begins to count again."""
    for waiting, number, time in of_clock(kind, kind.state(order.state)):
        when = due(time, order, known)
        if when is not None:
            yield Armed(Timer(kind.name, order.id, waiting.name, number, entered_at), when)


def postponed(step: Step, timer: Timer, order: Any, now: datetime) -> datetime | None:
    """When a timer fires after all, where the moment that it counts from was moved since it was armed."""
    time = step.at[timer.number]
    if not all(isinstance(root.since, Field) for root in roots(time)):
        return None
    when = due(time, order, Moments(None, now, {}))
    return when if when is not None and when > now else None
