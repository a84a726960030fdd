"""Facts the ledger announces of itself. What a movement means is announced by who asked for it."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.messages import Event, event


@event("hold.expired")
class HoldExpired(Event):
    """Nobody took what was on hold in time; it is free again."""

    about: UUID
    """What it was held for."""
    hold_id: UUID
    account_id: UUID
    amount: int


@event("credits.expired")
class CreditsExpired(Event):
    """Credits lapsed that nobody had used."""

    owner_id: UUID
    lot_id: UUID
    amount: int
    currency: str
