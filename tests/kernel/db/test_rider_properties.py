"""Whatever is carried: every parameter of both statements keeps its own argument."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.db.query import Query, Rider

numbers = st.lists(st.integers(1, 30), max_size=12)
heads = st.sampled_from(["", "with a as (select 1) ", "WITH RECURSIVE a as (select 1) ", "-- why\nwith a as (select 1) "])


def bound(sql: str, arguments: list[str]) -> list[str]:
    """The arguments in the order in which the text asks for them."""
    return [arguments[int(number) - 1] for number in re.findall(r"\$(\d+)", sql)]


@given(heads, numbers, numbers)
def test_every_parameter_keeps_its_argument(head: str, own: list[int], ridden: list[int]) -> None:
    sql = head + "select " + ", ".join(f"f(${n})" for n in own)
    rider = Rider("r as (insert into t values (" + ", ".join(f"${n}" for n in ridden) + "))")
    statement = Query[int]("count", None, sql, "here")
    carried = statement.carrying(rider)

    mine = [f"own {n}" for n in range(1, statement.parameters + 1)]
    theirs = [f"rider {n}" for n in range(1, rider.parameters + 1)]

    assert sorted(bound(carried.sql, mine + theirs)) == sorted([f"own {n}" for n in own] + [f"rider {n}" for n in ridden])
    assert carried.parameters <= len(mine + theirs)
    assert len(re.findall(r"\bwith\b", carried.sql.lower())) == 1


@given(numbers, numbers, numbers)
def test_riders_can_ride_on_a_statement_that_carries_one(own: list[int], first: list[int], second: list[int]) -> None:
    statement = Query[int]("count", None, "select " + ", ".join(f"${n}" for n in own), "here")
    riders = [Rider(f"r{i} as (select {', '.join(f'${n}' for n in asked)})") for i, asked in enumerate((first, second))]
    carried = statement.carrying(riders[0]).carrying(riders[1])
    offset = statement.carrying(riders[0]).parameters
    asked = sorted(int(n) for n in re.findall(r"\$(\d+)", carried.sql))
    assert asked == sorted([*own, *(n + statement.parameters for n in first), *(n + offset for n in second)])
