"""What a provider's word does to a payment: it only ever moves up, and what comes late, twice or in another order changes nothing.

open (created, unknown, pending, action, failed) → authorised → captured | canceled
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.messages import Event, emit
from souk.kernel.money import Money
from souk.kernel.telemetry import log
from souk.modules import ledger
from souk.modules.payments.accounts import clearing
from souk.modules.payments.errors import PaymentNotFound
from souk.modules.payments.events import PaymentAuthorised, PaymentCanceled, PaymentCaptured, PaymentFailed
from souk.modules.payments.model import RANKS, STATE_OF, PaymentState, Row
from souk.modules.payments.provider import Failure, Intent, IntentState
from souk.modules.payments.providers import Till
from souk.modules.payments.sql import paying as sql

NO_CALL: Final[dict[str, Any]] = {"call": None, "called_at": None, "call_method": None, "call_amount": None}
"""Nothing is waited for any more."""


async def locked(tx: Tx, payment_id: UUID) -> Row:
    """A payment that nobody else changes until the commit."""
    row = await tx.run(sql.PAYMENT_LOCKED, payment_id)
    if row is None:
        raise PaymentNotFound
    return row


async def save(tx: Tx, row: Row, **changes: Any) -> Row:
    """Write down what changed of a payment that is locked."""
    row = replace(row, **changes, revision=row.revision + 1)
    await tx.run(
        sql.SAVE_PAYMENT,
        row.id,
        tx.now,
        row.provider_id,
        row.state,
        row.captured,
        row.refunded,
        row.disputed,
        row.hold_id,
        row.held,
        row.captured_by,
        row.released_by,
        row.released,
        row.fee_taken,
        row.fee_returned,
        row.client_secret,
        row.next_url,
        row.failure_code,
        row.failure,
        row.call,
        row.calls,
        row.call_method,
        row.call_amount,
        row.called_at,
        row.captured_at,
        row.revision,
    )
    return row


def told(intent: Intent) -> PaymentState:
    """The state that the provider tells of. A payment that wants another method because of a failure has failed."""
    if intent.state is IntentState.REQUIRES_METHOD and intent.failure is not None:
        return PaymentState.FAILED
    return STATE_OF[intent.state]


def asked_for(row: Row, intent: Intent) -> bool:
    """Whether it is this payment that is told of, in its own amount and currency, and no more was taken."""
    own = intent.id == (row.provider_id or intent.id) and intent.metadata.get("payment", str(row.id)) == str(row.id)
    taken = intent.state is not IntentState.SUCCEEDED or 0 < intent.captured <= row.amount
    return own and taken and intent.amount == Money(row.amount, row.currency)


async def settle(tx: Tx, till: Till, row: Row, intent: Intent, *, answer: bool = False) -> Row:
    """Move a locked payment to where the provider says it is, unless it is further already.

    answer: it answers the call that this payment waited for. While one waits, nothing else moves an open payment but upwards.
    What is not this payment, or not what was asked for, moves nothing: somebody has to look at it.
    """
    if not asked_for(row, intent):
        told_of = {"provider_id": intent.id, "amount": str(intent.amount), "captured": intent.captured}
        log.error("a provider does not tell of what was asked for", payment_id=str(row.id), **told_of)
        return row
    state = told(intent)
    done = NO_CALL if answer else {}
    up = RANKS[state] > RANKS[row.state]
    if not up and (RANKS[state] < RANKS[row.state] or RANKS[state] > 0 or (row.call is not None and not answer)):
        return await save(tx, row, **done) if answer and row.call is not None else row
    if state is PaymentState.CAPTURED:
        return await _captured(tx, till, row, intent)
    failure = intent.failure or Failure("", "") if state is PaymentState.FAILED else None
    known = {
        "provider_id": intent.id,
        "state": state,
        "client_secret": intent.client_secret if state is not PaymentState.CANCELED else None,
        "next_url": intent.next_url if state is PaymentState.ACTION else None,
        "failure_code": failure.code if failure else None,
        "failure": failure.message if failure else None,
    }
    if not done and all(getattr(row, name) == value for name, value in known.items()):
        return row
    await emit(tx, *_news(row, state, known))
    return await save(tx, row, **known, **done)


def _news(row: Row, state: PaymentState, known: dict[str, Any]) -> list[Event]:
    """What is worth telling of a payment that was not captured."""
    about = (row.id, row.kind, row.reference_id, row.payer_id)
    if state is PaymentState.FAILED and (row.state, row.failure_code) != (state, known["failure_code"]):
        return [PaymentFailed(*about, known["failure_code"], known["failure"])]
    if state is PaymentState.AUTHORISED:
        return [PaymentAuthorised(*about, row.amount, row.currency, row.payee_id)]
    return [PaymentCanceled(*about)] if state is PaymentState.CANCELED else []


async def _captured(tx: Tx, till: Till, row: Row, intent: Intent) -> Row:
    """The money is here: into the payer's wallet, and on hold there where it is an escrow. Once, whoever says it how often."""
    asset = till.assets.named(row.currency)
    source, wallet = clearing(row.provider).of(asset), ledger.WALLET.of(asset, row.payer_id)
    key, kind = f"payment {row.id} captured", "payment.captured"
    if row.escrow:
        movement = ledger.hold(key, kind, wallet, intent.captured, funded_by=source, reference=row.id)
        hold_id = movement.hold_id
    else:
        movement, hold_id = ledger.transfer(key, kind, source, [(wallet, intent.captured)], reference=row.id), None
    news = PaymentCaptured(
        row.id,
        row.kind,
        row.reference_id,
        row.payer_id,
        row.payee_id,
        intent.captured,
        min(row.fee, intent.captured),
        row.currency,
        hold_id,
    )
    posted = await ledger.post(tx, movement, news)
    return await save(
        tx,
        row,
        provider_id=intent.id,
        state=PaymentState.CAPTURED,
        captured=intent.captured,
        captured_by=posted.journal,
        captured_at=tx.now,
        hold_id=hold_id,
        held=intent.captured if hold_id else 0,
        client_secret=None,
        next_url=None,
        failure_code=None,
        failure=None,
        **NO_CALL,
    )
