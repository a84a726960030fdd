"""Chargebacks: a payer's bank takes money back. It is gone at once, and so it is booked at once; a win brings it back.

One row for each of the provider's disputes. What is booked follows from the dispute as the provider tells it and not from its
events, so these may come in any order, late and twice:

    open → lost → won        (lost: it stays; won: all of it is taken back; the fee stays either way)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from souk.kernel.db import Database, Tx
from souk.kernel.http import Page
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.kernel.money import Asset, Money
from souk.modules import ledger
from souk.modules.payments.accounts import LOSSES, PROVIDER_FEES, clearing
from souk.modules.payments.chargebacks import RANKS, Chargeback, DisputeRow, DisputesQuery, Parts, parts_of
from souk.modules.payments.events import PaymentDisputed
from souk.modules.payments.model import ChargebackState, Happened, PaymentState, RefundSource, Row
from souk.modules.payments.paying import refreshed
from souk.modules.payments.provider import Dispute, DisputeState, Misused
from souk.modules.payments.providers import Till
from souk.modules.payments.receivables import ask_of, square
from souk.modules.payments.settling import locked, save
from souk.modules.payments.sql import disputes as sql
from souk.modules.payments.sql import paying
from souk.modules.payments.taking import Cause, Taken, put_back, take
from souk.modules.payments.webhooks import look_at_payment

STATE_OF: Final = {
    DisputeState.OPEN: ChargebackState.OPEN,
    DisputeState.WON: ChargebackState.WON,
    DisputeState.LOST: ChargebackState.LOST,
}
TRIES: Final = 3
TAKEN: Final = "payment.disputed"
WON: Final = "dispute.won"
FEE: Final = "dispute.fee"


async def look_at_dispute(database: Database, till: Till, happened: Happened) -> bool:
    """A chargeback changed there: book it as it stands. One of a payment that is not ours may be another market's."""
    try:
        told = await till.provider(database, happened.provider).dispute(happened.object_id)
    except Misused:
        return True
    if told.inquiry:
        return True
    payment = await database.read(lambda tx: tx.run(paying.PAYMENT_OF_PROVIDER, happened.provider, told.intent))
    if payment is None:
        return await look_at_payment(database, till, replace(happened, object_kind="payment_intent", object_id=told.intent))
    if payment.state is not PaymentState.CAPTURED:
        payment, _intent = await refreshed(database, till, payment.id)
    if payment.state is not PaymentState.CAPTURED:
        return False
    await _patiently(database, partial(book, till=till, payment_id=payment.id, told=told))
    return True


async def _patiently(database: Database, work: Callable[[Tx], Awaitable[None]]) -> None:
    """Book anew where somebody spent what was there a moment before: then more of it is owed."""
    for attempt in range(TRIES):
        try:
            await database.write(work)
        except ledger.InsufficientFunds:
            if attempt == TRIES - 1:
                raise
        else:
            return


async def book(tx: Tx, *, till: Till, payment_id: UUID, told: Dispute) -> None:
    """Move a chargeback of a captured payment to where the provider says it is, unless it is further already."""
    payment = await locked(tx, payment_id)
    Money(payment.captured, payment.currency).same_asset(told.amount)
    row = await tx.run(sql.DISPUTE_OF_PROVIDER, payment.provider, told.id)
    if row is None:
        row, payment = await _open(tx, till, payment, told)
    if told.fee > row.fee:
        row = await _charge(tx, till, row, told.fee)
    state = STATE_OF[told.state]
    if RANKS[state] > RANKS[row.state]:
        if state is ChargebackState.WON:
            payment = await _give_back(tx, till, payment, row)
        row = replace(row, state=state, closed_at=row.closed_at or tx.now)
        await emit(tx, _news(payment, row))
    await tx.run(sql.SAVE_DISPUTE, row.id, tx.now, row.state, row.fee, row.closed_at)


def _news(payment: Row, row: DisputeRow) -> PaymentDisputed:
    parties = (payment.kind, payment.reference_id, payment.payer_id, payment.payee_id)
    return PaymentDisputed(payment.id, row.id, *parties, row.amount, row.currency, row.state, row.reason)


