"""Cron text, read in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.messages.cron import Cron

NOW = "2026-11-21 00:30:13"  # a Saturday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("* * * * *", "2026-11-21 00:30:00"),
        ("*/5 * * * *", "2026-11-21 00:30:00"),
        ("7 * * * *", "2026-11-21 00:07:00"),
        ("31 * * * *", "2026-11-20 23:31:00"),
        ("5/20 * * * *", "2026-11-21 00:25:00"),
        ("0 3 * * *", "2026-11-20 03:00:00"),
        ("15,45 8-18/2 * * mon-fri", "2026-11-20 18:45:00"),
        ("0 12 * * sun", "2026-11-15 12:00:00"),
        ("0 12 * * 7", "2026-11-15 12:00:00"),
        ("0 12 * * 0", "2026-11-15 12:00:00"),
        ("0 0 1 JAN *", "2026-01-01 00:00:00"),
        ("0 0 1 */3 *", "2026-10-01 00:00:00"),
        ("0 0 31 * *", "2026-10-31 00:00:00"),
        ("0 0 29 feb *", "2024-02-29 00:00:00"),
        ("0 0 13 * fri", "2026-11-20 00:00:00"),  # both restricted: either will do
        ("0 0 */2 * sat", "2026-11-21 00:00:00"),  # a star restricts nothing by itself: both must hold
    ],
)
def test_the_latest_time_that_is_due(text: str, last: str) -> None:
    assert Cron(text).last(at(NOW)) == at(last)


def test_a_day_that_never_comes_is_never_due() -> None:
    assert Cron("0 0 31 feb *").last(at(NOW)) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "five fields"),
        ("60 * * * *", "minute '60': outside 0 to 59"),
        ("* 24 * * *", "hour '24': outside"),
        ("* * 0 * *", "day '0': outside"),
        ("* * * 13 *", "month '13': outside"),
        ("* * * * 8", "weekday '8': outside"),
        ("5-1 * * * *", "minute '5-1': outside"),
        ("*/0 * * * *", r"minute '\*/0': outside"),
        ("*/ * * * *", r"minute '\*/': outside"),
        ("* * * mai *", "month 'mai': not a number"),
        ("1,,2 * * * *", "minute '': not a number"),
        ("-3 * * * *", "minute '-3': not a number"),
    ],
)
def test_text_that_is_no_schedule_is_refused_with_the_field_that_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Cron(text)


@given(st.integers(1_600_000_000, 2_200_000_000), st.integers(1, 59), st.integers(0, 23))
def test_nothing_lies_between_the_latest_time_and_now(second: int, step: int, hour: int) -> None:
    now = datetime.fromtimestamp(second, UTC)
    cron = Cron(f"*/{step} {hour} * * *")
    last = cron.last(now)
    assert last is not None
    assert last <= now < last + timedelta(days=1)
    assert last.minute % step == 0
    assert last.hour == hour
    minute = last + timedelta(minutes=1)
    while minute <= now:
        assert minute.hour != hour or minute.minute % step
        minute += timedelta(minutes=1)
