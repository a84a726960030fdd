"""The queue against a plain model: hundreds of steps at random, several workers, lost leases, late completions, jumps of the clock.

After each step the tables must say what the model says. `SOUK_SOAK=1000` plays that many seeds.
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Tx
from souk.kernel.messages import Claimed, Rhythm, cancel, dead_letters, enqueue, job, replay
from souk.kernel.messages.claims import Claims
from souk.kernel.messages.outbox import outbox_of
from tests.kernel.messages.stage import Say, Stage, note, query

START = datetime(2027, 5, 5, tzinfo=UTC)
ATTEMPTS = 3
SEEDS = range(int(os.environ.get("SOUK_SOAK", "8")))
STEPS = 150
EXPIRE_ONE = query(
    "count", None, "update jobs set leased_until = clock_timestamp() - interval '1 second' where id = $1 and token is not null"
)


@job("act", attempts=ATTEMPTS)
async def act(tx: Tx, args: Say) -> None: ...


class Seen(msgspec.Struct, frozen=True, order=True):
    """A job, as the table says."""

    what: str
    attempts: int
    leased: bool


ROWS = query("many", Seen, "select payload->>'what', attempts, token is not null from jobs")


class Row(msgspec.Struct):
    """A job, as the model sees it."""

    what: str
    run_at: datetime
    key: str | None
    order: str | None
    priority: int
    attempts: int = 0
    losses: int = 0
    token: UUID | None = None

    @property
    def rank(self) -> datetime:
        return self.run_at - timedelta(seconds=30 * self.priority)


class Middle:
    """Randomness that always draws the middle."""

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class Model:
    """What the promises amount to, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.dead: set[str] = set()
        self.effects: list[str] = []

    def waiting_with(self, key: str | None) -> Row | None:
        return next((row for row in self.rows.values() if key is not None and row.key == key and row.token is None), None)

    def enqueue(self, row: Row, now: datetime) -> None:
        replaced = self.waiting_with(row.key)
        if replaced is not None:
            del self.rows[replaced.what]
            if row.run_at <= now:
                row.run_at = min(row.run_at, replaced.run_at)
        self.rows[row.what] = row

    def due(self, now: datetime) -> list[Row]:
        free = [row for row in self.rows.values() if row.token is None and row.run_at <= now and not self._blocked(row)]
        return sorted(free, key=lambda row: row.rank)

    def _blocked(self, row: Row) -> bool:
        return row.order is not None and any(
            other.order == row.order and int(other.what) < int(row.what) for other in self.rows.values() if other is not row
        )

    def give_back(self, row: Row) -> None:
        row.token = None
        newer = [other for other in self.rows.values() if other is not row and other.key == row.key and other.token is None]
        if row.key is not None and newer:
            del self.rows[row.what]

    def bury(self, row: Row) -> None:
        del self.rows[row.what]
        self.dead.add(row.what)


