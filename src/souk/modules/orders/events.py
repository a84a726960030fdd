"""The fact that every step announces, under its process's or its market's name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

import msgspec

from souk.kernel.messages import Event, event

if TYPE_CHECKING:
    from souk.process import Process, Step


class Moved(Event):
    """An order has taken a step."""

    order_id: UUID
    revision: int
    process: str
    step: str
    source: str
    state: str
    actor: str
    person_id: UUID | None
    parties: dict[str, UUID]
    at: datetime


def event_of(process: Process, step: Step, *, asked: bool = False) -> type[Moved]:
    """The fact that a step announces: under the market's own name where it has one, else `<process>.<step>`.

    asked: that somebody wants it, and others have to agree.
    """
    name = f"{process.name}_{step.name}{'_asked' if asked else ''}".title().replace("_", "")
    topic = f"{process.name}.{step.name}.asked" if asked else step.emits or f"{process.name}.{step.name}"
    kind = msgspec.defstruct(name, [], bases=(Moved,), namespace={"__doc__": f"{step.name} of a {process.name}."}, frozen=True)
    return event(topic, aggregate="order_id")(cast("type[Moved]", kind))
