"""Escrow: a captured payment is held in its payer's wallet until somebody releases it, or sends it back."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.messages import Event
from souk.modules import ledger
from souk.modules.payments.errors import NothingHeld
from souk.modules.payments.model import Row
from souk.modules.payments.providers import Till
from souk.modules.payments.settling import locked, save


async def release(  # noqa: PLR0913 - how much of which payment goes where
    tx: Tx, till: Till, payment_id: UUID, *events: Event, to_payee: int | None = None, fee: int | None = None, actor: UUID | None = None
) -> Row:
    """Give what is held to the payee and the platform's fee to the platform; what is left of it is free in the payer's wallet.

    Without amounts it is all of it, with the fee that was agreed. The events are announced with it.
    """
    row = await locked(tx, payment_id)
    asset = till.assets.named(row.currency)
    fee = min(row.fee, row.held) if fee is None else fee
    to_payee = row.held - fee if to_payee is None else to_payee
    if row.hold_id is None or (row.payee_id is None and to_payee):
        raise NothingHeld
    if min(fee, to_payee) < 0:
        raise ledger.NotPositive
    key = f"payment {row.id} released"
    if to_payee or fee:
        parts = [(ledger.FEES.of(asset), fee)]
        if row.payee_id is not None:
            parts = [(ledger.WALLET.of(asset, row.payee_id), to_payee), *parts]
        movement = ledger.capture(key, "escrow.released", row.hold_id, parts, reference=row.id, actor=actor)
    else:
        movement = ledger.release(key, "escrow.ended", row.hold_id, reference=row.id, actor=actor)
    posted = await ledger.post(tx, movement, *events)
    return await save(tx, row, hold_id=None, held=0, released_by=posted.journal, released=to_payee, fee_taken=fee)


async def held_of(tx: Tx, payment_id: UUID) -> int:
    """What of a payment is still held: less than was captured where a part was sent back, or a bank took it. Locked until the commit."""
    return (await locked(tx, payment_id)).held
