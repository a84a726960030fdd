"""The ledger against a model of a few lines: whatever is done in whatever order, both have the same, and every law holds."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.modules.ledger import (
    CRD,
    CREDITS,
    FEES,
    ISSUED,
    SPENT,
    USD,
    WALLET,
    Account,
    HoldEnded,
    InsufficientFunds,
    MoreThanMoved,
    Movement,
    capture,
    expire,
    grant,
    hold,
    post,
    release,
    reverse,
    transfer,
    wallets,
)
from souk.modules.ledger.jobs import lapse_lots
from tests.modules.ledger.conftest import WORLD
from tests.modules.ledger.laws import broken_laws

SEEDS = range(int(os.environ.get("SOUK_SOAK", "6")))
LIVES = int(os.environ.get("SOUK_SOAK", "30"))
STEPS = 150


class Lot:
    """A grant in the model."""

    def __init__(self, amount: int, until: datetime) -> None:
        self.amount = amount
        self.until = until
        self.held = 0
        self.drawn = 0

    @property
    def free(self) -> int:
        return self.amount - self.drawn - self.held


class Refused(Exception):
    """What the model would not do."""


class Model:
    """What there ought to be, in plain dictionaries."""

    def __init__(self) -> None:
        self.money: dict[UUID, int] = {}
        self.on_hold: dict[UUID, int] = {}
        self.holds: dict[UUID, tuple[Account, int, datetime | None, list[tuple[Lot, int]]]] = {}
        self.lots: dict[UUID, list[Lot]] = {}

    def total(self, account: Account, now: datetime) -> int:
        if not account.purpose.in_lots:
            return self.money.get(account.id, 0)
        return sum(lot.free for lot in self.lots.get(account.id, ()) if lot.until > now) + self.on_hold.get(account.id, 0)

    def move(self, source: Account, parts: list[tuple[Account, int]], now: datetime) -> list[tuple[Lot, int]]:
        amount = sum(part for _, part in parts)
        drawn = self.take(source, amount, now)
        for lot, part in drawn:
            lot.drawn += part
        for account, part in [(source, -amount), *parts]:
            self.money[account.id] = self.money.get(account.id, 0) + part
        return drawn

    def take(self, account: Account, amount: int, now: datetime) -> list[tuple[Lot, int]]:
        """From which lots an amount comes, if it is there."""
        if account.purpose.below_zero or account.purpose.hot:
            return []
        if not account.purpose.in_lots:
            if self.money.get(account.id, 0) - self.on_hold.get(account.id, 0) < amount:
                raise Refused
            return []
        picked: list[tuple[Lot, int]] = []
        for lot in sorted((lot for lot in self.lots.get(account.id, ()) if lot.until > now), key=lambda lot: lot.until):
            part = min(lot.free, amount - sum(part for _, part in picked))
            picked += [(lot, part)] if part else []
        if sum(part for _, part in picked) < amount:
            raise Refused
        return picked

    def hold(self, hold_id: UUID, account: Account, amount: int, until: datetime | None, now: datetime) -> None:
        picked = self.take(account, amount, now)
        for lot, part in picked:
            lot.held += part
        self.on_hold[account.id] = self.on_hold.get(account.id, 0) + amount
        self.holds[hold_id] = (account, amount, until, picked)

    def end(self, hold_id: UUID, parts: list[tuple[Account, int]], now: datetime, *, lapse: bool = False) -> None:
        if hold_id not in self.holds:
            raise Refused
        account, amount, until, picked = self.holds[hold_id]
        taken = sum(part for _, part in parts)
        over = until is not None and until <= now
        if (taken and over) or (lapse and not over) or taken > amount:
            raise Refused
        del self.holds[hold_id]
        self.on_hold[account.id] -= amount
        left = taken
        for lot, part in picked:
            lot.held -= part
            lot.drawn += min(part, left)
            left -= min(part, left)
        for each, part in [(account, -taken), *parts]:
            self.money[each.id] = self.money.get(each.id, 0) + part


class Town:
    """Both of them, and a chance that decides what happens next."""

    def __init__(self, database: Database, clock: Clock, chance: random.Random) -> None:
        self.database = database
        self.clock = clock
        self.chance = chance
        self.model = Model()
        self.ahead = timedelta()
        self.wallets = [WALLET.of(USD, uuid4()) for _ in range(4)]
        self.credits = [CREDITS.of(CRD, uuid4()) for _ in range(2)]
        self.ended: list[UUID] = []
        self.paid: list[tuple[UUID, Account, Account, int]] = []
        self.done = 0

    @property
    def now(self) -> datetime:
        return self.database.clock.now()

    async def both(self, movement: Movement, model: Callable[[], object]) -> UUID | None:
        """Let both do it: both do, or both refuse."""
        try:
            model()
        except Refused:
            with pytest.raises((InsufficientFunds, HoldEnded, MoreThanMoved)):
                await self.database.write(partial(post, movement=movement, last=self.chance.random() < 0.5))
            return None
        posted = await self.database.write(partial(post, movement=movement, last=self.chance.random() < 0.5))
        self.done += 1
        if self.chance.random() < 0.2:
            assert (await self.database.write(partial(post, movement=movement, last=True))).journal == posted.journal
        return posted.journal

    async def live(self, steps: int) -> None:
        for _ in range(steps):
            await self.step()
            await self.compare()

    async def step(self) -> None:
        steps = (
            *(self.give,) * 4,
            self.pay,
            self.pay,
            self.reserve,
            self.reserve,
            self.take,
            self.take,
            self.free,
            self.lapse,
            self.back,
            self.wait,
        )
        await self.chance.choice(steps)()

    async def give(self) -> None:
        account, amount, key = self.chance.choice([*self.wallets, *self.credits]), self.amount(), str(uuid4())
        if not account.purpose.in_lots:
            movement = transfer(key, "gift", WORLD.of(USD), [(account, amount)])
            await self.both(movement, lambda: self.model.move(WORLD.of(USD), [(account, amount)], self.now))
            return
        until = self.now + timedelta(hours=self.chance.randrange(1, 40), microseconds=self.done)
        source = ISSUED.of(CRD)

        def granted() -> None:
            self.model.lots.setdefault(account.id, []).append(Lot(amount, until))
            self.model.money[source.id] = self.model.money.get(source.id, 0) - amount

        await self.both(grant(key, "granted", account, amount, until, source=source), granted)

    def amount(self) -> int:
        return self.chance.choice((1, 2, 5, 10, 50))

    def parts(self, account: Account, amount: int) -> list[tuple[Account, int]]:
        if account.purpose.in_lots:
            return [(SPENT.of(CRD), amount)]
        other = self.chance.choice([each for each in self.wallets if each != account])
        return [(other, amount), (FEES.of(USD), 1)]

    async def pay(self) -> None:
        account = self.chance.choice([*self.wallets, *self.credits])
        parts = self.parts(account, self.amount())
        journal = await self.both(transfer(str(uuid4()), "paid", account, parts), lambda: self.model.move(account, parts, self.now))
        if journal is not None and not account.purpose.in_lots:
            self.paid.append((journal, account, parts[0][0], parts[0][1]))

    async def reserve(self) -> None:
        account, amount = self.chance.choice([*self.wallets, *self.credits]), self.amount()
        until = self.now + timedelta(hours=self.chance.randrange(1, 20)) if self.chance.random() < 0.5 else None
        movement = hold(str(uuid4()), "held", account, amount, until)
        await self.both(movement, lambda: self.model.hold(movement.hold_id, account, amount, until, self.now))

    def some_hold(self) -> UUID:
        known = [*self.model.holds, *self.ended[-3:]]
        return self.chance.choice(known) if known else uuid4()

    async def take(self) -> None:
        held = self.some_hold()
        account, amount, *_ = self.model.holds.get(held, (self.wallets[0], 5, None, []))
        parts = self.parts(account, max(1, self.chance.randrange(amount + 1) - 1))
        if sum(part for _, part in parts) > amount:
            return
        await self.both(capture(str(uuid4()), "captured", held, parts), lambda: self.model.end(held, parts, self.now))
        self.ended.append(held)

    async def free(self) -> None:
        held = self.some_hold()
        await self.both(release(str(uuid4()), "released", held), lambda: self.model.end(held, [], self.now))
        self.ended.append(held)

    async def lapse(self) -> None:
        held = self.some_hold()
        await self.both(expire(str(uuid4()), "lapsed", held), lambda: self.model.end(held, [], self.now, lapse=True))
        await lapse_lots(self.database)

    async def back(self) -> None:
        """Half of a payment goes back; a third half does not."""
        if not self.paid:
            return
        journal, payer, payee, amount = self.paid.pop()
        half = (amount + 1) // 2

        def returned() -> None:
            self.model.move(payee, [(payer, half)], self.now)

        gone = await self.both(reverse(str(uuid4()), "refund", journal, [(payee, -half), (payer, half)]), returned)
        if gone is not None:
            more = amount - half + 1
            too_much = reverse(str(uuid4()), "refund", journal, [(payee, -more), (payer, more)])
            with pytest.raises((MoreThanMoved, InsufficientFunds)):
                await self.database.write(partial(post, movement=too_much))

    async def wait(self) -> None:
        self.ahead += timedelta(hours=self.chance.randrange(6))
        self.clock.move_to(self.ahead)

    async def compare(self) -> None:
        accounts = [*self.wallets, *self.credits]
        for account, found in zip(accounts, await self.database.read(lambda tx: wallets(tx, *accounts)), strict=True):
            expected = (self.model.total(account, self.now), self.model.on_hold.get(account.id, 0))
            assert (found.total, found.on_hold) == expected, account


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_ledger_has_what_the_model_has(database: Database, clock: Clock, admin_dsn: str, seed: int) -> None:
    town = Town(database, clock, random.Random(seed))
    await town.live(STEPS)
    assert town.done > STEPS // 4
    assert await broken_laws(admin_dsn) == []


async def test_hypothesis_invents_no_life_in_which_they_differ(database: Database, clock: Clock, admin_dsn: str) -> None:
    """It chooses every step, and would shrink a life that goes wrong to the shortest one."""
    loop = asyncio.get_running_loop()

    @settings(max_examples=LIVES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(chance=strategies.randoms(use_true_random=False), steps=strategies.integers(1, 40))
    def invent(chance: random.Random, steps: int) -> None:
        asyncio.run_coroutine_threadsafe(Town(database, clock, chance).live(steps), loop).result(120)

    await asyncio.to_thread(invent)
    assert await broken_laws(admin_dsn) == []
