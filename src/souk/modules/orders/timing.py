"""What the clock has to do: armed when a state is entered, a step is taken, or a moment changes; stale when the order has gone on.

Nothing is disarmed: a timer says for which entry it was armed, and whoever fires it looks again, under lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from souk.modules.orders.kinds import Kind
from souk.modules.orders.model import Taken, Timer
from souk.process import Field, Step, Time
from souk.process.language import MIGRATED
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


class Armed(msgspec.Struct, frozen=True):
    """A timer, and when it fires."""

    timer: Timer
    at: datetime

    @property
    def key(self) -> str:
        """Of one order, step and time there is one timer: a newer takes the place of it."""
        return f"{self.timer.order_id} {self.timer.step} {self.timer.number}"


class Begins(msgspec.Struct, frozen=True):
    """What begins anew by a step: a time of a step of the clock's."""

    step: Step
    number: int

    @property
    def time(self) -> Time:
        return self.step.at[self.number]

    def looks_back(self, taken: str) -> bool:
        """Whether it counts from what was before this step, too: the state's entry, or another step."""
        return any(not isinstance(root.since, Field) and root.since != taken for root in roots(self.time))


def beginning(kind: Kind, state: StrEnum, *, step: str, is_entry: bool, changed: frozenset[str]) -> list[Begins]:
    """Which times a step begins anew in the state that it leads to."""
    return [
        Begins(waiting, number)
        for waiting, number, time in kind.clocked[state]
        if counts_from(time, entered=state if is_entry else None, taken=step, changed=changed)
    ]


def armed(kind: Kind, order: Any, begins: list[Begins], known: Moments, entered_at: int) -> Iterator[Armed]:
    """The timers of times that begin anew."""
    for each in begins:
        when = due(each.time, order, known)
        if when is not None:
            yield Armed(Timer(kind.name, order.id, each.step.name, each.number, entered_at), when)


def armed_anew(kind: Kind, order: Any, known: Moments, entered_at: int) -> Iterator[Armed]:
    """All that the clock may do in a state which the order has been in for a while: nothing begins to count again."""
    for waiting, number, time in kind.clocked[kind.state(order.state)]:
        when = due(time, order, known)
        if when is not None:
            yield Armed(Timer(kind.name, order.id, waiting.name, number, entered_at), when)


def may_move(time: Time) -> bool:
    """Whether it may have moved since a timer was armed: the entry into a state never does, moments and the last time of a step do."""
    return any(not isinstance(root.since, StrEnum) for root in roots(time))


def moments(state: StrEnum, entered: int, steps: Sequence[Taken]) -> Moments:
    """What is known of an order by its history: when it came into its state, and what was done since."""
    entry = next(each for each in steps if each.revision == entered)
    since = 0 if entry.step == MIGRATED else entered
    return Moments(state, entry.at, {each.step: each.at for each in steps if each.revision >= since})
