"""Quiet hours by the clock on the wall, through both nights in which it is changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.modules.notify.quiet import quiet_until

PARIS = "Europe/Paris"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# In 2026 Paris puts its clocks forward on 29 March at 01:00 UTC, and back on 25 October at 01:00 UTC.
CASES = (
    # now (UTC)            zone               from     until    quiet until (UTC)
    ("2026-06-10 21:00", PARIS, "22:00", "07:00", "2026-06-11 05:00"),
    ("2026-06-10 19:59", PARIS, "22:00", "07:00", None),
    ("2026-06-10 20:00", PARIS, "22:00", "07:00", "2026-06-11 05:00"),
    ("2026-06-11 05:00", PARIS, "22:00", "07:00", None),
    ("2026-06-11 04:59", PARIS, "22:00", "07:00", "2026-06-11 05:00"),
    ("2026-06-10 11:00", PARIS, "12:00", "14:00", "2026-06-10 12:00"),
    ("2026-06-10 12:30", PARIS, "12:00", "14:00", None),
    # The short night: seven is an hour earlier for the sun, and half past two is no time at all.
    ("2026-03-28 22:00", PARIS, "22:00", "07:00", "2026-03-29 05:00"),
    ("2026-03-28 22:00", PARIS, "22:00", "02:30", "2026-03-29 01:00"),
    ("2026-03-29 00:59", PARIS, "02:30", "07:00", None),
    ("2026-03-29 01:00", PARIS, "02:30", "07:00", "2026-03-29 05:00"),
    # The long night: half past two comes twice, and quiet lasts until the second.
    ("2026-10-24 21:00", PARIS, "22:00", "07:00", "2026-10-25 06:00"),
    ("2026-10-25 00:45", PARIS, "22:00", "02:30", "2026-10-25 01:30"),
    ("2026-10-25 01:29", PARIS, "22:00", "02:30", "2026-10-25 01:30"),
    ("2026-10-25 01:30", PARIS, "22:00", "02:30", None),
    ("2026-10-25 00:30", PARIS, "02:30", "07:00", "2026-10-25 06:00"),
    ("2026-06-10 16:30", "Asia/Kathmandu", "22:00", "07:00", "2026-06-11 01:15"),
    ("2026-06-10 23:00", "a zone that was renamed", "22:00", "07:00", "2026-06-11 07:00"),
)


@pytest.mark.parametrize(("now", "zone", "starts", "ends", "until"), CASES)
def test_quiet_ends_when_the_clock_on_the_wall_says_so(now: str, zone: str, starts: str, ends: str, until: str | None) -> None:
    found = quiet_until(utc(now), zone, time.fromisoformat(starts), time.fromisoformat(ends))
    assert found == (utc(until) if until else None)


def test_whoever_wants_none_has_none() -> None:
    assert quiet_until(utc("2026-06-10 21:00"), PARIS, None, None) is None


ZONES = st.sampled_from([PARIS, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC"])
MOMENTS = st.integers(1_300_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


@given(MOMENTS, ZONES, TIMES, TIMES)
def test_quiet_always_ends_within_a_day_and_is_over_then(now: datetime, zone: str, starts: time, ends: time) -> None:
    until = quiet_until(now, zone, starts, ends)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=50)
    assert quiet_until(until, zone, starts, ends) is None
    assert until.astimezone(ZoneInfo(zone)).time() >= ends or until.astimezone(ZoneInfo(zone)).time() < ends
