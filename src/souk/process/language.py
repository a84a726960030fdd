"""The language of processes: an order's life as one value, from which everything else is made.

A process is declared with `process(…)` (see `laws`), which refuses one that could lose money or strand an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from souk.kernel.record import Record
from souk.process.actors import CLOCK, Actor, Actors, actors_of
from souk.process.money import Money
from souk.process.times import Time

T = TypeVar("T")


class Start(Enum):
    """Before there is an order."""

    START = "start"

    def __str__(self) -> str:
        return self.value


START: Final = Start.START
State = StrEnum | Start

MIGRATED: Final = "migrated"
"""What the history calls it that an order goes on by another version of its process."""


class Order(Record, forbid_unknown_fields=False):
    """What every order has; a process's own is a subclass with the fields that its market needs."""

    id: UUID
    state: str
    revision: int
    """How many steps it has taken."""
    version: int
    """Of the process that it began with."""
    created_at: datetime
    updated_at: datetime


class Beginning(msgspec.Struct, frozen=True):
    """What there is of an order before its first step: what `do` of that step gets in its place."""

    id: UUID
    at: datetime
    by: UUID | None


class Guard(msgspec.Struct, frozen=True):
    """What has to be so for a step: a rule with the reason that a person is told where it is not.

    The rule is `(order) -> bool`, `(order, params) -> bool`, or either with `tx` before it and async. Rules without
    parameters also decide which steps are shown as open.
    """

    name: str
    rule: Callable[..., Any]
    reason: str
    code: str


class Tell(msgspec.Struct, frozen=True):
    """Who hears of a step, and by which template."""

    to: Actor
    template: str


class Along(msgspec.Struct, frozen=True):
    """A step of another process that is taken in the same transaction, on the row that a field of this order names."""

    process: str
    step: str
    through: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One permitted move."""

    name: str
    by: Actors
    sources: tuple[State, ...]
    target: StrEnum | None = None
    """Without one the order stays where it is: a reminder, the next offer, an edit. Staying enters nothing, so it arms no timer."""
    takes: type[msgspec.Struct] | None = None
    """Its parameters: the request's body, the form, the schema."""
    when: tuple[Guard, ...] = ()
    money: tuple[Money, ...] = ()
    sets: tuple[str, ...] = ()
    """Fields of the order that have a value afterwards: that of the parameter of the same name, or what `do` makes of it."""
    becomes: Actor | None = None
    """The party that whoever takes it is from now on."""
    do: Callable[..., Any] | None = None
    """`async (tx, order, params)`, in the same transaction; what it returns, by name, are fields that have another value now."""
    at: tuple[Time, ...] = ()
    """When the clock takes it. Each arms a timer of its own."""
    on: tuple[str, ...] = ()
    """The facts by which machines take it: topics of events about this order."""
    tell: tuple[Tell, ...] = ()
    along: tuple[Along, ...] = ()
    emits: str = ""
    """The market's own name of the event, beside `<process>.<step>`."""
    out_of_turn: bool = False
    """Whether people take it for whom nothing waits: a dispute, a withdrawal, a word of staff."""
    path: str = ""
    """Its public name, where several steps share one: which of them is meant follows from who asks, and from the state."""
    about: str = ""
    """What it is for, in a sentence for people who read the API."""

    @property
    def public(self) -> str:
        """What it is called in paths."""
        return self.path or self.name.replace("_", "-")

    def target_from(self, source: State) -> State:
        """Where the order is after it."""
        return self.target if self.target is not None else source


class Waits(msgspec.Struct, frozen=True):
    """For whom a state waits, and why it may do so for ever, if it may."""

    on: Actors
    because: str = ""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """An order's life."""

    name: str
    order: type[Order]
    """What is known of an order."""
    states: type[StrEnum]
    parties: Mapping[Actor, str]
    """Each party, and the field of the order that says who it is."""
    steps: tuple[Step, ...]
    waits: Mapping[StrEnum, Waits]
    ends: frozenset[StrEnum]
    version: int = 1

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    def leaving(self, state: State) -> Iterator[Step]:
        """Steps that are open in a state."""
        return (step for step in self.steps if state in step.sources)

    @property
    def actors(self) -> tuple[Actor, ...]:
        """Everybody who has something to do, in the order in which they appear."""
        return tuple(dict.fromkeys(actor for step in self.steps for actor in step.by.each))


# How it is written


def guard(reason: str, *, code: str = "") -> Callable[[Callable[..., Any]], Guard]:
    """Make a rule of a function; the reason is what people are told where it does not hold."""

    def made(rule: Callable[..., Any]) -> Guard:
        return Guard(rule.__name__, rule, reason, code or rule.__name__.upper())

    return made


def tell(to: Actor | Actors, template: str) -> tuple[Tell, ...]:
    """Who hears of it, and by which template."""
    return tuple(Tell(actor, template) for actor in actors_of(to).each)


def along(process: str, step: str, *, through: str) -> Along:
    """Take a step of another process along: that of the row which a field of this order names."""
    return Along(process, step, through)


def waits_on(actors: Actor | Actors, *, because: str = "") -> Waits:
    """For whom a state waits; and, where no clock ends the waiting, because of what."""
    return Waits(actors_of(actors), because)


def step(  # noqa: PLR0913 - the words of a sentence; few are used at once
    name: str,
    *,
    by: Actor | Actors,
    source: State | tuple[State, ...],
    target: StrEnum | None = None,
    takes: type[msgspec.Struct] | None = None,
    when: Guard | tuple[Guard, ...] = (),
    money: Money | tuple[Money, ...] = (),
    sets: tuple[str, ...] = (),
    becomes: Actor | None = None,
    do: Callable[..., Any] | None = None,
    at: Time | tuple[Time, ...] = (),
    on: str | tuple[str, ...] = (),
    tell: tuple[Tell, ...] = (),
    along: Along | tuple[Along, ...] = (),
    emits: str = "",
    out_of_turn: bool = False,
    path: str = "",
    about: str = "",
) -> Step:
    """One permitted move. Where something may be one or several, one needs no brackets."""
    return Step(
        name=name,
        by=actors_of(by),
        sources=_several(source),
        target=target,
        takes=takes,
        when=_several(when),
        money=_several(money),
        sets=sets,
        becomes=becomes,
        do=do,
        at=_several(at),
        on=_several(on),
        tell=tell,
        along=_several(along),
        emits=emits,
        out_of_turn=out_of_turn,
        path=path,
        about=about,
    )


def _several(one_or_more: T | tuple[T, ...]) -> tuple[T, ...]:
    return one_or_more if isinstance(one_or_more, tuple) else (one_or_more,)


def is_clock(step: Step) -> bool:
    """Whether the clock takes it, alone or beside others."""
    return CLOCK in step.by
