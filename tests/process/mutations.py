"""Ways to get a process wrong, one at a time, and how many of them are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from souk.process import CLOCK, START, ActorKind, Actors, Process, Step, Tell, Unlawful, check
from souk.process.together import together
from tests.process.markets import MARKETS, templates

Mutant = tuple[str, Process]


def _with(process: Process, old: Step, *new: Step) -> Process:
    steps = tuple(each for step in process.steps for each in (new if step is old else (step,)))
    return replace(process, steps=steps)


def clock_exits(process: Process) -> Iterator[Mutant]:
    """The clock no longer leads out of a state that it alone led out of."""
    for state in process.states:
        exits = [step for step in process.leaving(state) if CLOCK in step.by and step.target not in {None, state}]
        if len(exits) == 1 and state in process.waits and not process.waits[state].because:
            (step,) = exits
            others = Actors(tuple(actor for actor in step.by.each if actor != CLOCK))
            yield f"no clock for {step.name}", _with(process, step, *((replace(step, by=others, at=()),) if others.each else ()))


def money(process: Process) -> Iterator[Mutant]:
    """A step forgets the money that decides how it stands afterwards."""
    for step in process.steps:
        for verb in step.money:
            if verb.verb not in {"capture", "pay"}:
                rest = tuple(each for each in step.money if each is not verb)
                yield f"no {verb.verb} in {step.name}", _with(process, step, replace(step, money=rest))


def twice(process: Process) -> Iterator[Mutant]:
    """A step moves its money twice."""
    for step in process.steps:
        for verb in step.money:
            if verb.verb not in {"capture", "pay"}:
                yield f"{verb.verb} twice in {step.name}", _with(process, step, replace(step, money=(*step.money, verb)))


def actors(process: Process) -> Iterator[Mutant]:
    """Somebody else takes a step."""
    for step in process.steps:
        if START in step.sources:
            continue
        for other in process.actors:
            if other not in step.by and other.kind is not ActorKind.PROCESS:
                yield f"{step.name} by {other.name}", _with(process, step, replace(step, by=Actors((other,))))


def lost_states(process: Process) -> Iterator[Mutant]:
    """Nothing leads to a state any more."""
    for state in process.states:
        steps = tuple(step for step in process.steps if step.target != state)
        yield f"nothing leads to {state}", replace(process, steps=steps)


def dead_ends(process: Process) -> Iterator[Mutant]:
    """Nothing leads out of a state any more."""
    for state in process.states:
        if state not in process.ends:
            steps = tuple(step for step in (_without(step, state) for step in process.steps) if step.sources)
            yield f"nothing leads out of {state}", replace(process, steps=steps)


def _without(step: Step, state: StrEnum) -> Step:
    return step if step.target is None else replace(step, sources=tuple(source for source in step.sources if source != state))


def targets(process: Process) -> Iterator[Mutant]:
    """A step that moves money leads to where the order goes on, or ends, instead of the other."""
    for step in process.steps:
        for state in process.states:
            ends = (state in process.ends, step.target in process.ends)
            if step.money and step.target is not None and state not in step.sources and ends[0] != ends[1]:
                yield f"{step.name} to {state}", _with(process, step, replace(step, target=state))


def texts(process: Process) -> Iterator[Mutant]:
    """A template is misspelt."""
    for step in process.steps:
        for told in step.tell:
            wrong = tuple(Tell(each.to, each.template + "s") if each is told else each for each in step.tell)
            yield f"misspelt in {step.name}", _with(process, step, replace(step, tell=wrong))


def fields(process: Process) -> Iterator[Mutant]:
    """A field that a time or a party needs is not there."""
    for party in process.parties:
        yield f"{party.name} by another field", replace(process, parties={**process.parties, party: "somebody_id"})


MUTATIONS: Final[dict[str, Callable[[Process], Iterator[Mutant]]]] = {
    "a clock exit is removed": clock_exits,
    "money is skipped": money,
    "money moves twice": twice,
    "the wrong actor": actors,
    "a state is never reached": lost_states,
    "a state has no way out": dead_ends,
    "the wrong target": targets,
    "a template is misspelt": texts,
    "a field is misspelt": fields,
}


class Score(msgspec.Struct):
    """Of each kind: how many were made, how many were refused; and what passed."""

    made: Counter[str]
    refused: Counter[str]
    passed: list[str]

    def __str__(self) -> str:
        lines = [f"{kind:26} {self.refused[kind]:4} of {count:4} refused" for kind, count in self.made.items()]
        share = self.refused.total() / self.made.total()
        return "\n".join([*lines, f"{'all':26} {self.refused.total():4} of {self.made.total():4} refused: {share:.1%}"])


def score() -> Score:
    """Every mutation of every market's processes, judged as the market would be."""
    found = Score(Counter(), Counter(), [])
    for market, processes in MARKETS.items():
        for process in processes:
            for kind, mutate in MUTATIONS.items():
                for done, mutant in mutate(process):
                    found.made[kind] += 1
                    if is_refused(market, process, mutant):
                        found.refused[kind] += 1
                    else:
                        found.passed.append(f"{market}.{process.name}: {done}")
    return found


def is_refused(market: str, old: Process, new: Process) -> bool:
    """Whether a market with that process would be."""
    if check(new):
        return True
    try:
        together((new if each is old else each for each in MARKETS[market]), {"en": templates(MARKETS[market])})
    except Unlawful:
        return True
    return False
