"""What a step does to an order's money, as values: so that every path can be checked before any order takes it.

    nothing ─reserve→ reserved ─hold→ held ─release, split→ settled
       │  ←──void──────┘            ↑ └─refund→ nothing
       └────────────hold────────────┘

`hold` keeps an amount of the payer's for this order, with the fee as it is then. It may follow from a payment (`by=PAYMENTS`), or
take what is in the wallet. `capture` asks the provider for what it has reserved; the money is here when `payment.captured` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum, auto
from typing import Final

import msgspec

from souk.kernel.money import Rate
from souk.process.actors import PLATFORM, Actor
from souk.process.times import Field


class Escrow(StrEnum):
    """How an order's money stands. Each state has one of these."""

    NOTHING = auto()
    RESERVED = auto()
    """The payer's bank keeps it for us; it is not here."""
    HELD = auto()
    SETTLED = auto()
    """It has gone to whom it belongs."""


class Verb(StrEnum):
    """What is done."""

    RESERVE = auto()
    CAPTURE = auto()
    HOLD = auto()
    VOID = auto()
    RELEASE = auto()
    REFUND = auto()
    SPLIT = auto()
    PAY = auto()


LEADS: Final[Mapping[Verb, Mapping[Escrow, Escrow]]] = {
    Verb.RESERVE: {Escrow.NOTHING: Escrow.RESERVED},
    Verb.CAPTURE: {Escrow.RESERVED: Escrow.RESERVED},
    Verb.HOLD: {Escrow.NOTHING: Escrow.HELD, Escrow.RESERVED: Escrow.HELD},
    Verb.VOID: {Escrow.RESERVED: Escrow.NOTHING},
    Verb.RELEASE: {Escrow.HELD: Escrow.SETTLED},
    Verb.REFUND: {Escrow.HELD: Escrow.NOTHING},
    Verb.SPLIT: {Escrow.HELD: Escrow.SETTLED},
    Verb.PAY: {status: status for status in Escrow},
}
"""From which status each verb may start, and where it ends."""

OVER: Final = frozenset({Escrow.NOTHING, Escrow.SETTLED})
"""An order may end like this: nobody's money is in it."""


class Param(msgspec.Struct, frozen=True):
    """A parameter of the step."""

    name: str


class Computed(msgspec.Struct, frozen=True):
    """An amount by a rule of the market: `(order, now) -> minor units`, pure."""

    name: str
    rule: Callable[..., int]


class Rest(msgspec.Struct, frozen=True):
    """What is left of what is held."""


REST: Final = Rest()
Amount = Field | Param | Computed | Rest


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """One verb, with whatever it needs."""

    verb: Verb
    amount: Amount | None = None
    asset: str | Field | None = None
    """Its code, or the field of the order that has it; the market's main one where none is said."""
    fee: Rate | Field | None = None
    """What the platform keeps of it when it is released: a rate, or the field of the order that has the amount."""
    payer: Actor | None = None
    to: tuple[tuple[Actor, Amount], ...] = ()
    fee_waived: Param | None = None
    """Whether the platform takes no fee this time."""
    why: str = ""
    """Why whoever gets the money may take this step alone."""


def param(name: str) -> Param:
    """A parameter of the step."""
    return Param(name)


def computed(rule: Callable[..., int]) -> Computed:
    """An amount that follows from the order and the time."""
    return Computed(rule.__name__, rule)


def reserve(amount: str, *, payer: Actor, asset: str | Field | None = None) -> Money:
    """The payer's bank keeps an amount; nothing is taken yet."""
    return Money(verb=Verb.RESERVE, amount=Field(amount), payer=payer, asset=asset)


def capture() -> Money:
    """Ask for what was reserved. It is here when payments say so, by a step with `hold`."""
    return Money(verb=Verb.CAPTURE)


def void() -> Money:
    """Let go of what was reserved."""
    return Money(verb=Verb.VOID)


def hold(amount: str, *, payer: Actor, fee: Rate | Field | None = None, asset: str | Field | None = None) -> Money:
    """Keep an amount for this order; the fee is that of today, whatever rates are later."""
    return Money(verb=Verb.HOLD, amount=Field(amount), payer=payer, fee=fee, asset=asset)


def release(to: Actor, *, why: str = "") -> Money:
    """Give all that is held, less the fee, to somebody, and the fee to the platform."""
    return Money(verb=Verb.RELEASE, to=((to, REST),), why=why)


def refund(*, why: str = "") -> Money:
    """Give all that is held back to whoever paid."""
    return Money(verb=Verb.REFUND, why=why)


def split(parts: Mapping[Actor, Amount], *, fee_waived: Param | None = None, why: str = "") -> Money:
    """Divide what is held. Without `REST` among the parts they have to add up to it."""
    return Money(verb=Verb.SPLIT, to=tuple(parts.items()), fee_waived=fee_waived, why=why)


def pay(to: Actor, amount: str | Computed, *, asset: str | Field | None = None, why: str = "") -> Money:
    """The platform pays somebody from its own account, whatever is held."""
    wanted = Field(amount) if isinstance(amount, str) else amount
    return Money(verb=Verb.PAY, amount=wanted, to=((to, wanted),), payer=PLATFORM, asset=asset, why=why)
