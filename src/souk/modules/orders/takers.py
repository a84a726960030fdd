"""Who asks for a step, and as whom: a person as the party or the role that they are, the clock, a machine, another process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from souk.kernel.http.guards import Actor as Caller
from souk.modules.orders.kinds import Kind
from souk.process import CLOCK, Actor, ActorKind, Step


class Taker(msgspec.Struct, frozen=True):
    """One who asks for a step."""

    person: UUID | None = None
    roles: frozenset[str] = frozenset()
    clock: bool = False
    fact: str = ""
    """The topic of the event by which a machine asks."""
    process: str = ""
    event: object = None
    """What the machine reports."""


THE_CLOCK = Taker(clock=True)


def person(by: Caller) -> Taker:
    """Somebody who is signed in."""
    return Taker(by.id, by.roles)


def is_as(taker: Taker, actor: Actor, kind: Kind, order: object) -> bool:
    """Whether they are that actor in this order."""
    match actor.kind:
        case ActorKind.PARTY:
            return taker.person is not None and getattr(order, kind.process.parties[actor]) == taker.person
        case ActorKind.ROLE:
            return taker.person is not None and not taker.roles.isdisjoint(actor.roles)
        case ActorKind.CLOCK:
            return taker.clock
        case ActorKind.MACHINE:
            return taker.fact in actor.facts
        case ActorKind.PROCESS:
            return taker.process == actor.name


def parts_of(taker: Taker, kind: Kind, order: Any) -> list[Actor]:
    """All that they are in this order. Nobody who is nothing in it is told that it exists.

    Who has a role by which people become parties sees an order only while it is open to them.
    """
    seen = kind.staff | kind.open_to[order.state]
    return [
        actor
        for actor in kind.everybody
        if is_as(taker, actor, kind, order) and (actor.kind is not ActorKind.ROLE or not seen.isdisjoint(actor.roles))
    ]


def is_inside(taker: Taker, kind: Kind, order: object) -> bool:
    """Whether they are a party, or staff: those who see what has happened to an order."""
    return not taker.roles.isdisjoint(kind.staff) or any(is_as(taker, actor, kind, order) for actor in kind.process.parties)


def as_whom(taker: Taker, step: Step, kind: Kind, order: object) -> Iterator[Actor]:
    """As whom they may take a step. A party needs its role for that: an order may name anybody."""
    for actor in step.by.each:
        if is_as(taker, actor, kind, order) and _may_act(taker, actor, step):
            yield actor


def _may_act(taker: Taker, actor: Actor, step: Step) -> bool:
    if actor.kind is ActorKind.PARTY:
        return not taker.roles.isdisjoint(actor.roles)
    return actor.kind is not ActorKind.MACHINE or taker.fact in step.on


def may_begin(taker: Taker, step: Step) -> Actor | None:
    """The party that they become by beginning an order."""
    for actor in step.by.each:
        if actor.kind is ActorKind.PARTY and not taker.roles.isdisjoint(actor.roles):
            return actor
        if (actor == CLOCK and taker.clock) or (actor.kind is ActorKind.MACHINE and taker.fact in actor.facts):
            return actor
    return None
