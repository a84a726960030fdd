"""A moment is sent with its offset from UTC, or refused: at start where it is declared, by name where it is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import pytest

from souk.kernel.http.moments import without_offset
from souk.kernel.http.naming import value_problems
from souk.kernel.record import Moment, Record


class Slot(Record):
    """When."""

    start: Moment
    end: datetime | None = None


class Week(Record):
    """Slots, and what is said of them; a week may name others."""

    slots: list[Slot]
    notes: dict[str, Annotated[datetime, msgspec.Meta(tz=False)]]
    others: list[Week] = []


def test_the_fields_that_take_a_moment_without_its_offset_are_found_wherever_they_are() -> None:
    assert without_offset(Moment) == ()
    assert without_offset(Slot) == ("end",)
    assert without_offset(Week) == ("slots.end", "notes")
    assert without_offset(Week | None) == ("slots.end", "notes")


@pytest.mark.parametrize(
    ("text", "fits"), [("2026-11-21T09:30:00Z", True), ("2026-11-21T09:30:00+01:00", True), ("2026-11-21T09:30:00", False)]
)
def test_a_moment_without_its_offset_is_refused_by_name(text: str, fits: bool) -> None:  # noqa: FBT001 - a table
    problems = value_problems({"start": text}, Slot)
    assert [problem.field for problem in problems] == ([] if fits else ["start"])
    assert all("offset" in problem.problem for problem in problems), problems
