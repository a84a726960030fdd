"""Moving running orders to another version of their process: what does not fit is found first, then they move a batch at a time.

An order that moves keeps its place, its money and how long it has waited; its timers are those of the new version, and whatever was
agreed under the old one has to be agreed anew. Its history says so, as a step of the platform's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from souk.kernel.db import Database, Tx
from souk.kernel.messages import enqueue
from souk.modules.orders import sql
from souk.modules.orders.kinds import Kind, Processes
from souk.modules.orders.model import Stored, Taken
from souk.modules.orders.taking import fire
from souk.modules.orders.timing import Moments, armed_anew
from souk.process import Escrow
from souk.process.paths import Place, Walked, walk
from souk.process.versions import place_in

BATCH: Final = 200
"""Orders of one transaction: few enough that nobody waits long for a lock."""

Heard = Callable[[str], None]


class NoSuchVersion(Exception):
    """The market sells by no such process, or not by that version of it."""


class Misfit(msgspec.Struct, frozen=True):
    """An order that cannot be moved, and why."""

    order_id: UUID
    state: str
    why: str


class Fitting(msgspec.Struct, frozen=True):
    """An order as it would be in the other version."""

    stored: Stored
    order: Any
    state: StrEnum
    since: datetime
    """When it came into its state."""
    taken: Mapping[str, datetime]


class Looked(msgspec.Struct):
    """What was found: where orders go, those that do not fit, and how many the clock moves on as soon as they have moved."""

    moves: Counter[str] = msgspec.field(default_factory=Counter)
    misfits: list[Misfit] = []
    overdue: int = 0

    @property
    def fit(self) -> int:
        return self.moves.total()


class Change:
    """From one version of a process to another."""

    def __init__(self, processes: Processes, name: str, old: int, new: int) -> None:
        try:
            self.old: Final[Kind] = processes.named(name, old)
            self.new: Final[Kind] = processes.named(name, new)
        except KeyError:
            known = ", ".join(f"{each.name} {each.version}" for each in processes.every)
            raise NoSuchVersion(f"there are not both versions {old} and {new} of {name}; there are: {known}") from None
        self._moves: Final = processes.moves[name].get((old, new), {})
        self._walked: Final[Walked] = walk(self.new.process)
        self.states: Final = [str(state) for state in self.old.process.states if state not in self.old.process.ends]
        """Where an order of the old version still has something before it."""

    def fitted(self, stored: Stored, steps: Sequence[Taken]) -> Fitting | Misfit:
        """The order in the new version, or why there is no place for it."""
        version, name = self.new.process.version, self.new.process.order.__name__
        state = place_in(self.new.process, stored.state, self._moves)
        if state is None:
            return Misfit(stored.id, stored.state, f"version {version} has no such state, and nobody says where its orders go")
        escrow = stored.purse.escrow if stored.purse is not None else Escrow.NOTHING
        if Place(state, escrow) not in self._walked.ways:
            there = " or ".join(sorted(place.escrow for place in self._walked.places(state)))
            return Misfit(stored.id, stored.state, f"its money is {escrow}, and in {state} it is {there}")
        try:
            order = self.new.order(stored)
        except msgspec.ValidationError as error:
            return Misfit(stored.id, stored.state, f"{name} cannot be read from it: {error}")
        order = replace(order, state=str(state), version=version)
        return Fitting(stored, order, state, _entered(stored, steps), {each.step: each.at for each in steps})

    def overdue(self, fitting: Fitting, now: datetime) -> bool:
        """Whether the new version's clock would have moved it on by now."""
        return any(each.at <= now for each in armed_anew(self.new, fitting.order, _moments(fitting), 0))


def _entered(stored: Stored, steps: Sequence[Taken]) -> datetime:
    return next(each.at for each in steps if each.revision == stored.entered)


def _moments(fitting: Fitting) -> Moments:
    return Moments(fitting.state, fitting.since, fitting.taken)


async def look(database: Database, change: Change) -> Looked:
    """Look at every order of the old version that is not over. Changes nothing."""
    looked, after = Looked(), None
    while batch := await database.read(partial(_batch, change=change, after=after)):
        after = batch[-1][0]
        _count(looked, change, [found for _id, found in batch], database.clock.now())
    return looked


async def _batch(tx: Tx, change: Change, after: UUID | None) -> list[tuple[UUID, Fitting | Misfit]]:
    process = change.old.process
    stored = await tx.run(sql.RUNNING, process.name, process.version, change.states, after, BATCH)
    steps: dict[UUID, list[Taken]] = {each.id: [] for each in stored}
    for each in await tx.run(sql.WHEN_TAKEN, list(steps)) if stored else ():
        steps[each.order_id].append(each)
    return [(each.id, change.fitted(each, steps[each.id])) for each in stored]


def _count(looked: Looked, change: Change, found: Sequence[Fitting | Misfit], now: datetime) -> None:
    for each in found:
        if isinstance(each, Misfit):
            looked.misfits.append(each)
        else:
            looked.moves[f"{each.stored.state} → {each.state}"] += 1
            looked.overdue += change.overdue(each, now)


async def move(database: Database, change: Change, heard: Heard = lambda _line: None) -> Looked:
    """Move all that fit, a batch at a time. What does not fit stays with its version."""
    moved, after = Looked(), None
    while batch := await database.write(partial(_move_batch, change=change, after=after)):
        after = batch[-1][0]
        _count(moved, change, [found for _id, found in batch], database.clock.now())
        heard(f"{moved.fit} orders")
    return moved


async def _move_batch(tx: Tx, change: Change, after: UUID | None) -> list[tuple[UUID, Fitting | Misfit]]:
    """Those that are read are locked, and then read again: what has gone on meanwhile is looked at where it is now."""
    await tx.run(sql.LOCK, [order_id for order_id, _found in await _batch(tx, change, after)])
    batch = await _batch(tx, change, after)
    for _id, found in batch:
        if isinstance(found, Fitting):
            await _move(tx, change, found)
    return batch


async def _move(tx: Tx, change: Change, fitting: Fitting) -> None:
    stored, new = fitting.stored, change.new
    params = {"from": stored.version, "to": new.process.version, "since": fitting.since}
    parties = list(new.parties(fitting.order).values())
    where = (new.process.version, stored.state, str(fitting.state), tx.now)
    entered = await tx.run(sql.MIGRATE, stored.id, stored.revision, *where, msgspec.json.encode(params).decode(), parties)
    for each in armed_anew(new, fitting.order, _moments(fitting), entered):
        await enqueue(tx, fire, each.timer, run_at=each.at, key=each.key)
