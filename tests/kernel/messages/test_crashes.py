"""Workers that are killed: whatever the moment, nothing is lost and nothing happens twice.

`SOUK_SOAK=1000` kills that many instead of a couple of dozen.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.kernel.messages.stage import LEASED, Say, Stage, query, until
from tests.kernel.messages.worker_process import DECLARED, Link, link, nap, poison

from souk.kernel.messages import Rhythm, dead_letters

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("SOUK_SOAK", "24"))
LEFT_OVER = query("value", int, "select count(*) from jobs where name <> 'messages.keep_event_days'")


class Crew:
    """Worker processes, some of which are killed now and then."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._processes: list[asyncio.subprocess.Process] = []

    async def hire(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.kernel.messages.worker_process", self._dsn, cwd=ROOT)
        self._processes.append(process)
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.wait()
        self._processes.remove(process)

    async def kill_all(self) -> None:
        for process in list(self._processes):
            await self.kill(process)

    def of(self, number: int) -> asyncio.subprocess.Process:
        return self._processes[number % len(self._processes)]


@pytest.fixture
def crew(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Crew:
    crew = Crew(runtime_dsn)
    closing(crew.kill_all)
    return crew


@pytest.mark.slow
async def test_killing_workers_under_load_loses_nothing_and_repeats_nothing(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    chance = random.Random(7)
    chains, length = max(40, KILLS), 24

    async def feed() -> None:
        for chain in range(chains):
            await stage.enqueue(link, Link(chain, length))
            await asyncio.sleep(KILLS * 0.4 / chains)

    for _ in range(2):
        await crew.hire()
    feeding = asyncio.create_task(feed())
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0, 0.2))
        await until(lambda: stage.ask(bool, "select exists (select from jobs where token is not null) or not exists (select from jobs)"))
        await asyncio.sleep(chance.uniform(0, 0.02))
        await crew.kill(crew.of(chance.randrange(2)))
        await crew.hire()
    await feeding
    await until(lambda: _nothing_left(stage), 60)

    expected = {f"link {chain} {left}": 1 for chain in range(chains) for left in range(length + 1)}
    expected |= {f"followed {chain} {100 - left}": 1 for chain in range(chains) for left in range(length + 1)}
    effects = await stage.effects()
    assert Counter(effects) == expected
    assert await stage.ask(int, "select count(*) from events") == chains * (length + 1)
    assert await stage.database.read(dead_letters) == []
    for chain in range(chains):
        followed = [int(each.split()[2]) for each in effects if each.startswith(f"followed {chain} ")]
        assert followed == sorted(followed), "in the order of their revisions"


async def _nothing_left(stage: Stage) -> bool:
    return await stage.see(LEFT_OVER) == 0


async def test_a_job_that_kills_its_worker_ends_as_a_dead_letter(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    await stage.enqueue(poison, Say("must not remain"))
    deaths = 0
    while not (letters := await stage.database.read(dead_letters)):
        process = await crew.hire()
        while process.returncode is None and not (letters := await stage.database.read(dead_letters)):
            await asyncio.sleep(0.02)
        deaths += process.returncode == 9
        await crew.kill(process)
    assert (letters[0].name, letters[0].attempts, deaths) == ("poison", 3, 3)
    assert "its worker vanished with it" in letters[0].error
    assert await stage.effects() == []


async def test_the_job_of_a_killed_worker_is_run_by_any_other_soon_after_its_lease(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    await stage.enqueue(nap, Say("x"))
    process = await crew.hire()
    await until(lambda: _leased(stage))
    before = await stage.ask(str, "select token::text from jobs")
    await crew.kill(process)
    await crew.hire()
    await until(lambda: stage.ask(bool, "select coalesce(token::text, $1) <> $1 from jobs where name = 'nap'", before), 15)
    assert await stage.ask(int, "select attempts from jobs") == 2


async def _leased(stage: Stage) -> bool:
    return await stage.see(LEASED) == ["nap"]


def test_with_the_usual_rhythm_that_is_within_fifteen_seconds() -> None:
    """The lease, a beat to find it, a look to claim it."""
    usual = Rhythm()
    assert usual.lease + usual.beat + usual.longest <= 15
