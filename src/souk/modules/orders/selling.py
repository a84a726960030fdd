"""What a market declares to sell something: a module with the operations of its processes, and the processes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from souk.kernel.assembly import Module, module
from souk.kernel.messages import Event
from souk.modules.orders import leaving, routes, sending, taking
from souk.modules.orders.facts import PAYMENTS, reactions
from souk.modules.orders.kinds import Processes, Sold

MODULE: Final = module("orders", taking, sending, routes, leaving)
"""What all orders have in common; `sells` adds what is sold."""


class Sells(msgspec.Struct, frozen=True):
    """What goes into a market's declaration."""

    module: Module
    """Among its modules, after payments."""
    processes: Processes
    """Among its rules."""


def sells(*sold: Sold, facts: tuple[type[Event], ...] = (), templates: Mapping[str, frozenset[str]] | None = None) -> Sells:
    """Sell by these processes. facts: what the market's own machines report, beside payments."""
    heard: tuple[type[Event], ...] = (*PAYMENTS, *facts)
    _check_heard(sold, frozenset(fact.topic.name for fact in heard))
    made = replace(
        MODULE,
        operations=(*MODULE.operations, *routes.operations(*sold)),
        reactions=(*MODULE.reactions, *reactions(*heard)),
    )
    return Sells(made, Processes(*sold, templates=templates))


def _check_heard(sold: tuple[Sold, ...], heard: frozenset[str]) -> None:
    """A step that follows from a fact for which nobody listens would never be taken."""
    for process in (process for each in sold for process in (each.process, *each.before)):
        for step in process.steps:
            if unheard := set(step.on) - heard:
                what = f"{process.name}.{step.name} follows from {', '.join(sorted(unheard))}"
                raise TypeError(f"{what}, and nobody listens for it: name it in facts=")
