"""What is made of a process for people: a diagram, and a table of who may do what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from souk.process import Process
from souk.process.draw import draw
from souk.process.matrix import may, permissions, table
from souk.process.times import after, before, field, first_of, spoken
from tests.process.markets import PROCESSES, grome, tulifo


@pytest.mark.parametrize("declared", PROCESSES, ids=lambda declared: declared.name)
def test_a_diagram_has_every_state_and_step(declared: Process) -> None:
    drawn = draw(declared)
    assert drawn == draw(declared)
    for step in declared.steps:
        assert drawn.count(f": {step.name} (") == len(step.sources)
    assert drawn.count("--> [*]") == len(declared.ends)
    assert drawn.count("note right of") == len(declared.waits)


def test_a_diagram_says_who_when_and_what_of_the_money() -> None:
    drawn = draw(tulifo.BOOKING)
    assert "awaiting_payment --> active: fund (payments) / hold agreed_amount" in drawn
    assert "delivered --> completed: approve (client) / clock 14 d after delivered / release to worker" in drawn
    assert "active --> refunded: cancel (client, worker together) / refund" in drawn
    assert "clock 2 h after requested or 30 min before starts_at" in draw(grome.BOOKING)


@pytest.mark.parametrize("declared", PROCESSES, ids=lambda declared: declared.name)
def test_table_and_permissions_say_the_same(declared: Process) -> None:
    given = list(permissions(declared))
    assert len(given) == sum(len(step.sources) * len(step.by.each) for step in declared.steps)
    for permission in given:
        assert permission.step in may(declared, permission.state, permission.actor)
    head, _rule, *rows = table(declared).splitlines()
    assert len(rows) == len(declared.states) - len(declared.ends) + 1
    assert all(row.count("|") == head.count("|") for row in rows)


def test_times_are_spoken_in_the_largest_unit() -> None:
    assert [spoken(timedelta(**span)) for span in ({"days": 14}, {"hours": 36}, {"minutes": 90}, {"seconds": 61})] == [
        "14 d",
        "36 h",
        "90 min",
        "61 s",
    ]
    assert str(before(field("starts_at"), minutes=30)) == "30 min before starts_at"
    assert str(after("finish")) == "at finish"
    assert str(first_of(after("finish", hours=1), after(field("due")))) == "1 h after finish or at due"