async def _open(tx: Tx, till: Till, payment: Row, told: Dispute) -> tuple[DisputeRow, Row]:
    """The money is gone: take it from wherever it is by now."""
    dispute_id, amount = new_id(), told.amount.amount
    paid_back = await tx.run(sql.PAID_BACK, payment.id)
    parts = parts_of(
        amount,
        held=payment.held,
        payee_has=max(0, payment.released - paid_back.payee) if payment.payee_id else 0,
        platform_has=max(0, payment.fee_taken - payment.fee_returned - paid_back.platform),
    )
    journals, taken, owed = [], 0, 0
    if parts.hold:
        why = Cause(f"dispute {dispute_id}, from the escrow", TAKEN, dispute_id)
        from_hold, payment = await take(tx, till, payment, parts.hold, source=RefundSource.HOLD, why=why)
        journals, taken = from_hold.journals, parts.hold
    if amount > parts.hold:
        journal, there, owed = await _take_from_people(tx, till.assets.named(payment.currency), payment, dispute_id, parts)
        journals, taken = [*journals, journal], taken + there
    row = DisputeRow(
        dispute_id,
        payment.id,
        payment.provider,
        told.id,
        amount,
        0,
        payment.currency,
        told.reason,
        ChargebackState.OPEN,
        parts.source,
        taken,
        owed,
        parts.hold,
        parts.payee,
        parts.platform,
        journals,
        0,
        tx.now,
        None,
    )
    await _add(tx, row)
    payment = await save(tx, payment, disputed=payment.disputed + amount)
    await emit(tx, _news(payment, row))
    return row, payment


async def _take_from_people(tx: Tx, asset: Asset, payment: Row, dispute_id: UUID, parts: Parts) -> tuple[UUID, int, int]:
    """What no escrow holds: from who earned it, the platform, and who paid. The journal, what was there, and what is owed."""
    payee = await ask_of(tx, asset, payment.payee_id or payment.payer_id, parts.payee)
    payer = await ask_of(tx, asset, payment.payer_id, parts.payer)
    away = sum((parts.payee, parts.platform, parts.payer))
    legs = [*payee.legs, *payer.legs, (clearing(payment.provider).of(asset), away)]
    if parts.platform:
        legs.append((LOSSES.of(asset), -parts.platform))
    posted = await ledger.post(tx, ledger.Movement(key=f"dispute {dispute_id}", kind=TAKEN, legs=legs, reference=dispute_id))
    return posted.journal, payee.taken + payer.taken, payee.owed + payer.owed


async def _add(tx: Tx, row: DisputeRow) -> None:
    await tx.run(
        sql.ADD_DISPUTE,
        row.id,
        row.payment_id,
        row.provider,
        row.provider_id,
        row.amount,
        row.currency,
        row.reason,
        row.source,
        row.taken,
        row.owed,
        row.from_hold,
        row.from_payee,
        row.from_platform,
        row.journals,
        row.opened_at,
    )


async def _charge(tx: Tx, till: Till, row: DisputeRow, fee: int) -> DisputeRow:
    """The provider's fee. It is the platform's, whoever wins."""
    asset = till.assets.named(row.currency)
    away = [(clearing(row.provider).of(asset), fee - row.fee)]
    await ledger.post(tx, ledger.transfer(f"dispute {row.id}, fee up to {fee}", FEE, PROVIDER_FEES.of(asset), away, reference=row.id))
    return replace(row, fee=fee)


async def _give_back(tx: Tx, till: Till, payment: Row, row: DisputeRow) -> Row:
    """A win: everybody has again what they gave. Of an escrow that is over, the payee has what the payer cannot have again."""
    key, asset = f"dispute {row.id} won", till.assets.named(row.currency)
    journals = list(row.journals)
    if row.from_hold:
        taken, why = Taken([journals.pop(0)]), Cause(key, WON, row.id)
        payment = await put_back(tx, till, payment, row.from_hold, source=RefundSource.HOLD, taken=taken, why=why)
        if payment.released_by is not None and payment.released and payment.payee_id is not None:
            payer, payee = (ledger.WALLET.of(asset, each) for each in (payment.payer_id, payment.payee_id))
            await ledger.post(tx, ledger.transfer(f"{key}, to the payee", WON, payer, [(payee, row.from_hold)], reference=row.id))
            payment = await save(tx, payment, released=payment.released + row.from_hold)
    for journal in journals:
        await ledger.post(tx, ledger.reverse(f"{key}, back", WON, journal, reference=row.id))
    for number, person in enumerate(each for each in (payment.payee_id, payment.payer_id) if each is not None):
        await square(tx, asset, person, f"{key}, squared {number}", row.id)
    return await save(tx, payment, disputed=payment.disputed - row.amount)


# Staff


async def chargebacks(tx: Tx, query: DisputesQuery) -> Page[Chargeback]:
    """The chargebacks of the market, newest first."""
    rows = await tx.run(sql.ALL_DISPUTES, query.status, query.limit, query.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_DISPUTES, query.status), query)
