"""A process as a Mermaid diagram, with its actors, its money and its times."""

from __future__ import annotations

from collections.abc import Iterator

from souk.process.actors import CLOCK
from souk.process.language import START, Process, State, Step
from souk.process.money import Money, Verb


def draw(process: Process) -> str:
    """The diagram's text. It is the same for the same process, so that a change of the one shows in the other."""
    return "\n".join(["stateDiagram-v2", f"    %% {process.name}, version {process.version}", *_lines(process)]) + "\n"


def _lines(process: Process) -> Iterator[str]:
    for step in process.steps:
        for source in step.sources:
            yield f"    {_node(source)} --> {step.target_from(source)}: {label(step)}"
    for state in process.states:
        if state in process.ends:
            yield f"    {state} --> [*]"
    for state, waits in process.waits.items():
        yield f"    note right of {state}: waits for {waits.on}"


def _node(state: State) -> str:
    return "[*]" if state is START else str(state)


def label(step: Step) -> str:
    """A step in a line: its name, who takes it, when, and what happens to the money."""
    actors = ", ".join(actor.name for actor in step.by.each if actor != CLOCK) or "clock"
    together = " together" if step.by.together else ""
    parts = [f"{step.name} ({actors}{together})"]
    parts += [f"clock {time}" for time in step.at]
    parts += [spoken(money) for money in step.money]
    return " / ".join(parts)


def spoken(money: Money) -> str:
    """What happens to the money, in a few words."""
    if money.verb in {Verb.HOLD, Verb.RESERVE}:
        amount = getattr(money.amount, "name", "")
        return f"{money.verb} {amount}"
    if money.verb in {Verb.RELEASE, Verb.SPLIT, Verb.PAY}:
        return f"{money.verb} to {', '.join(actor.name for actor, _amount in money.to)}"
    return str(money.verb)
