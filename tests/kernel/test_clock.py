"""Business time is the machine's, moved forward only by those who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.clock import Clock, utc_now

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def test_an_untouched_clock_is_the_machines() -> None:
    before = utc_now()
    assert before <= Clock().now() <= utc_now()
    assert Clock().now().tzinfo is UTC


def test_a_clock_that_was_moved_stays_ahead_by_that_much() -> None:
    clock = Clock(lambda: NOON)
    clock.move_to(timedelta(days=14))
    assert clock.now() == NOON + timedelta(days=14)
    assert clock.offset == timedelta(days=14)


@given(st.lists(st.timedeltas(min_value=timedelta(days=-400), max_value=timedelta(days=400))))
def test_time_never_runs_backwards(offsets: list[timedelta]) -> None:
    clock = Clock(lambda: NOON)
    seen = [clock.now()]
    for offset in offsets:
        clock.move_to(offset)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert clock.offset == max([timedelta(), *offsets])
