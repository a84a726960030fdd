"""Cron text: when periodic work is due. Five fields (minute, hour, day, month, weekday) with `*`, lists, ranges, steps and names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("weekday", 0, 7, WEEKDAYS),
)
YEARS: Final = 8
"""How far back to look: between two 29ths of February there may lie eight years."""


class Cron:
    """A schedule. As everywhere, when both day and weekday are restricted, either will do."""

    def __init__(self, text: str) -> None:
        parts = text.lower().split()
        if len(parts) != len(FIELDS):
            raise ValueError(f"cron {text!r}: five fields are needed (minute, hour, day, month, weekday)")
        self.text = text
        self.minutes, self.hours, self.days, self.months, weekdays = (
            _values(part, *field) for part, field in zip(parts, FIELDS, strict=True)
        )
        self.weekdays = frozenset(day % 7 for day in weekdays)
        self.either = not parts[2].startswith("*") and not parts[4].startswith("*")

    def last(self, now: datetime) -> datetime | None:
        """The latest time that is due at `now`; None when there was none for years (31 February)."""
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        upto = (now.hour, now.minute)
        for _ in range(YEARS * 366):
            if self._on(day):
                for hour in sorted(self.hours, reverse=True):
                    for minute in sorted(self.minutes, reverse=True):
                        if (hour, minute) <= upto:
                            return day.replace(hour=hour, minute=minute)
            day -= timedelta(days=1)
            upto = (23, 59)
        return None

    def _on(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (in_month or in_week) if self.either else (in_month and in_week)


def _values(text: str, field: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, _, step_text = item.partition("/")
        first_text, dash, last_text = span.partition("-")
        try:
            step = int(step_text) if step_text else 1
            first = low if span == "*" else _number(first_text, low, names)
            last = high if span == "*" or (step_text and not dash) else _number(last_text if dash else first_text, low, names)
        except ValueError:
            raise ValueError(f"cron {field} {item!r}: not a number, name, range or step") from None
        if not (low <= first <= last <= high and step >= 1 and bool(step_text) == ("/" in item)):
            raise ValueError(f"cron {field} {item!r}: outside {low} to {high}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    return names.index(text) + low if text in names else int(text)
