"""The simulator: seeded random walks of everybody over real code and a real database, held against the process's own model.

People take steps that are open to them, and some that are not; clocks jump; requests are lost before their commit;
payments succeed, fail, and come too late. After each step the order has to be where the model says; every law has to hold all along.
A failure says with which seed it happens again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Broken, Tx
from souk.kernel.errors import Refusal
from souk.kernel.messages import Claimed, Worker
from souk.kernel.telemetry import Outcome
from souk.modules.orders import sql
from souk.modules.orders.kinds import Kind
from souk.modules.orders.model import Stored
from souk.modules.orders.surroundings import Person, Stage, Surroundings
from souk.modules.orders.takers import Taker, as_whom, may_begin
from souk.modules.orders.taking import Taken, begin, take
from souk.process import START, Actor, ActorKind, Escrow, Param, Step, Verb
from souk.process.paths import Place
from souk.process.simulate import expected, invent

PATIENCE: Final = 40
"""How many more steps there are at least, more or less, when the last order has begun; three for each where there are many."""
LOOK: Final = 200
"""Steps after which every law is looked at."""
JUMPS: Final = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=13), timedelta(days=1), timedelta(days=4), timedelta(days=15))
LIKELY: Final = (8, 8, 4, 2, 1, 0.3)


class Report(msgspec.Struct):
    """How it went."""

    seed: int
    orders: int = 0
    steps: int = 0
    jumps: int = 0
    lost: int = 0
    seconds: float = 0.0
    taken: Counter[str] = msgspec.field(default_factory=Counter)
    """As the history of its orders has it: by people, by the clock and by machines."""
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    ended: Counter[str] = msgspec.field(default_factory=Counter)


class WentWrong(Exception):
    """Reality and model differ, or a law is broken."""

    def __init__(self, seed: int, step: int, what: str, trail: list[str]) -> None:
        self.seed = seed
        super().__init__(f"seed {seed}, after {step} steps: {what}\n" + "\n".join(trail[-12:]))


class Simulation:
    """One walk."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.random = Random(seed)  # noqa: S311 - a walk, not a secret
        self.report = Report(seed)
        self.trail: list[str] = []
        self.places: dict[UUID, tuple[Kind, Place]] = {}
        self.begun_by: dict[UUID, UUID] = {}
        self.around = Surroundings(stage, self.random)
        self._failing: list[str] = []
        self._worker = Worker(stage.database, stage.catalogue, resources=stage.resources, random=self.random, watch=self)

    async def run(self, orders: int) -> Report:
        """Let that many orders begin and go their ways, then let time pass until nothing happens any more."""
        try:
            return await self._run(orders, max(PATIENCE, 3 * orders))
        except WentWrong:
            raise
        except Exception as error:
            raise self._wrong(f"unexpected {type(error).__name__}: {error}") from error

    async def _run(self, orders: int, patience: int) -> Report:
        began = time.monotonic()
        for person in self.stage.people:
            await self.around.fund(person, self.report.seed)
        while self.report.orders < orders or self.random.random() < 1 - 1 / patience:
            await self._move(orders)
            if self.report.steps % LOOK == 0:
                await self._check_laws()
        self.stage.bank.behave()
        for jump in (*JUMPS, *JUMPS, timedelta(days=400)):
            await self._jump(jump)
        await self._check_laws()
        self.report.seconds = time.monotonic() - began
        self.report.ended.update(f"{kind.name}: {place.state}" for kind, place in self.places.values())
        for each in await self.stage.database.read(lambda tx: tx.run(sql.TAKEN, list(self.places))):
            self.report.taken[f"{each.process}.{each.step}"] = each.count
        return self.report

    async def _move(self, orders: int) -> None:
        """One thing happens."""
        self.report.steps += 1
        chance = self.random.random()
        if self.report.orders < orders and (not self.places or chance < 0.25):
            await self._begin()
        elif chance < 0.27:
            await self._jump(self.random.choices(JUMPS, LIKELY)[0])
        elif chance < 0.32:
            await self._hears(await self.around.pay_by_card(self.places))
        elif chance < 0.33:
            await self._hears(await self.around.report(self.places))
        else:
            await self._step()

    # What its worker tells

    def span(self, job: Claimed) -> AbstractContextManager[Any]:
        del job
        return nullcontext()

    def ran(self, job: str, outcome: Outcome, seconds: float) -> None:
        del seconds
        if outcome is Outcome.DEAD or (outcome is Outcome.RETRIED and not self.stage.bank.misbehaved):
            self._failing.append(job)

    # What happens

    async def _begin(self) -> None:
        kind = self.random.choice(list(self.stage.desk.processes.current.values()))
        starts = [step for step in kind.process.leaving(START) if any(actor.roles for actor in step.by.each)]
        if not starts:
            return
        step = self.random.choice(starts)
        able = [person for person in self.stage.people if may_begin(_as(person), step) is not None]
        person = self.random.choice(able if able and self.random.random() < 0.95 else self.stage.people)
        params = self._params(kind, step, None, person)
        work = partial(begin, desk=self.stage.desk, kind=kind, public=step.public, taker=_as(person), params=params)
        taken = await self._tries(work, f"{kind.name}: {step.name}")
        if taken is not None:
            self.report.orders += 1
            self.begun_by[taken.order.id] = person.id
            self.places[taken.order.id] = (kind, expected(Place(START, Escrow.NOTHING), taken.step))
            await self._check(taken.order.id, *self._moved_along(taken))

    async def _step(self) -> None:
        order_id = self.random.choice(list(self.places))
        kind, place = self.places[order_id]
        stored = await self.stage.database.read(lambda tx: tx.run(sql.ORDER, order_id, kind.name))
        if stored is None:
            raise self._wrong(f"{kind.name} {order_id} is gone")
        order = kind.order(stored)
        step, person = self._choose(kind, place, order)
        if step is None or person is None:
            return
        params = await self._agreed(step, stored) or self._params(kind, step, stored, person)
        work = partial(take, desk=self.stage.desk, kind=kind, order_id=order_id, public=step.public, taker=_as(person), params=params)
        taken = await self._tries(work, f"{kind.name} in {place.state}: {step.name}")
        along: list[UUID] = []
        if taken is not None and taken.agreed:
            self.places[order_id] = (kind, expected(place, taken.step))
            along = self._moved_along(taken)
        await self._check(order_id, *along)

    def _moved_along(self, taken: Taken) -> list[UUID]:
        """Let what moves with an order be where the model says, too."""
        moved = []
        for along in taken.step.along:
            other: UUID = getattr(taken.order, along.through)
            kind, place = self.places[other]
            self.places[other] = (kind, expected(place, kind.process.step(along.step)))
            moved.append(other)
        return moved

    def _choose(self, kind: Kind, place: Place, order: Any) -> tuple[Step | None, Person | None]:
        """Mostly a step that is open, by one who may; sometimes any, by anybody."""
        steps = [step for step in kind.process.steps if START not in step.sources and any(actor.is_person for actor in step.by.each)]
        if not steps:
            return None, None
        if self.random.random() < 0.1:
            return self.random.choice(steps), self.random.choice(self.stage.people)
        able = [
            (step, person)
            for step in steps
            if place.state in step.sources
            for person in self.stage.people
            if next(as_whom(_as(person), step, kind, order), None) is not None
        ]
        return self.random.choice(able) if able else (None, None)

    async def _hears(self, said: str) -> None:
        """Something came from outside."""
        if said:
            self.trail.append(said)
            await self._work()

    async def _jump(self, by: timedelta) -> None:
        self.report.jumps += 1
        self.trail.append(f"time passes: {by}")
        self.stage.clock.move_to(self.stage.clock.offset + by * self.random.uniform(0.2, 1.2))
        await self._work()

    async def _work(self) -> None:
        """Let worker and clock do what is due, and take over where they led."""
        await self._worker.drain()
        while await self.stage.bank.tell(self.stage.database):
            await self._worker.drain()
        if self._failing:
            raise self._wrong(f"{', '.join(self._failing)} failed")
        rows = await self.stage.database.read(lambda tx: tx.run(sql.WHERE, list(self.places)))
        for row in rows:
            kind, place = self.places[row.id]
            now = Place(kind.state(row.state), row.escrow)
            if now != place:
                if now not in _reachable(kind, place):
                    raise self._wrong(f"{kind.name} {row.id} came from {_said(place)} to {_said(now)} by itself")
                self.trail.append(f"{kind.name}: {place.state} → {now.state} by itself")
                self.places[row.id] = (kind, now)

    async def _tries(self, work: Callable[[Tx], Awaitable[Taken]], what: str) -> Taken | None:
        """Somebody tries. Some requests are lost when all is done but the commit: then nothing may have happened."""
        lost = self.random.random() < 0.03
        try:
            taken = await (self.stage.database.rehearse if lost else self.stage.database.write)(work)
        except Refusal as refused:
            self.report.refused[refused.code] += 1
            self.trail.append(f"{what}: {refused.code}")
            return None
        if lost:
            self.report.lost += 1
            self.trail.append(f"{what}: lost")
            return None
        self.trail.append(f"{what} → {taken.order.state}")
        return taken

    # What is looked at

    async def _check(self, *orders: UUID) -> None:
        """Each is where the model says."""
        rows = await self.stage.database.read(lambda tx: tx.run(sql.WHERE, list(orders)))
        there = {row.id: Place(self.places[row.id][0].state(row.state), row.escrow) for row in rows}
        for order_id in orders:
            kind, place = self.places[order_id]
            if there.get(order_id) != place:
                now = _said(there[order_id]) if order_id in there else "nowhere"
                raise self._wrong(f"{kind.name} {order_id} is in {now}, and should be in {_said(place)}")

    async def _check_laws(self) -> None:
        """Nobody moves meanwhile, so no snapshot is needed."""

        async def ask(tx: Tx) -> list[Broken]:
            return [Broken(law, rows) for law in self.stage.laws if (rows := await tx.run(law.query))]

        if broken := await self.stage.database.read(ask):
            raise self._wrong("; ".join(f"{each}: {each.rows[0]}" for each in broken))

    def _wrong(self, what: str) -> WentWrong:
        return WentWrong(self.report.seed, self.report.steps, what, self.trail)

    # What is chosen

    def _params(self, kind: Kind, step: Step, stored: Stored | None, person: Person) -> Any:
        if step.takes is None:
            return None
        supply: dict[str, Callable[[], object]] = {}
        for name in step.takes.__struct_fields__:
            for actor, field in kind.process.parties.items():
                if field == name:
                    supply[name] = partial(self._somebody, actor)
            other = name.removesuffix("_id")
            if other in self.stage.desk.processes.current:
                supply[name] = partial(self._some_order, other, person)
        if stored is not None and stored.purse is not None:
            supply |= self._shares(step, stored.purse.amount)
        return invent(step.takes, self.random, self.stage.clock.now(), supply)

    async def _agreed(self, step: Step, stored: Stored) -> Any:
        """What others want who have to agree to it: now and then one does."""
        if not step.by.together or step.takes is None or self.random.random() < 0.4:
            return None
        said = await self.stage.database.read(lambda tx: tx.run(sql.CONSENTS, stored.id, step.name, stored.entered))
        return msgspec.json.decode(said[0].params, type=step.takes) if said and said[0].params is not None else None

    def _somebody(self, actor: Actor) -> UUID:
        able = [person.id for person in self.stage.people if person.role in actor.roles]
        return self.random.choice(able or [person.id for person in self.stage.people])

    def _some_order(self, name: str, person: Person) -> UUID:
        """One of their own, mostly."""
        known = [order_id for order_id, (kind, _place) in self.places.items() if kind.name == name]
        own = [order_id for order_id in known if self.begun_by[order_id] == person.id]
        if own and self.random.random() < 0.9:
            return self.random.choice(own)
        return self.random.choice(known) if known else UUID(int=self.random.getrandbits(128), version=4)

    def _shares(self, step: Step, held: int) -> dict[str, Callable[[], object]]:
        """What is held, divided; now and then it does not add up."""
        names = [
            amount.name for money in step.money if money.verb is Verb.SPLIT for _actor, amount in money.to if isinstance(amount, Param)
        ]
        left, shares = held, {}
        for name in names[:-1]:
            shares[name] = self.random.randint(0, left)
            left -= shares[name]
        if names:
            shares[names[-1]] = left if self.random.random() < 0.9 else left + 1
        return {name: partial(int, share) for name, share in shares.items()}


def _as(person: Person) -> Taker:
    return Taker(person.id, frozenset({person.role}))


def _said(place: Place) -> str:
    return f"{place.state} with money {place.escrow}"


def _reachable(kind: Kind, place: Place) -> set[Place]:
    """Where clocks and machines may lead an order, in any number of steps."""
    found, waiting = {place}, [place]
    while waiting:
        here = waiting.pop()
        for step in kind.process.leaving(here.state):
            if any(actor.kind in {ActorKind.CLOCK, ActorKind.MACHINE, ActorKind.PROCESS} for actor in step.by.each):
                there = expected(here, step)
                if there not in found:
                    found.add(there)
                    waiting.append(there)
    return found
