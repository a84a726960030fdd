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

from souk.kernel.messages import Rhythm, dead_letters
from tests.kernel.messages.stage import LEASED, Say, Stage, query, until
from tests.kernel.messages.worker_process import DECLARED, Link, link, nap, poison

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("SOUK_SOAK", "24"))
LEFT_OVER = query("value", int, "select count(*) from jobs where name <> 'messages.keep_event_days'")


class Hand:
    """A worker process that says when it is in the middle of something."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.at_work = 0
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        while said := await self.process.stdout.read(100):
            self.at_work += said.count(b"+") - said.count(b"-")

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self.listening


class Crew:
    """Worker processes, some of which are killed now and then."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.hands: list[Hand] = []

    async def hire(self) -> Hand:
        command = (sys.executable, "-m", "tests.kernel.messages.worker_process", self._dsn)
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        self.hands.append(Hand(process))
        return self.hands[-1]

    async def kill(self, hand: Hand) -> None:
        self.hands.remove(hand)
        await hand.kill()

    async def kill_all(self) -> None:
        for hand in list(self.hands):
            await self.kill(hand)


@pytest.fixture
def crew(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Crew:
    crew = Crew(runtime_dsn)
    closing(crew.kill_all)
    return crew


@pytest.mark.slow
async def test_killing_workers_under_load_loses_nothing_and_repeats_nothing(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    chance = random.Random(7)
    chains, length = 0, 8

    for _ in range(2):
        await crew.hire()

    async def fed_and_busy() -> bool:
        nonlocal chains
        if await stage.see(LEFT_OVER) < 40:
            await stage.enqueue(link, Link(chains, length))
            chains += 1
        return crew.hands[0].at_work >= 2

    for _ in range(KILLS):
        await until(fed_and_busy)
        await asyncio.sleep(chance.uniform(0, 0.02))
        await crew.kill(crew.hands[0])
        await crew.hire()
    await until(lambda: _nothing_left(stage), 60)

    expected = {f"link {chain} {left}": 1 for chain in range(chains) for left in range(length + 1)}
    expected |= {f"followed {chain} {100 - left}": 1 for chain in range(chains) for left in range(length + 1)}
    effects = await stage.effects()
    assert Counter(effects) == expected
    assert await stage.ask(int, "select count(*) from events") == chains * (length + 1)
    assert await stage.database.read(dead_letters) == []
    assert await stage.ask(int, "select count(*) from losses") > KILLS, "the kills came in the middle of work"
    for chain in range(chains):
        followed = [int(each.split()[2]) for each in effects if each.startswith(f"followed {chain} ")]
        assert followed == sorted(followed), "in the order of their revisions"


async def _nothing_left(stage: Stage) -> bool:
    left: int = await stage.see(LEFT_OVER)
    return left == 0


async def test_a_job_that_kills_its_worker_ends_as_a_dead_letter_and_takes_no_other_with_it(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    await stage.enqueue(poison, Say("must not remain"))
    for chain in range(20):
        await stage.enqueue(link, Link(chain, 0))
    killed = 0
    hand = await crew.hire()

    async def dead() -> bool:
        nonlocal killed, hand
        if hand.process.returncode is not None:
            killed += hand.process.returncode == 9
            await crew.kill(hand)
            hand = await crew.hire()
        return bool(await stage.database.read(dead_letters))

    await until(dead, 60)
    await until(lambda: _nothing_left(stage))
    (letter,) = await stage.database.read(dead_letters)
    assert (letter.name, letter.attempts, killed) == ("poison", 3, 3)
    assert "its worker vanished with it" in letter.error
    effects = await stage.effects()
    assert sorted(each for each in effects if each.startswith("link")) == sorted(f"link {chain} 0" for chain in range(20))


async def test_the_job_of_a_killed_worker_is_run_by_any_other_soon_after_its_lease(stage: Stage, crew: Crew) -> None:
    stage.open(*DECLARED)
    await stage.enqueue(nap, Say("x"))
    hand = await crew.hire()
    await until(lambda: _leased(stage))
    before = await stage.ask(str, "select token::text from jobs")
    await crew.kill(hand)
    await crew.hire()
    await until(lambda: stage.ask(bool, "select coalesce(token::text, $1) <> $1 from jobs where name = 'nap'", before), 15)
    assert await stage.ask(int, "select attempts from jobs") == 2


async def _leased(stage: Stage) -> bool:
    leased: list[str] = await stage.see(LEASED)
    return leased == ["nap"]


def test_with_the_usual_rhythm_that_is_within_fifteen_seconds() -> None:
    """The lease, a beat to find it, a look to claim it."""
    usual = Rhythm()
    assert usual.lease + usual.beat + usual.longest <= 15