class Play:
    """One seed."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.chance = random.Random(seed)
        self.model = Model()
        self.workers = [Claims(stage.database, Rhythm(), Middle(), lambda _job: None) for _ in range(3)]  # type: ignore[arg-type]
        self.claimed: list[tuple[Claims, Claimed, str]] = []
        """Everything ever claimed and not yet ended by its worker, whether its lease still stands or not."""
        self.number = 0
        self.told: list[str] = []

    @property
    def now(self) -> datetime:
        return self.stage.clock.now()

    async def step(self) -> None:
        steps: list[Any] = [self.ask, self.ask, self.ask, self.claim, self.claim, self.complete, self.complete, self.fail]
        steps += [self.expire, self.recover, self.release, self.cancel, self.replay, self.time_passes, self.roll_back, self.renew]
        chosen = self.chance.choice(steps)
        self.told.append(chosen.__name__)
        await chosen()
        await self.compare()

    async def compare(self) -> None:
        expected = sorted(Seen(row.what, row.attempts, row.token is not None) for row in self.model.rows.values())
        assert sorted(await self.stage.see(ROWS)) == expected, self.told
        assert await self.stage.effects() == self.model.effects, self.told
        letters = {
            msgspec.json.decode(letter.payload)["what"] for letter in await self.stage.database.read(lambda tx: dead_letters(tx, limit=500))
        }
        assert letters == self.model.dead, self.told

    def _new(self) -> tuple[Row, dict[str, Any]]:
        self.number += 1
        key = self.chance.choice([None, None, "a", "b", "c"])
        order = self.chance.choice([None, None, None, "x", "y"]) if key is None else None
        priority = self.chance.randint(-10, 10)
        run_at = self.now + timedelta(minutes=self.chance.choice([0, 0, 0, 3, 60, -20]))
        row = Row(str(self.number), run_at, key, order, priority)
        return row, {"run_at": run_at, "key": key, "order": order, "priority": priority}

    async def ask(self) -> None:
        row, how = self._new()
        await self.stage.enqueue(act, Say(row.what), **how)
        self.model.enqueue(row, self.now)

    async def roll_back(self) -> None:
        row, how = self._new()

        async def change(tx: Tx) -> None:
            await enqueue(tx, act, Say(row.what), **how)
            await note(tx, "never")
            await cancel(tx, "a")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await self.stage.database.write(change)

    async def claim(self) -> None:
        worker, most = self.chance.choice(self.workers), self.chance.randint(1, 4)
        claimed = await worker.claim(most)
        whats = [msgspec.json.decode(each.payload)["what"] for each in claimed]
        due = self.model.due(self.now)
        assert [self.model.rows[what].rank for what in whats] == [row.rank for row in due[:most]], self.told
        assert set(whats) <= {row.what for row in due}, self.told
        for each, what in zip(claimed, whats, strict=True):
            row = self.model.rows[what]
            row.token, row.attempts = each.token, row.attempts + 1
            self.claimed.append((worker, each, what))

    def _one(self) -> tuple[Claims, Claimed, str, Row | None] | None:
        """A job some worker believes to hold, and its row when that is still true."""
        if not self.claimed:
            return None
        worker, mine, what = self.claimed.pop(self.chance.randrange(len(self.claimed)))
        worker.let_go(mine)
        row = self.model.rows.get(what)
        return worker, mine, what, row if row is not None and row.token == mine.token else None

    async def complete(self) -> None:
        if (taken := self._one()) is None:
            return
        _worker, mine, what, row = taken

        async def work(tx: Tx) -> None:
            outbox_of(tx).completes(mine.id, mine.token)
            await note(tx, what)

        if row is None:
            with pytest.raises(Exception, match="is not held any more"):
                await self.stage.database.write(work)
            return
        await self.stage.database.write(work)
        del self.model.rows[what]
        self.model.effects.append(what)

    async def fail(self) -> None:
        if (taken := self._one()) is None:
            return
        worker, mine, _what, row = taken
        last = mine.attempts >= ATTEMPTS
        ours = await (worker.bury(mine, "no", "trace") if last else worker.retry(mine, "no"))
        assert ours == (row is not None and (last or not self._replaced(row)))
        if row is not None and last:
            self.model.bury(row)
        elif row is not None:
            row.run_at = self.now + timedelta(seconds=worker.pause(mine.attempts))
            self.model.give_back(row)

    def _replaced(self, row: Row) -> bool:
        return row.key is not None and self.model.waiting_with(row.key) is not None

    async def release(self) -> None:
        if (taken := self._one()) is None:
            return
        worker, mine, _what, row = taken
        await worker.release([mine], unused=True)
        if row is not None:
            row.attempts -= 1
            self.model.give_back(row)

    async def renew(self) -> None:
        for worker in self.workers:
            await worker.renew()

    async def expire(self) -> None:
        """A lease runs out; its worker knows nothing of it."""
        leased = sorted(row.what for row in self.model.rows.values() if row.token is not None)
        if leased:
            what = self.chance.choice(leased)
            (held,) = [mine for _worker, mine, each in self.claimed if each == what and mine.token == self.model.rows[what].token]
            assert await self.stage.change(EXPIRE_ONE, held.id) == 1
            await self._recover({what})

    async def recover(self) -> None:
        await self._recover(set())

    async def _recover(self, lost: set[str]) -> None:
        assert await self.chance.choice(self.workers).recover() == len(lost)
        for row in [self.model.rows[what] for what in lost]:
            if row.attempts >= ATTEMPTS:
                self.model.bury(row)
                continue
            row.run_at = self.now + timedelta(seconds=self.workers[0].pause(row.losses) if row.losses else 0)
            row.losses += 1
            self.model.give_back(row)

    async def cancel(self) -> None:
        key = self.chance.choice("abc")
        row = self.model.waiting_with(key)
        assert await self.stage.database.write(lambda tx: cancel(tx, key)) == (row is not None)
        if row is not None:
            del self.model.rows[row.what]

    async def replay(self) -> None:
        letters = await self.stage.database.read(dead_letters)
        if not letters:
            return
        letter = self.chance.choice(letters)
        key = await self.stage.ask(str, "select key from dead_jobs where id = $1", letter.id)
        order = await self.stage.ask(str, "select lane from dead_jobs where id = $1", letter.id)
        priority = await self.stage.ask(int, "select priority from dead_jobs where id = $1", letter.id)
        what = msgspec.json.decode(letter.payload)["what"]
        assert await self.stage.database.write(lambda tx: replay(tx, letter.id))
        self.model.dead.discard(what)
        if self.model.waiting_with(key) is None:
            self.model.rows[what] = Row(what, self.now, key, order, priority)

    async def time_passes(self) -> None:
        jump = self.chance.choice([timedelta(seconds=5), timedelta(minutes=4), timedelta(hours=1), timedelta(days=40)])
        self.stage.clock.move_to(self.stage.clock.offset + jump)


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: START)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_queue_does_what_the_model_says(stage: Stage, seed: int) -> None:
    play = Play(stage.open(act), seed)
    for _ in range(STEPS):
        await play.step()
