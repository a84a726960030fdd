"""Who may do what where: a process as a table, for documents, for tests, and for whoever asks in advance."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from souk.process.actors import Actor
from souk.process.language import Process, State, Step


class Permission(msgspec.Struct, frozen=True):
    """In that state, this actor may take this step."""

    state: State
    actor: Actor
    step: Step


def permissions(process: Process) -> Iterator[Permission]:
    """Every permission that a process gives."""
    return (Permission(source, actor, step) for step in process.steps for source in step.sources for actor in step.by.each)


def may(process: Process, state: State, actor: Actor) -> list[Step]:
    """The steps that are open to an actor in a state, before any guard is asked."""
    return [step for step in process.leaving(state) if actor in step.by]


def table(process: Process) -> str:
    """The same as Markdown: a row for each state, a column for each actor."""
    actors = process.actors
    states = list(dict.fromkeys(source for step in process.steps for source in step.sources))
    rows = [[str(state), *(", ".join(step.name for step in may(process, state, actor)) or "-" for actor in actors)] for state in states]
    head = ["", *(actor.name for actor in actors)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]) + "\n"
