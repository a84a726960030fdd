"""The business clock as the database keeps it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.db.business_clock import TimeRunsForward, advance, load


async def test_a_new_market_runs_on_the_machines_time(database: Database) -> None:
    await database.read(lambda tx: load(tx, database.clock))
    assert database.clock.offset == timedelta()


async def test_steps_add_up_and_reach_every_process(database: Database) -> None:
    await database.write(lambda tx: advance(tx, timedelta(minutes=15)))
    await database.write(lambda tx: advance(tx, timedelta(days=40)))
    other_process = Clock()
    await database.read(lambda tx: load(tx, other_process))
    assert other_process.offset == timedelta(days=40, minutes=15)


async def test_time_does_not_run_backwards(database: Database) -> None:
    with pytest.raises(TimeRunsForward):
        await database.write(lambda tx: advance(tx, timedelta(seconds=-1)))
