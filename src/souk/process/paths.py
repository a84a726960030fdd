"""Walking a process: which states an order can be in, how its money stands there, and by which steps it came."""

from __future__ import annotations

from collections import deque

import msgspec

from souk.process.language import START, Process, State, Step
from souk.process.money import LEADS, Escrow, Money


class Place(msgspec.Struct, frozen=True):
    """Where an order can be: a state, and how the money stands."""

    state: State
    escrow: Escrow


class Misfit(msgspec.Struct, frozen=True):
    """A verb that cannot start from where an order can be."""

    place: Place
    step: Step
    money: Money


class Walked(msgspec.Struct, frozen=True):
    """All that can be reached, with the shortest way to each place, and what went wrong there."""

    ways: dict[Place, tuple[Step, ...]]
    misfits: list[Misfit]

    def places(self, state: State) -> list[Place]:
        """How the money can stand in a state."""
        return [place for place in self.ways if place.state == state]

    def spoken(self, place: Place) -> str:
        """The way to a place, as a person would tell it."""
        steps = self.ways[place]
        return " → ".join(["start", *(f"{step.name} → {step.target}" if step.target else step.name for step in steps)])


def walk(process: Process) -> Walked:
    """Go everywhere an order can go."""
    first = Place(START, Escrow.NOTHING)
    walked = Walked({first: ()}, [])
    waiting = deque([first])
    while waiting:
        here = waiting.popleft()
        for step in process.leaving(here.state):
            there = _after(step, here, walked.misfits)
            if there is not None and there not in walked.ways:
                walked.ways[there] = (*walked.ways[here], step)
                waiting.append(there)
    return walked


def _after(step: Step, here: Place, misfits: list[Misfit]) -> Place | None:
    escrow = here.escrow
    for money in step.money:
        if escrow not in LEADS[money.verb]:
            misfits.append(Misfit(here, step, money))
            return None
        escrow = LEADS[money.verb][escrow]
    return Place(step.target_from(here.state), escrow)


def certain_fields(process: Process) -> dict[State, frozenset[str]]:
    """What certainly has been set when an order enters a state: the fields that every way there has set."""
    certain: dict[State, frozenset[str]] = {START: frozenset()}
    waiting: deque[State] = deque([START])
    while waiting:
        here = waiting.popleft()
        for step in process.leaving(here):
            if step.target is None:
                continue
            own = {name for party, name in process.parties.items() if party == step.becomes}
            more = certain[here] | set(step.sets) | own
            now = more & certain[step.target] if step.target in certain else more
            if now != certain.get(step.target):
                certain[step.target] = now
                waiting.append(step.target)
    return certain
