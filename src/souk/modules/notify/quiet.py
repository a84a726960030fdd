"""Quiet hours, by the clock on a person's wall: also in the nights in which that clock is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def quiet_until(now: datetime, timezone: str, starts: time | None, ends: time | None) -> datetime | None:
    """When the quiet ends that this moment lies in; None when it lies in none.

    Quiet that begins at a time which comes twice begins at the first of them, and quiet that ends at one ends at the second. A
    time that is left out is the first one after it.
    """
    if starts is None or ends is None or starts == ends:
        return None
    zone = zone_of(timezone)
    today = now.astimezone(zone).date()
    for day in (today - DAY, today):
        begins = moment(zone, day, starts, last=False)
        over = moment(zone, day if ends > starts else day + DAY, ends, last=True)
        if begins <= now < over:
            return over
    return None


def moment(zone: ZoneInfo, day: date, at: time, *, last: bool) -> datetime:
    """When a wall clock of that zone shows this time, as UTC."""
    wall = datetime.combine(day, at)
    while True:
        told = wall.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
        if told.astimezone(zone).replace(tzinfo=None) == wall:
            return told
        wall += MINUTE


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name. One that is no longer known must not keep anything from arriving."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
