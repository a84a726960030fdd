"""Processes made ready: whatever can be decided once about one is decided here, when a market starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from inspect import isawaitable, signature
from typing import Any, Final

import msgspec

from souk.kernel.db import Tx
from souk.kernel.errors import REFUSALS, Refusal, refusal
from souk.modules.orders.events import asked_of, facts_of
from souk.modules.orders.model import Stored
from souk.process import CLOCK, START, ActorKind, Guard, Order, Process, Step, Time, Unlawful, Verb
from souk.process.together import together
from souk.process.versions import Moves, faults_between

encode: Final = msgspec.json.encode
QUICK: Final = frozenset({Verb.HOLD, Verb.RELEASE, Verb.REFUND, Verb.SPLIT})
"""What the ledger does to money that is in a wallet: one movement, and it goes with the step."""


class Ready:
    """A guard made ready: how it is asked, and what it says where it does not hold."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        wanted = signature(guard.rule).parameters
        self.wants_tx = "tx" in wanted
        self.wants_params = len(wanted) - self.wants_tx > 1
        self.refusal = _refusal_of(guard)

    async def holds(self, tx: Tx, order: object, params: object) -> bool:
        """Whether it does, for this order."""
        args = (tx, order, params) if self.wants_tx else (order, params)
        found = self.guard.rule(*(args if self.wants_params else args[:-1]))
        return bool(await found if isawaitable(found) else found)


def _refusal_of(guard: Guard) -> type[Refusal]:
    known = REFUSALS.get(guard.code)
    if known is not None and known.message == guard.reason:
        return known
    return refusal(guard.code, guard.reason, status=409)


class Kind:
    """A process made ready."""

    def __init__(self, process: Process, collection: str) -> None:
        self.process: Final = process
        self.collection: Final = collection
        """What its orders are called in paths: `/lessons`."""
        self.decode: Final[Callable[[msgspec.Raw], Any]] = msgspec.json.Decoder(process.order).decode
        names = zip(process.order.__struct_fields__, process.order.__struct_encode_fields__, strict=True)
        self.own: Final = {name: outside for name, outside in names if name not in Order.__struct_fields__}
        """The fields that are the market's, by their names inside, and outside."""
        self.facts: Final = {step.name: facts_of(process, step) for step in process.steps}
        self.asks: Final = {step.name: asked_of(process, step) for step in process.steps if step.by.together}
        self.guards: Final = {step.name: tuple(Ready(guard) for guard in step.when) for step in process.steps}
        self.by_path: Final[dict[str, tuple[Step, ...]]] = {}
        for step in process.steps:
            self.by_path[step.public] = (*self.by_path.get(step.public, ()), step)
        self.everybody: Final = tuple(dict.fromkeys((*process.parties, *process.actors)))
        self.clocked: Final = {state: tuple(_of_clock(process, state)) for state in process.states}
        """By state, what the clock may do there: the step, which of its times, and that."""
        roles = [(step, actor) for step in process.steps for actor in step.by.each if actor.kind is ActorKind.ROLE]
        of_parties = {name for actor in process.parties for name in actor.roles}
        self.staff: Final = frozenset(name for _step, actor in roles for name in actor.roles) - of_parties
        """Roles that see every order: those by which nobody becomes a party."""
        self.open_to: Final = {
            str(state): frozenset(name for step, actor in roles if state in step.sources for name in actor.roles)
            for state in process.states
        }
        """By state, roles whose people may take a step there, and so see the order while it is there."""
        self.renaming: Final = frozenset(step.name for step in process.steps if self._may_rename(step))
        """Steps after which others may have a part in the order."""
        self.quick: Final = frozenset(public for public, steps in self.by_path.items() if all(self._is_quick(step) for step in steps))
        """Names of steps that need nothing of the database but to be written down: they are decided before a transaction begins."""
        self.moneyless: Final = frozenset(public for public, steps in self.by_path.items() if not any(step.money for step in steps))
        """Names of steps that move no money, so that it does not matter where that is."""
        self.state: Final[Callable[[str], Any]] = process.states

    def _may_rename(self, step: Step) -> bool:
        return step.becomes is not None or step.do is not None or not set(self.process.parties.values()).isdisjoint(step.sets)

    def _is_quick(self, step: Step) -> bool:
        asks = step.by.together or step.along or step.do is not None or any(guard.wants_tx for guard in self.guards[step.name])
        return not asks and {money.verb for money in step.money} <= QUICK

    @property
    def name(self) -> str:
        return self.process.name

    def order(self, stored: Stored) -> Any:
        """The order as its market knows it."""
        return self.decode(stored.whole)

    def content(self, fields: Mapping[str, object]) -> str:
        """Fields as they are kept."""
        return encode({self.own[name]: value for name, value in fields.items() if name in self.own}).decode()

    def parties(self, order: object) -> dict[str, Any]:
        """Who has which part in it, of those who have one."""
        found = {actor.name: getattr(order, field) for actor, field in self.process.parties.items()}
        return {name: person for name, person in found.items() if person is not None}

    def beginnings(self, public: str) -> tuple[Step, ...]:
        """Steps of that name by which an order begins."""
        return tuple(step for step in self.by_path.get(public, ()) if START in step.sources)


def _of_clock(process: Process, state: StrEnum) -> Iterator[tuple[Step, int, Time]]:
    for step in process.leaving(state):
        if CLOCK in step.by:
            yield from ((step, number, time) for number, time in enumerate(step.at))


class Sold(msgspec.Struct, frozen=True):
    """A process, what its orders are called in paths, and the versions that some of them began with."""

    process: Process
    collection: str
    before: tuple[Process, ...] = ()
    moves: Moves = {}
    """Where orders of an older version go when they are moved; those that are not said, to the state of the same name."""


class Processes:
    """A market's processes. A rule of a market: `rules=(orders.Processes(Sold(LESSON, "lessons")),)`."""

    def __init__(self, *sold: Sold, templates: Mapping[str, Iterable[str]] | None = None) -> None:
        self.templates: Final = {language: frozenset(names) for language, names in (templates or {}).items()}
        together([each.process for each in sold], self.templates)
        for each in sold:
            if faults := faults_between((each.process, *each.before), each.moves):
                raise Unlawful(each.process.name, faults)
        self.current: Final = {each.process.name: Kind(each.process, each.collection) for each in sold}
        self._before: Final = {(old.name, old.version): Kind(old, each.collection) for each in sold for old in each.before}
        self.moves: Final = {each.process.name: each.moves for each in sold}

    @property
    def every(self) -> list[Process]:
        """All of them, those first by which orders begin, then those that some began with."""
        return [kind.process for kind in (*self.current.values(), *self._before.values())]

    def named(self, name: str, version: int | None = None) -> Kind:
        """The process of that name; of the version that an order began with, where one is said."""
        current = self.current[name]
        return current if version in {None, current.process.version} else self._before[name, version or 0]
