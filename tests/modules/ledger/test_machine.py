"""Hypothesis lives with the ledger and with a model of it: whatever it does in whatever order, both have the same, lot by lot.

`SOUK_SOAK=1000` lives that many lives, and longer ones.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Coroutine
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Any, ClassVar, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, integers, none

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Tx
from souk.kernel.money import Asset
from souk.modules.ledger import (
    CREDITS,
    EXCHANGE,
    EXPIRED,
    FEES,
    ISSUED,
    SPENT,
    WALLET,
    Account,
    HoldEnded,
    IdempotencyConflict,
    InsufficientFunds,
    Lot,
    MoreThanHeld,
    MoreThanMoved,
    Movement,
    Wallet,
    capture,
    exchange,
    expire,
    grant,
    hold,
    lots,
    post,
    release,
    reverse,
    transfer,
    wallets,
)
from souk.modules.ledger import sql as ledger_sql
from souk.modules.ledger.jobs import fold, lapse_holds, lapse_lots
from tests.modules.ledger.conftest import WORLD
from tests.modules.ledger.laws import broken_laws
from tests.modules.ledger.model import Model, Refused

LIVES = int(os.environ.get("SOUK_SOAK", "25"))
STEPS = 100 if "SOUK_SOAK" in os.environ else 40
REFUSED = (InsufficientFunds, HoldEnded, MoreThanHeld, MoreThanMoved)
RUNS: int = 50

T = TypeVar("T")
which = integers(0, 40)
amounts = integers(1, 60)
hours = none() | integers(1, 12)


class Life(RuleBasedStateMachine):
    """Three people with money in two currencies, two with credits; assets of their own, so that nobody else moves the hot accounts."""

    database: ClassVar[Database]
    clock: ClassVar[Clock]
    loop: ClassVar[asyncio.AbstractEventLoop]
    lives: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        number = next(self.lives)
        money, other, credit = Asset(f"M{number}", 2), Asset(f"E{number}", 2), Asset(f"C{number}", 0)
        people = [uuid4() for _ in range(3)]
        self.wallets = [WALLET.of(money, each) for each in people]
        self.others = [WALLET.of(other, each) for each in people]
        self.credits = [CREDITS.of(credit, each) for each in people[:2]]
        self.world, self.fees, self.issued, self.spent = WORLD.of(money), FEES.of(money), ISSUED.of(credit), SPENT.of(credit)
        self.lapsed = EXPIRED.of(credit)
        hot = [self.world, self.fees, self.issued, self.spent, self.lapsed, EXCHANGE.of(money), EXCHANGE.of(other)]
        self.accounts = [*self.wallets, *self.others, *self.credits, *hot]
        self.model = Model()
        self.done: list[tuple[Movement, UUID]] = []
        self.ended: list[UUID] = []

    def run_in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def post(self, movement: Movement, *, last: bool = True) -> Any:
        return self.run_in_loop(self.database.write(partial(post, movement=movement, last=last)))

    def both(self, movement: Movement) -> None:
        """Both do it, or both refuse."""
        try:
            journal = self.model.post(movement, self.clock.now())
        except Refused:
            with pytest.raises(REFUSED):
                self.post(movement)
            return
        posted = self.post(movement, last=len(self.done) % 3 > 0)
        assert not posted.replayed
        self.model.journals[posted.journal] = journal
        self.done.append((movement, posted.journal))

    def until(self, after: int | None) -> datetime | None:
        """Never at a full hour, when the clock is moved."""
        return None if after is None else self.clock.now() + timedelta(hours=after, minutes=-30)

    @rule(who=which, amount=amounts)
    def give(self, who: int, amount: int) -> None:
        self.both(transfer(str(uuid4()), "gift", self.world, [(self.wallets[who % 3], amount)]))

    @rule(who=which, amount=amounts, after=hours)
    def grant_credits(self, who: int, amount: int, after: int | None) -> None:
        self.both(grant(str(uuid4()), "granted", self.credits[who % 2], amount, self.until(after), source=self.issued))

    @rule(who=which, whom=which, amount=amounts, fee=integers(0, 5))
    def pay(self, who: int, whom: int, amount: int, fee: int) -> None:
        """Now and then oneself."""
        self.both(transfer(str(uuid4()), "paid", self.wallets[who % 3], [(self.wallets[whom % 3], amount), (self.fees, fee)]))

    @rule(who=which, amount=amounts)
    def spend(self, who: int, amount: int) -> None:
        self.both(transfer(str(uuid4()), "spent", self.credits[who % 2], [(self.spent, amount)]))

    @rule(who=which, amount=amounts)
    def change(self, who: int, amount: int) -> None:
        rate = Fraction(3, 2)
        self.both(exchange(str(uuid4()), "exchanged", self.wallets[who % 3], amount, target=self.others[who % 3], rate=rate))

    @rule(who=which, amount=amounts, after=hours)
    def reserve(self, who: int, amount: int, after: int | None) -> None:
        self.both(hold(str(uuid4()), "held", [*self.wallets, *self.credits][who % 5], amount, self.until(after)))

    @rule(who=which, amount=amounts, after=hours)
    def fund(self, who: int, amount: int, after: int | None) -> None:
        self.both(hold(str(uuid4()), "funded", self.wallets[who % 3], amount, self.until(after), funded_by=self.world))

    def some_hold(self, index: int) -> UUID:
        """An open one, or one of the last that ended."""
        known = [*self.model.holds, *self.ended[-2:]]
        found = known[index % len(known)] if known else uuid4()
        self.ended.append(found)
        return found

    @rule(index=which, whom=which, amount=amounts, fee=integers(0, 5))
    def take(self, index: int, whom: int, amount: int, fee: int) -> None:
        held = self.some_hold(index)
        of_credits = held in self.model.holds and self.model.holds[held].account.purpose.in_lots
        parts = [(self.spent, amount)] if of_credits else [(self.wallets[whom % 3], amount), (self.fees, fee)]
        self.both(capture(str(uuid4()), "captured", held, parts))

    @rule(index=which)
    def free(self, index: int) -> None:
        self.both(release(str(uuid4()), "released", self.some_hold(index)))

    @rule(index=which)
    def end_in_time(self, index: int) -> None:
        self.both(expire(str(uuid4()), "lapsed", self.some_hold(index)))

    @precondition(lambda self: self.done)
    @rule(index=which)
    def back(self, index: int) -> None:
        self.both(reverse(str(uuid4()), "back", self.done[-1 - index % len(self.done)][1]))

    @precondition(lambda self: self.done)
    @rule(index=which, first=which, second=which, amount=amounts, wrong=booleans())
    def part_back(self, index: int, first: int, second: int, amount: int, *, wrong: bool) -> None:
        """Some of what one got goes back to one who gave; or (wrong) on, from who gave."""
        journal = self.done[-1 - index % len(self.done)][1]
        moved = self.model.journals[journal].moved
        gave, got = [each for each in moved if moved[each] < 0], [each for each in moved if moved[each] > 0]
        if gave:
            one, other = got[first % len(got)], gave[second % len(gave)]
            if one.asset == other.asset:
                units = -amount if wrong and first % 4 == 0 else amount
                self.both(reverse(str(uuid4()), "part back", journal, [(one, -units), (other, units)]))

    @precondition(lambda self: self.done)
    @rule(index=which, last=booleans())
    def repeat(self, index: int, *, last: bool) -> None:
        movement, journal = self.done[index % len(self.done)]
        posted = self.post(movement, last=last)
        assert (posted.journal, posted.replayed) == (journal, True)

    @precondition(lambda self: self.done)
    @rule(index=which)
    def contradict(self, index: int) -> None:
        movement, _ = self.done[index % len(self.done)]
        with pytest.raises(IdempotencyConflict):
            self.post(transfer(movement.key, "another", self.world, [(self.wallets[0], 61)]))

    @rule(who=which, whom=which, amount=amounts)
    def rehearse(self, who: int, whom: int, amount: int) -> None:
        """It says what would happen, and leaves nothing."""
        movement = hold(str(uuid4()), "rehearsed", self.wallets[who % 3], amount)
        there = self.model.posted[self.wallets[who % 3]] - self.model.on_hold[self.wallets[who % 3]]
        work = self.database.rehearse(partial(post, movement=movement, last=whom % 2 == 0))
        if there >= amount:
            self.run_in_loop(work)
        else:
            with pytest.raises(InsufficientFunds):
                self.run_in_loop(work)

    @rule(many=integers(1, 8))
    def wait(self, many: int) -> None:
        self.clock.move_to(self.clock.offset + timedelta(hours=many))

    @rule()
    def lapse(self) -> None:
        """Also what earlier lives left behind: a run of the clock does only so much."""

        async def all_that_is_due() -> None:
            for _ in range(RUNS):
                await lapse_holds(self.database)
                await lapse_lots(self.database)
                if not await self.database.read(due):
                    return
            raise AssertionError("there is always more to lapse")

        self.run_in_loop(all_that_is_due())
        self.model.lapse(self.clock.now(), self.lapsed)

    @rule()
    def tell_hot_accounts(self) -> None:
        self.run_in_loop(fold(self.database))

    @invariant()
    def both_have_the_same(self) -> None:
        balances, left = self.run_in_loop(self.database.read(partial(read, accounts=self.accounts, credit=self.credits)))
        now = self.clock.now()
        for account, found in zip(self.accounts, balances, strict=True):
            assert (found.total, found.on_hold) == (self.model.total(account, now), self.model.on_hold[account]), account
        for account, granted in zip(self.credits, left, strict=True):
            there = sorted((lot for lot in self.model.lots[account] if lot.remaining and lot.until > now), key=lambda lot: lot.rank)
            assert [(lot.id, lot.remaining, lot.on_hold) for lot in granted] == [(lot.id, lot.remaining, lot.held) for lot in there]


async def due(tx: Tx) -> bool:
    return bool(await tx.run(ledger_sql.DUE_HOLDS, tx.now, 1) or await tx.run(ledger_sql.DUE_LOTS, tx.now, 1))


async def read(tx: Tx, accounts: list[Account], credit: list[Account]) -> tuple[list[Wallet], list[list[Lot]]]:
    return await wallets(tx, *accounts), [await lots(tx, account) for account in credit]


async def test_no_life_is_found_in_which_the_ledger_and_its_model_differ(database: Database, clock: Clock, admin_dsn: str) -> None:
    class Lived(Life):
        pass

    Lived.database, Lived.clock, Lived.loop = database, clock, asyncio.get_running_loop()
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    how = settings(max_examples=LIVES, stateful_step_count=STEPS, deadline=None, database=None, suppress_health_check=slow)
    await asyncio.to_thread(run_state_machine_as_test, Lived, settings=how)
    assert await broken_laws(admin_dsn) == []
