"""What a market declares to sell something: a module with the operations of its processes, and the processes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from souk.kernel.assembly import Module, module
from souk.kernel.messages import Event
from souk.modules import payments
from souk.modules.orders import routes, sending, taking
from souk.modules.orders.facts import reactions
from souk.modules.orders.kinds import Processes, Sold

PAYMENTS: Final = (payments.PaymentCaptured, payments.PaymentFailed, payments.PaymentAuthorised, payments.PaymentCanceled)


MODULE: Final = module("orders", taking, sending, routes)
"""What all orders have in common; `sells` adds what is sold."""


class Sells(msgspec.Struct, frozen=True):
    """What goes into a market's declaration."""

    module: Module
    """Among its modules, after payments."""
    processes: Processes
    """Among its rules."""


def sells(*sold: Sold, facts: tuple[type[Event], ...] = (), templates: Mapping[str, frozenset[str]] | None = None) -> Sells:
    """Sell by these processes. facts: what the market's own machines report, beside payments."""
    made = replace(
        MODULE,
        operations=(*MODULE.operations, *routes.operations(*sold)),
        reactions=(*MODULE.reactions, *reactions(*PAYMENTS, *facts)),
    )
    return Sells(made, Processes(*sold, templates=templates))
