"""Everybody walks at random over a market's real code, banks fail, machines report twice; and model, laws and reality agree."""

from __future__ import annotations

import os

import pytest

from examples.lessons import LESSONS
from souk.app.simulating import WALKS, set_stage
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Pool
from souk.modules.orders import Simulation
from tests.modules.orders.errands import ERRANDS

SOAK = int(os.environ.get("SOUK_SOAK", "10"))
SEEDS = {LESSONS.name: SOAK * 20, ERRANDS.name: SOAK * 3}
SETTINGS = Settings.load({})


@pytest.mark.parametrize(
    ("market", "first"),
    [pytest.param(each, first, id=f"{each.name} {first}") for each in (LESSONS, ERRANDS) for first in range(0, SEEDS[each.name], WALKS)],
)
async def test_walks_end_where_the_model_says(market: Market, pool: Pool, first: int) -> None:
    stage = await set_stage(market, pool, SETTINGS)
    for seed in range(first, min(first + WALKS, SEEDS[market.name])):
        report = await Simulation(stage, seed).run(12)
        assert report.orders == 12, report
