"""Everybody walks at random over the market of lessons, and model, laws and reality agree."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from examples.lessons import SALES as SOLD
from souk.kernel.messages import Catalogue
from souk.modules.orders.simulating import Person, Simulation, Stage
from souk.modules.orders.taking import Desk
from tests.modules.orders.conftest import School

SALES = SOLD.processes

SEEDS = range(int(os.environ.get("SOUK_SOAK", "6")))


async def stage(school: School) -> Stage:
    """The market with a dozen people."""
    roles = ["student"] * 4 + ["tutor"] * 3 + ["admin"]
    people = []
    for number, role in enumerate(roles):
        person = await school.join(f"person{number}", role if role != "admin" else "tutor")
        people.append(Person(person.id, role))
    laws = tuple(law for module in school.market.modules for law in module.laws)
    desk = Desk(school.resources[type(SALES)], school.till)
    catalogue = Catalogue(replace(module, periodic=()) for module in school.market.modules)
    return Stage(school.database, school.clock, catalogue, desk, school.resources, laws, tuple(people))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk_ends_where_the_model_says(school: School, seed: int) -> None:
    report = await Simulation(await stage(school), seed).run(orders=40)
    assert report.orders == 40, report
