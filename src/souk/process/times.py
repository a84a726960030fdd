"""When the clock takes a step: after a state is entered or a step is taken, before or after a moment that the order names."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import msgspec


class Field(msgspec.Struct, frozen=True):
    """A field of the order: a moment, an amount."""

    name: str


class After(msgspec.Struct, frozen=True):
    """So long after a state is entered, a step is taken (by its name), or a moment of the order; before it, if that is negative."""

    since: StrEnum | str | Field
    delay: timedelta = timedelta()

    def __str__(self) -> str:
        when = "after" if self.delay >= timedelta() else "before"
        since = self.since.name if isinstance(self.since, Field) else str(self.since)
        return f"{spoken(abs(self.delay))} {when} {since}" if self.delay else f"at {since}"


class FirstOf(msgspec.Struct, frozen=True):
    """Whichever of them comes first."""

    times: tuple[After, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.times))


Time = After | FirstOf


def field(name: str) -> Field:
    """A field of the order."""
    return Field(name)


def after(since: StrEnum | str | Field, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> After:
    """So long after a state was entered, a step (its name) was taken, or a moment of the order. Without a length: at once."""
    return After(since, timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))


def before(moment: Field, *, days: float = 0, hours: float = 0, minutes: float = 0) -> After:
    """So long before a moment of the order."""
    return After(moment, -timedelta(days=days, hours=hours, minutes=minutes))


def first_of(*times: After) -> FirstOf:
    """Whichever of them comes first."""
    return FirstOf(times)


def roots(time: Time) -> tuple[After, ...]:
    """What a time counts from."""
    return time.times if isinstance(time, FirstOf) else (time,)


def spoken(span: timedelta) -> str:
    """A length of time in the largest unit that measures it whole."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
