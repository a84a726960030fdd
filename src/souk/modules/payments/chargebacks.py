"""Chargebacks: what they are."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.http import Paging
from souk.kernel.record import Record
from souk.modules.payments.model import ChargebackState, RefundSource

RANKS: Final = {ChargebackState.OPEN: 0, ChargebackState.LOST: 1, ChargebackState.WON: 2}
"""A chargeback only ever moves up. A bank that kept the money may still give it back; one that gave it back begins anew."""


class Chargeback(Record):
    """A payer's bank took money back, or wants to: as staff see it."""

    id: UUID
    payment_id: UUID
    provider: str
    provider_id: str
    amount: int
    fee: int
    currency: str
    reason: str
    status: ChargebackState
    taken: int
    """What of it was there: in the escrow, or in a wallet."""
    owed: int
    """What was not, and is owed since."""
    payer_id: UUID
    payee_id: UUID | None
    reference_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None


class DisputeRow(msgspec.Struct, frozen=True):
    """A chargeback with all that its handling needs."""

    id: UUID
    payment_id: UUID
    provider: str
    provider_id: str
    amount: int
    fee: int
    currency: str
    reason: str
    state: ChargebackState
    source: RefundSource
    taken: int
    owed: int
    from_hold: int
    from_payee: int
    from_platform: int
    journals: list[UUID]
    revision: int
    opened_at: datetime
    closed_at: datetime | None


class Paid(msgspec.Struct, frozen=True):
    """What payee and platform gave back of a payment."""

    payee: int
    platform: int


class Parts(msgspec.Struct, frozen=True):
    """Who gives what of a chargeback."""

    hold: int
    payee: int
    platform: int
    payer: int

    @property
    def source(self) -> RefundSource:
        """Where most of it is looked for first."""
        return RefundSource.HOLD if self.hold else RefundSource.PAYEE if self.payee else RefundSource.PAYER


def parts_of(amount: int, *, held: int, payee_has: int, platform_has: int) -> Parts:
    """Who gives it: the escrow while there is one, then who earned it, then the platform out of its fee, and the payer for the rest."""
    hold = min(amount, held)
    payee = min(amount - hold, payee_has)
    platform = min(amount - hold - payee, platform_has)
    return Parts(hold, payee, platform, amount - hold - payee - platform)


class DisputesQuery(Paging, kw_only=True):
    """Which chargebacks are wanted."""

    status: ChargebackState | None = None
