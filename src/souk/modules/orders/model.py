"""What is known of an order in general, whatever its market sells."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from souk.kernel.record import Record
from souk.process import Escrow


class Purse(msgspec.Struct, frozen=True):
    """An order's money: how it stands, and where it is."""

    escrow: Escrow
    asset: str
    payer_id: UUID
    amount: int
    fee: int = 0
    hold_id: UUID | None = None
    payment_id: UUID | None = None


class Stored(msgspec.Struct, frozen=True):
    """An order as it is kept."""

    id: UUID
    process: str
    version: int
    state: str
    revision: int
    entered: int
    """The revision at which it came into its state."""
    whole: msgspec.Raw
    """All that its market knows of it, as its own type writes it."""
    purse: Purse | None


class Moved(msgspec.Struct, frozen=True):
    """What a step moved. The ledger's journal of it has the order as its reference, and the revision in its key."""

    verb: str
    amount: int
    asset: str
    fee: int = 0
    """What the platform keeps of it, or will when it is released."""
    net: int = 0
    """What is left for others."""
    to: dict[str, int] = {}
    """Who got how much of it, by their part in the order."""


class Entry(Record):
    """A step that an order has taken."""

    revision: int
    step: str
    actor: str
    person_id: UUID | None
    source: str
    target: str
    params: dict[str, Any] | None
    money: list[Moved]
    at: datetime


class Consent(msgspec.Struct, frozen=True):
    """What one of several has agreed to."""

    actor: str
    person_id: UUID
    params: msgspec.Raw | None


class OpenStep(Record):
    """A step that the reader may take now, or could if something were otherwise."""

    step: str
    method: str
    path: str
    about: str
    why_not: str | None = None
    """What is missing for it; null where it is open."""
    agreed: tuple[str, ...] = ()
    """Of those who have to agree: who has."""
    parameters: str | None = None
    """The name of its parameters in OpenAPI's schemas."""


class Timer(msgspec.Struct, frozen=True):
    """What the clock has to do about an order, if it still is where it was."""

    process: str
    order_id: UUID
    step: str
    number: int
    """Which of the step's times."""
    entered: int
    """The revision at which the order came into the state that it waits in."""


class Known(msgspec.Struct, frozen=True):
    """An order as one of its parties takes it along."""

    process: str
    whole: msgspec.Raw
    steps: msgspec.Raw
    """What they did."""


class At(msgspec.Struct, frozen=True):
    """Where an order is."""

    id: UUID
    state: str
    escrow: Escrow


class TakenCount(msgspec.Struct, frozen=True):
    """How often a step was taken."""

    process: str
    step: str
    count: int


class Taken(msgspec.Struct, frozen=True):
    """When a step was taken; of one that only changed the version, since when the order had been where it was."""

    order_id: UUID
    revision: int
    step: str
    at: datetime
