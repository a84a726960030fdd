"""What the ledger tells: balances, statements, lots, holds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.record import Record

Minor = Annotated[int, Meta(description="Minor units: 12500 is 125.00 where the asset has two decimals.")]


class Wallet(Record):
    """What somebody has of an asset. total = available + on hold."""

    available: Minor
    on_hold: Minor
    total: Minor
    currency: str


class Balance(msgspec.Struct, frozen=True):
    """An account's reading."""

    id: UUID
    purpose: str
    asset: str
    exponent: int
    total: int
    on_hold: int
    lapsed: int

    def wallet(self) -> Wallet:
        """As its owner sees it: credits that lapsed are gone, though the clock has not written it yet."""
        total = self.total - self.lapsed
        return Wallet(total - self.on_hold, self.on_hold, total, self.asset)


class Line(Record):
    """A line of a statement."""

    position: int
    id: UUID
    kind: str
    reference_id: UUID | None
    amount: Minor
    balance: Minor | None
    at: datetime
    reverses: UUID | None


class Lot(Record):
    """A grant of credits that still has some."""

    id: UUID
    amount: Minor
    remaining: Minor
    on_hold: Minor
    expires_at: datetime | None
    granted_at: datetime
    kind: str


class OpenHold(msgspec.Struct, frozen=True):
    """What is, or was, spoken for."""

    id: UUID
    account_id: UUID
    owner_id: UUID | None
    asset: str
    amount: int
    state: str
    captured: int | None
    expires_at: datetime | None
    kind: str
    reference_id: UUID | None
    at: datetime


class Side(msgspec.Struct, frozen=True):
    """What a journal did to another account."""

    purpose: str
    owner_id: UUID | None
    asset: str
    exponent: int
    amount: int


class Booked(msgspec.Struct, frozen=True):
    """What the entries and the open holds of an account add up to."""

    total: int
    on_hold: int


class Step(msgspec.Struct, frozen=True):
    """What one journal did to an account."""

    id: UUID
    kind: str
    key: str
    reference_id: UUID | None
    at: datetime
    amount: int
    held: int
    others: list[Side]
