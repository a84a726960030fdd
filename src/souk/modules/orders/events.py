"""The fact that every step announces, under its process's or its market's name."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
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


@cache
def moved_as(topic: str) -> type[Moved]:
    """The fact of that name, to react to: `<process>.<step>`, the market's own name, or `<process>.<step>.asked`.

    One name is one fact, whichever steps announce it.
    """
    name = re.sub(r"\W|_", "", topic.title())
    kind = msgspec.defstruct(name, [], bases=(Moved,), namespace={"__doc__": f"{topic}: an order has moved."}, frozen=True)
    return event(topic, aggregate="order_id")(cast("type[Moved]", kind))


def facts_of(process: Process, step: Step) -> tuple[type[Moved], ...]:
    """What a step announces: `<process>.<step>`, and the market's own name beside it."""
    return tuple(moved_as(topic) for topic in dict.fromkeys((f"{process.name}.{step.name}", step.emits)) if topic)


def asked_of(process: Process, step: Step) -> type[Moved]:
    """That somebody wants a step, and others have to agree."""
    return moved_as(f"{process.name}.{step.name}.asked")
