"""Payments over HTTP: begin, finish, look."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Database, Tx
from souk.kernel.http import ANYONE, Actor, BothPage, Request, operation
from souk.modules import identity, ledger
from souk.modules.payments import asking, payers, paying, reading, webhooks
from souk.modules.payments.capacities import PAYEE, PAYER, STAFF
from souk.modules.payments.errors import (
    FeeTooLarge,
    MethodNotFound,
    NotAuthorised,
    NotCaptured,
    NothingHeld,
    PayeeNotFound,
    PayingOneself,
    PaymentBusy,
    PaymentNotFound,
    PaymentOver,
    PaymentsClosed,
    ProviderUnreachable,
    RefundTooLarge,
    WebhookRefused,
)
from souk.modules.payments.jobs import receive
from souk.modules.payments.model import (
    Begun,
    Capturing,
    Confirming,
    NewIntent,
    Payment,
    PaymentDetail,
    Refunded,
    Refunding,
    SavedMethod,
    SetUp,
)
from souk.modules.payments.providers import Till
from souk.modules.payments.reading import HistoryQuery

LARGEST_WEBHOOK: Final = 256 * 1024
GOING_ON: Final = (PaymentNotFound, PaymentBusy, PaymentOver, PaymentsClosed, ProviderUnreachable)


@operation(
    "POST",
    "/payments/create-intent",
    who=PAYER,
    status=201,
    limit="30/10m",
    refusals=(PayingOneself, PayeeNotFound, PaymentsClosed, ledger.UnknownAsset, ledger.IdempotencyConflict),
    example={
        "bookingId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11",
        "payeeId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a12",
        "amount": 12500,
        "currency": "USD",
    },
)
async def create_intent(  # noqa: PLR0913, PLR0917 - bound by name
    database: Database, request: Request, market: Market, by: Actor, body: NewIntent, till: Till
) -> Begun:
    """Begin to pay for somebody's work. The money is held until the work is approved; the fee is the market's.

    Honours `Idempotency-Key`: repeated with the same one, it is one payment.
    """
    return (await asking.intent(database, market, till, by, body, asking.key_of(request, by, "intent"))).begun


@operation("POST", "/payments/{payment_id}/confirm", who=PAYER, limit="60/10m", refusals=GOING_ON, example={"method": "pm_card_visa"})
async def confirm_payment(database: Database, by: Actor, payment_id: UUID, body: Confirming | None, till: Till) -> Begun:
    """Pay by a saved method; or, after paying in the browser and without one, see at once what became of it."""
    await database.read(lambda tx: reading.own_payment(tx, by, payment_id))
    return (await paying.confirm(database, till, payment_id, body.method if body else None)).begun


@operation("POST", "/payments/{payment_id}/cancel", who=PAYER, refusals=GOING_ON)
async def cancel_payment(database: Database, by: Actor, payment_id: UUID, till: Till) -> Payment:
    """Give a payment up that was neither authorised nor captured."""
    await database.read(lambda tx: reading.own_payment(tx, by, payment_id))
    return (await paying.give_up(database, till, payment_id)).shown


@operation("GET", "/payments/history", who=PAYER | PAYEE)
async def list_payments(tx: Tx, by: Actor, query: HistoryQuery) -> BothPage[Payment]:
    """What you paid and what was paid to you, newest first."""
    return await reading.history(tx, by, query)


# Before `/payments/{payment_id}`: what stands literally in a path is meant.


@operation("GET", "/payments/methods", who=PAYER, limit="120/10m", refusals=(PaymentsClosed, ProviderUnreachable))
async def list_methods(database: Database, by: Actor, till: Till) -> list[SavedMethod]:
    """Your saved ways to pay. The provider keeps them; of a card only its last four digits are known here."""
    return await payers.methods(database, till, by.id)


@operation(
    "POST",
    "/payments/methods",
    who=PAYER,
    status=201,
    limit="20/10m",
    refusals=(identity.PersonNotFound, PaymentsClosed, ProviderUnreachable),
)
async def add_method(database: Database, by: Actor, till: Till) -> SetUp:
    """Begin to save a way to pay; your browser finishes it with the client secret."""
    return await payers.set_up(database, till, by.id)


@operation(
    "DELETE",
    "/payments/methods/{method_id}",
    who=PAYER,
    status=204,
    refusals=(MethodNotFound, PaymentsClosed, ProviderUnreachable),
)
async def remove_method(database: Database, by: Actor, method_id: str, till: Till) -> None:
    """Remove a saved way to pay."""
    await payers.forget_method(database, till, by.id, method_id)


@operation("GET", "/payments/{payment_id}", who=PAYER | PAYEE, refusals=(PaymentNotFound,))
async def read_payment(tx: Tx, by: Actor, payment_id: UUID) -> PaymentDetail:
    """Read a payment that you made or that is for you."""
    return await reading.detail(tx, by, payment_id)


# Staff


@operation(
    "POST",
    "/payments/{payment_id}/refund",
    who=STAFF,
    status=201,
    shared=True,
    refusals=(
        *(PaymentNotFound, NotCaptured, RefundTooLarge, FeeTooLarge, NothingHeld, PaymentsClosed),
        *(ledger.InsufficientFunds, ledger.HoldEnded, ledger.IdempotencyConflict),
    ),
    example={"amount": 5000, "feeReturned": True, "reason": "The work was not done."},
)
async def refund_payment(  # noqa: PLR0913, PLR0917 - who sends what back, and how
    database: Database, request: Request, by: Actor, payment_id: UUID, body: Refunding, till: Till
) -> Refunded:
    """Send money back, whole or in part, any number of times up to all of it.

    Honours `Idempotency-Key`: repeated with the same one, it is one refund.
    """
    return (await asking.staff_refund(database, till, by, payment_id, body, asking.key_of(request, by, "refund"))).shown


@operation(
    "POST",
    "/payments/{payment_id}/capture",
    who=STAFF,
    shared=True,
    refusals=(*GOING_ON, NotAuthorised, ledger.MoreThanHeld),
    example={"amount": 8000},
)
async def capture_payment(database: Database, by: Actor, payment_id: UUID, body: Capturing | None, till: Till) -> Payment:
    """Take what was authorised, or part of it; the rest is let go. What was captured before stays as it is."""
    return (await asking.staff_capture(database, till, by, payment_id, body.amount if body else None)).shown


# The provider


@operation(
    "POST",
    "/payments/webhook",
    who=ANYONE,
    kind="webhook",
    idempotent=False,
    max_body=LARGEST_WEBHOOK,
    refusals=(WebhookRefused, PaymentsClosed),
    example={"id": "evt_1", "type": "payment_intent.succeeded"},
)
async def receive_webhook(database: Database, request: Request, raw: bytes, till: Till) -> None:
    """Take a provider's word that something changed, signed by it. It is kept once, answered at once and looked into afterwards."""
    happening = webhooks.verified(till.provider(database), raw, request.headers, database.clock.now())
    await database.write(lambda tx: receive(tx, till.providers.current, happening))
