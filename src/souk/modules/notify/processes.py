"""Kinds from processes: `tell(CLIENT, "booking_paid")` on a step becomes a notification to that party when the step is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable, signature
from typing import Any, Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.modules import orders
from souk.modules.notify.kinds import EVERYWHERE, Kind
from souk.modules.notify.model import Channel, Value
from souk.process import Actor, ActorKind, Process

OfRole = Callable[[Tx, str], Awaitable[Sequence[UUID]]]
More = Callable[..., Any]
ALWAYS_THERE: Final = ("process", "step", "state", "order_id")
"""What every text of a step may use."""


def from_processes(
    processes: orders.Processes,
    *,
    says: More | None = None,
    parameters: tuple[str, ...] = (),
    of_role: OfRole | None = None,
    channels: tuple[Channel, ...] = EVERYWHERE,
) -> tuple[Kind, ...]:
    """A kind for every template that a step names.

    says: `(fact)` or async `(tx, fact)`, for what texts need beyond ids: names, a title, a price; `parameters` are the names of it.
    of_role: who has a role, where a step tells one rather than a party.
    """
    found: dict[tuple[str, str], dict[str, list[Actor]]] = defaultdict(lambda: defaultdict(list))
    for process in processes.every:
        for step in process.steps:
            for told in step.tell:
                _check_reached(process, step.name, told.to, of_role)
                heard = found[process.name, told.template][f"{process.name}.{step.name}"]
                if told.to not in heard:
                    heard.append(told.to)
    return tuple(
        _kind(processes.current[name].collection, name, template, dict(heard), says, parameters, of_role, channels)
        for (name, template), heard in found.items()
    )


def _check_reached(process: Process, step: str, to: Actor, of_role: OfRole | None) -> None:
    if to.kind is ActorKind.PARTY or (to.kind is ActorKind.ROLE and of_role is not None):
        return
    remedy = "say of_role=" if to.kind is ActorKind.ROLE else "tell a party or a role"
    raise TypeError(f"{process.name}.{step} tells {to.name}, and nobody knows who that is: {remedy}")


def _kind(  # noqa: PLR0913, PLR0917 - what a kind is made of
    collection: str,
    process: str,
    template: str,
    heard: Mapping[str, list[Actor]],
    says: More | None,
    parameters: tuple[str, ...],
    of_role: OfRole | None,
    channels: tuple[Channel, ...],
) -> Kind:
    async def to(tx: Tx, fact: Any) -> list[UUID]:
        people: list[UUID] = []
        for actor in heard[fact.topic.name]:
            if actor.kind is ActorKind.PARTY:
                people += [fact.parties[actor.name]] if actor.name in fact.parties else []
            elif of_role is not None:
                for role in actor.roles:
                    people += await of_role(tx, role)
        return people

    async def spoken(tx: Tx, fact: Any) -> dict[str, Value]:
        own = {"process": fact.process, "step": fact.step, "state": fact.state, "order_id": str(fact.order_id)}
        if says is None:
            return own
        more = says(tx, fact) if len(signature(says).parameters) > 1 else says(fact)
        return {**own, **(await more if isawaitable(more) else more)}

    return Kind(
        name=template if template.startswith(f"{process}.") else f"{process}.{template}",
        category=process,
        means=template.replace("_", " "),
        may_use=(*ALWAYS_THERE, *parameters),
        channels=channels,
        link=f"/{collection}/{{{{ order_id }}}}",
        template=template,
        on=tuple(orders.moved_as(topic) for topic in heard),
        to=to,
        says=spoken,
        about=lambda fact: fact.order_id,
        actor=lambda fact: fact.person_id,
    )
