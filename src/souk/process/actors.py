"""Who takes steps: the parties of an order, people with a role, the clock, machines that report facts, and other processes.

Every word is a value; `CLIENT | CLOCK` is a set of them, and `both(CLIENT, WORKER)` is what two have to want.
"""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Final

import msgspec


class ActorKind(StrEnum):
    """How the runtime knows that it is them."""

    PARTY = auto()
    """Somebody whom the order names."""
    ROLE = auto()
    """Anybody who has that role in the market."""
    CLOCK = auto()
    MACHINE = auto()
    """A part of the system, or of the world, that reports a fact."""
    PROCESS = auto()
    """Another process, in the same transaction."""


class Actor(msgspec.Struct, frozen=True):
    """One who takes steps."""

    name: str
    kind: ActorKind
    facts: tuple[str, ...] = ()
    """What a machine reports: topics of events."""
    roles: tuple[str, ...] = ()
    """The market's roles that a person needs to be it."""

    def __or__(self, other: Actor | Actors) -> Actors:
        return Actors((self,)) | other

    @property
    def is_person(self) -> bool:
        """Whether they may forget, be ill, or leave: nothing may wait for them alone and for ever."""
        return self.kind in {ActorKind.PARTY, ActorKind.ROLE}


class Actors(msgspec.Struct, frozen=True):
    """Those of whom any may take a step; or all of whom have to, where it takes them together."""

    each: tuple[Actor, ...]
    together: bool = False

    def __or__(self, other: Actor | Actors) -> Actors:
        more = (other,) if isinstance(other, Actor) else other.each
        return Actors((*self.each, *(actor for actor in more if actor not in self.each)))

    def __contains__(self, actor: Actor) -> bool:
        return actor in self.each

    def __str__(self) -> str:
        return (" and " if self.together else " or ").join(actor.name for actor in self.each)


CLOCK: Final = Actor("clock", ActorKind.CLOCK)
PLATFORM: Final = Actor("platform", ActorKind.MACHINE)
"""The market itself, as one who is paid. It takes no steps."""


def party(name: str, *roles: str) -> Actor:
    """Somebody whom an order names, with one of these roles of the market; without any said, with the role of that name.

    Whoever takes a step from START becomes the party that it is for.
    """
    return Actor(name, ActorKind.PARTY, roles=roles or (name,))


def role(name: str) -> Actor:
    """Anybody with that role: staff, or a worker who is not in the order yet."""
    return Actor(name, ActorKind.ROLE, roles=(name,))


def machine(name: str, *facts: str) -> Actor:
    """A part of the system that reports facts, by the topics of its events: payments, a chain, an analyst."""
    return Actor(name, ActorKind.MACHINE, facts)


def process_of(name: str) -> Actor:
    """Another process, whose steps take this one's along."""
    return Actor(name, ActorKind.PROCESS)


def both(*actors: Actor) -> Actors:
    """What each of them has to want. The first asks, the others agree to the same; whoever asks for something else asks anew."""
    return Actors(actors, together=True)


def actors_of(by: Actor | Actors) -> Actors:
    """The same, as a set."""
    return Actors((by,)) if isinstance(by, Actor) else by
