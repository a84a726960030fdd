"""Taking captured money for a refund, from wherever it is by now, and putting it back when the refund fails."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules import ledger
from souk.modules.payments.accounts import clearing
from souk.modules.payments.model import RefundSource, Row
from souk.modules.payments.providers import Till
from souk.modules.payments.receivables import ask_of, square
from souk.modules.payments.settling import save


class Taken(msgspec.Struct, frozen=True):
    """What was taken: by which journals, what of it its payee owes since, and what the platform gave."""

    journals: list[UUID]
    owed: int = 0
    fee: int = 0


class Cause(msgspec.Struct, frozen=True):
    """Why something moves: the key of the movement, its kind, and what it is about."""

    key: str
    kind: str
    reference: UUID


async def take(  # noqa: PLR0913 - how much of what, from where, and why
    tx: Tx, till: Till, payment: Row, amount: int, *, source: RefundSource, fee: int = 0, why: Cause
) -> tuple[Taken, Row]:
    """Move an amount of a locked payment to the provider. `fee` is the platform's part of it, where the payee gives the rest."""
    asset = till.assets.named(payment.currency)
    away = clearing(payment.provider).of(asset)
    if source is RefundSource.HOLD:
        return await _from_hold(tx, till, payment, amount, why)
    if source is RefundSource.PAYER or payment.payee_id is None:
        wallet = ledger.WALLET.of(asset, payment.payer_id)
        posted = await ledger.post(tx, ledger.transfer(why.key, why.kind, wallet, [(away, amount)], reference=why.reference))
        return Taken([posted.journal]), payment
    asked = await ask_of(tx, asset, payment.payee_id, amount - fee)
    platform = [(ledger.FEES.of(asset), -fee)] if fee else []
    legs = [*asked.legs, *platform, (away, amount)]
    posted = await ledger.post(tx, ledger.Movement(key=why.key, kind=why.kind, legs=legs, reference=why.reference))
    payment = await save(tx, payment, fee_returned=payment.fee_returned + fee) if fee else payment
    return Taken([posted.journal], asked.owed, fee), payment


async def _from_hold(tx: Tx, till: Till, payment: Row, amount: int, why: Cause) -> tuple[Taken, Row]:
    """A hold ends once: what is not taken of it is held anew."""
    if payment.hold_id is None:
        raise ledger.HoldNotFound
    away = clearing(payment.provider).of(till.assets.named(payment.currency))
    posted = await ledger.post(tx, ledger.capture(why.key, why.kind, payment.hold_id, [(away, amount)], reference=why.reference))
    return Taken([posted.journal]), await held_anew(tx, till, payment, payment.held - amount, f"{why.key}, the rest")


async def held_anew(tx: Tx, till: Till, payment: Row, amount: int, key: str) -> Row:
    """Hold that much of a payment in the place of a hold that has ended."""
    if not amount:
        return await save(tx, payment, hold_id=None, held=0)
    wallet = ledger.WALLET.of(till.assets.named(payment.currency), payment.payer_id)
    movement = ledger.hold(key, "escrow.held", wallet, amount, reference=payment.id)
    await ledger.post(tx, movement)
    return await save(tx, payment, hold_id=movement.hold_id, held=amount)


async def put_back(  # noqa: PLR0913 - as above
    tx: Tx, till: Till, payment: Row, amount: int, *, source: RefundSource, taken: Taken, why: Cause
) -> Row:
    """Reverse what was taken of a locked payment. An escrow that is not over yet holds it again."""
    for number, journal in enumerate(reversed(taken.journals)):
        await ledger.post(tx, ledger.reverse(f"{why.key} {number}", why.kind, journal, reference=why.reference))
    if source is RefundSource.HOLD and payment.released_by is None:
        if payment.hold_id is not None:
            await ledger.post(tx, ledger.release(f"{why.key}, the hold before", "escrow.held", payment.hold_id, reference=payment.id))
        return await held_anew(tx, till, payment, payment.held + amount, f"{why.key}, held again")
    if source is RefundSource.PAYEE and payment.payee_id is not None:
        asset = till.assets.named(payment.currency)
        await square(tx, asset, payment.payee_id, f"{why.key}, squared", why.reference)
    return await save(tx, payment, fee_returned=payment.fee_returned - taken.fee) if taken.fee else payment
