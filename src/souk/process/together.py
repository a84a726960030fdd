"""Processes that move together: a booking takes its project along. Checked once, when all processes of a market are known.

A step that cannot be taken along strands the one that wanted it, so both are walked as one. Wherever the pair can be, clock and machines
can do what they have to, and something leads on. People may be refused: they are told why.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from souk.process.actors import ActorKind
from souk.process.language import START, Along, Process, State, Step
from souk.process.laws import Fault, Unlawful

Pair = tuple[State, State]


ALSO: Final = (
    "processes have names of their own",
    "every text exists",
    "what is taken along exists",
    "what is taken along is open",
    "what waits to be taken along is",
)
"""The laws that the processes of a market keep among themselves."""


def together(processes: Iterable[Process], templates: Mapping[str, Collection[str]]) -> Mapping[str, Process]:
    """A market's processes by name. Those that do not fit each other, or the market's templates in each language, are refused."""
    processes = tuple(processes)
    known = {process.name: process for process in processes}
    if faults := faults_together(processes, templates):
        raise Unlawful(" and ".join(known), faults)
    return known


def faults_together(processes: Collection[Process], templates: Mapping[str, Collection[str]]) -> list[Fault]:
    """Every law of `ALSO` that processes of one market break."""
    known = {process.name: process for process in processes}
    names, texts, exists, is_open, is_taken = ALSO
    counted = Counter(process.name for process in processes)
    faults = [Fault(names, f"two processes are called {name}.") for name, count in counted.items() if count > 1]
    faults += [Fault(texts, said) for process in known.values() for said in _untold(process, templates)]
    missing = [Fault(exists, said) for process in known.values() for said in _unknown(process, known)]
    faults += missing or [Fault(is_open, said) for process in known.values() for said in _closed(process, known)]
    return faults + [Fault(is_taken, said) for process in known.values() for said in _forgotten(process, known)]


def _untold(process: Process, templates: Mapping[str, Collection[str]]) -> Iterator[str]:
    for step in process.steps:
        for told in step.tell:
            for language, names in templates.items():
                if told.template not in names:
                    near = get_close_matches(told.template, names, 1)
                    remedy = f"Did you mean {near[0]}?" if near else "Add it, or name another."
                    yield f"{process.name}.{step.name} tells {told.to.name} {told.template}, which is no template in {language}. {remedy}"


def _unknown(process: Process, known: Mapping[str, Process]) -> Iterator[str]:
    for step, taken in _along(process):
        where = f"{process.name}.{step.name} takes {taken.process}.{taken.step} along"
        other = known.get(taken.process)
        if taken.through not in process.order.__struct_fields__:
            yield f"{where} through {taken.through}, which {process.order.__name__} has not."
        if other is None:
            yield f"{where}, and there is no process {taken.process}."
        elif (theirs := next((each for each in other.steps if each.name == taken.step), None)) is None:
            yield f"{where}, and {taken.process} has no such step."
        elif not any(actor.kind is ActorKind.PROCESS and actor.name == process.name for actor in theirs.by.each):
            yield f"{where}, which is not its to take. Add process_of({process.name!r}) to by=."


def _forgotten(process: Process, known: Mapping[str, Process]) -> Iterator[str]:
    """Steps that only other processes take, and none does."""
    for step in process.steps:
        for actor in step.by.each:
            if actor.kind is not ActorKind.PROCESS:
                continue
            other = known.get(actor.name)
            taken = other and any((along.process, along.step) == (process.name, step.name) for _step, along in _along(other))
            if not taken:
                yield f"{process.name}.{step.name} waits for {actor.name}, which never takes it along. Say along=, or remove the step."


def _closed(process: Process, known: Mapping[str, Process]) -> Iterator[str]:
    for name in dict.fromkeys(taken.process for _step, taken in _along(process)):
        yield from dict.fromkeys(_walk(process, known[name]))


def _along(process: Process) -> Iterator[tuple[Step, Along]]:
    return ((step, taken) for step in process.steps for taken in step.along)


def _walk(process: Process, other: Process) -> Iterator[str]:
    """Go everywhere that a pair can go, from an order of the other's that is there. An order that ended may be followed by another."""
    firsts: list[Pair] = [(START, state) for state in _states_after_start(other)]
    seen: set[Pair] = set(firsts)
    waiting = deque(firsts)
    while waiting:
        ours, theirs = waiting.popleft()
        for there in _moves(process, other, ours, theirs):
            if isinstance(there, str):
                yield there
            elif there not in seen:
                seen.add(there)
                waiting.append(there)


def _moves(process: Process, other: Process, ours: State, theirs: State) -> Iterator[Pair | str]:
    if ours in process.ends:
        yield (START, theirs)
    out = False
    for step in process.leaving(ours):
        there = _taken_along(step, other, theirs)
        if there is not None:
            out = out or step.target not in {None, ours}
            yield (step.target_from(ours), there)
        elif not all(actor.is_person for actor in step.by.each):
            yield f"{_where(process, other, ours, theirs)}, {step.by} cannot {step.name}. {_remedy(other)}"
    if not out and ours not in process.ends and ours is not START:
        yield f"{_where(process, other, ours, theirs)}, nothing leads on. {_remedy(other)}"
    for step in other.leaving(theirs):
        if not all(actor.kind is ActorKind.PROCESS and actor.name == process.name for actor in step.by.each):
            yield (ours, step.target_from(theirs))


def _taken_along(step: Step, other: Process, theirs: State) -> State | None:
    """Where the other is after a step of ours; None where that cannot be."""
    for taken in step.along:
        if taken.process == other.name:
            wanted = other.step(taken.step)
            if theirs not in wanted.sources:
                return None
            theirs = wanted.target_from(theirs)
    return theirs


def _where(process: Process, other: Process, ours: State, theirs: State) -> str:
    return f"with {process.name} in {ours} and its {other.name} in {theirs}"


def _remedy(other: Process) -> str:
    return f"Let {other.name} be moved from there, or not get there."


def _states_after_start(other: Process) -> list[State]:
    return [step.target for step in other.leaving(START) if step.target is not None]
