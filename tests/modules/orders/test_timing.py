"""When the clock takes a step of several states, or the first of several times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from examples.lessons import S
from souk.modules.orders.timing import Moments, due
from souk.process import Time, after, first_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)
EITHER = first_of(after(S.ASKED, days=3), after(S.ACCEPTED, hours=1), after("move", days=1))


@pytest.mark.parametrize(
    ("state", "taken", "time", "then"),
    [
        (S.ASKED, {}, EITHER, timedelta(days=3)),
        (S.ACCEPTED, {}, EITHER, timedelta(hours=1)),
        (S.ASKED, {"move": NOW}, EITHER, timedelta(days=1)),
        (S.ASKED, {}, after(S.PAID, days=1), None),
        (S.ASKED, {}, after("move", days=1), None),
    ],
)
def test_only_what_has_happened_counts(state: S, taken: dict[str, datetime], time: Time, then: timedelta | None) -> None:
    assert due(time, None, Moments(state, NOW, taken)) == (None if then is None else NOW + then)
