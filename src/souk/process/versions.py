"""Versions of a process: an order keeps the one that it began with, until it is moved to another, to where it fits there.

Sold(LESSON, "lessons", before=(LESSON_1,), moves={(1, 2): {Old.TAUGHT: S.GIVEN}})
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from souk.process.language import START, Process, State
from souk.process.laws import Fault
from souk.process.paths import walk

Moves = Mapping[tuple[int, int], Mapping[Any, StrEnum]]
"""From which version to which: states whose orders go to one of another name."""


def place_in(new: Process, state: str, moves: Mapping[Any, StrEnum]) -> StrEnum | None:
    """Where an order in a state of another version belongs: where it is said, else in the state of the same name."""
    said = next((target for source, target in moves.items() if str(source) == state), None)
    return said if said is not None else next((each for each in new.states if str(each) == state), None)


def faults_between(versions: tuple[Process, ...], moves: Moves) -> list[Fault]:
    """What is wrong with the versions of one process, the newest first, and with what is said about moving between them."""
    newest = versions[0]
    known = {each.version: each for each in versions}
    faults = [Fault(LAW, said) for said in _names(versions, known)]
    faults += [Fault(LAW, said) for older in versions[1:] for said in _paths(newest, older)]
    for (source, target), states in moves.items():
        if source not in known or target not in known:
            there = ", ".join(map(str, sorted(known)))
            faults.append(Fault(LAW, f"{newest.name} is moved from version {source} to {target}; there are {there}. Name them in before=."))
        else:
            faults += [Fault(LAW, said) for said in _moved(known[source], known[target], states)]
    return faults


LAW: Final = "versions fit"


def _names(versions: tuple[Process, ...], known: Mapping[int, Process]) -> Iterator[str]:
    newest = versions[0]
    if len(known) < len(versions):
        yield f"two versions of {newest.name} have the same number. Count on: version=."
    for older in versions[1:]:
        if older.name != newest.name:
            yield f"{older.name} is no version of {newest.name}. Sell it by itself."


def _paths(newest: Process, older: Process) -> Iterator[str]:
    """One path of the API takes one type, whatever version an order is of."""
    takes = {step.public: step.takes for step in newest.steps if step.takes is not None}
    for step in older.steps:
        wanted = takes.get(step.public)
        if START not in step.sources and step.takes is not None and wanted is not None and wanted is not step.takes:
            where = f"{step.public} of {newest.name} takes {wanted.__name__} in version {newest.version}"
            yield f"{where} and {step.takes.__name__} in version {older.version}. Take the same type in both, or give one another path=."


def _moved(old: Process, new: Process, states: Mapping[Any, StrEnum]) -> Iterator[str]:
    before, after = walk(old), walk(new)
    for source, target in states.items():
        if source not in set(old.states) - old.ends:
            yield f"{source} is no state of {old.name}, version {old.version}, in which an order waits. Take it from moves=."
        elif target not in set(new.states):
            yield f"{target} is no state of {new.name}, version {new.version}. Name one of {new.states.__name__}."
        else:
            fits = {place.escrow for place in after.places(target)}
            for place in before.places(source):
                if place.escrow not in fits:
                    there = _standing(target, " or ".join(sorted(fits)))
                    yield f"{_standing(source, place.escrow)} in version {old.version}, and {there} in version {new.version}. {REMEDY}"


REMEDY: Final = "Move it to where the money stands as it does."


def _standing(state: State, escrow: str) -> str:
    return f"in {state} money is {escrow}"
