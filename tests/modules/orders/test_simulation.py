"""Everybody walks at random over the market of lessons, and model, laws and reality agree."""

from __future__ import annotations

import os

import pytest

from souk.app.simulating import WALKS, set_stage
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Pool
from souk.modules.orders import Simulation

SEEDS = int(os.environ.get("SOUK_SOAK", "10")) * 20
SETTINGS = Settings.load({})


@pytest.mark.parametrize("first", range(0, SEEDS, WALKS))
async def test_walks_end_where_the_model_says(market: Market, pool: Pool, first: int) -> None:
    stage = await set_stage(market, pool, SETTINGS)
    for seed in range(first, min(first + WALKS, SEEDS)):
        report = await Simulation(stage, seed).run(12)
        assert report.orders == 12, report
