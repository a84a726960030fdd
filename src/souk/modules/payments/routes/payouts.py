"""Payouts over HTTP: taking money out, where it goes, and what staff decide."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, BothPage, BothPaging, Page, Request, operation
from souk.modules import identity, ledger
from souk.modules.payments import payout_jobs, payouts, recipients
from souk.modules.payments.asking import key_of
from souk.modules.payments.capacities import PAYEE, STAFF
from souk.modules.payments.errors import (
    ApprovedAlready,
    CountryNotServed,
    OwesMore,
    OwnPayout,
    PaymentsClosed,
    PayoutAccountMissing,
    PayoutAccountRefused,
    PayoutAccountUnready,
    PayoutInDoubt,
    PayoutNotFound,
    PayoutOver,
    PayoutTooSmall,
    ProviderUnreachable,
)
from souk.modules.payments.outgoing import (
    Batch,
    NewPayout,
    NewPayoutAccount,
    Payout,
    PayoutAccount,
    PayoutDetail,
    PayoutsQuery,
    Rejection,
)
from souk.modules.payments.providers import Till


@operation(
    "POST",
    "/wallet/payouts",
    who=PAYEE,
    status=201,
    idempotent=True,
    limit="30/10m",
    refusals=(
        *(PayoutTooSmall, PayoutAccountMissing, PayoutAccountUnready, OwesMore, PaymentsClosed),
        *(ledger.InsufficientFunds, ledger.UnknownAsset, ledger.IdempotencyConflict),
    ),
    example={"amount": 12500, "currency": "USD"},
)
async def ask_for_payout(tx: Tx, request: Request, by: Actor, body: NewPayout, till: Till) -> Payout:
    """Take money out of your wallet, to the account that you gave. What you owe after a refund or a chargeback is kept back first.

    It leaves your wallet now, and the market on its next day of payouts.
    """
    return await payouts.request(tx, till, by, body, key_of(request, by, "payout"))


@operation("GET", "/wallet/payouts", who=PAYEE)
async def list_own_payouts(tx: Tx, by: Actor, query: BothPaging) -> BothPage[Payout]:
    """What you took out, newest first, and how far it is."""
    return await payouts.own_payouts(tx, by, query)


@operation("GET", "/wallet/payouts/{payout_id}", who=PAYEE, refusals=(PayoutNotFound,))
async def read_payout(tx: Tx, by: Actor, payout_id: UUID) -> Payout:
    """Read a payout of yours, and how far it is."""
    return (await payouts.own_payout(tx, by, payout_id)).shown


@operation(
    "POST",
    "/wallet/payouts/{payout_id}/cancel",
    who=PAYEE,
    idempotent=True,
    refusals=(PayoutNotFound, PayoutOver, PayoutInDoubt, PaymentsClosed),
)
async def cancel_payout(tx: Tx, by: Actor, payout_id: UUID, till: Till) -> Payout:
    """Take a payout back that has not left: the money is in your wallet again. What was kept back for a debt stays paid."""
    return await payouts.cancel(tx, till, by, payout_id)


@operation("GET", "/wallet/payout-account", who=PAYEE, refusals=(PayoutAccountMissing, PaymentsClosed, ProviderUnreachable))
async def read_payout_account(database: Database, by: Actor, till: Till) -> PayoutAccount:
    """Where your payouts go, and what the payment provider still needs of you."""
    return await recipients.read_account(database, till, by.id)


@operation(
    "PUT",
    "/wallet/payout-account",
    who=PAYEE,
    limit="10/10m",
    refusals=(identity.PersonNotFound, CountryNotServed, PayoutAccountRefused, PaymentsClosed, ProviderUnreachable),
    example={"country": "FR"},
)
async def set_payout_account(  # noqa: PLR0913, PLR0917 - bound by name
    database: Database, settings: Settings, market: Market, by: Actor, body: NewPayoutAccount, till: Till
) -> PayoutAccount:
    """Say where your payouts go: the answer leads to the payment provider's page, which asks for the bank account.

    After a change, payouts wait for a day.
    """
    return await recipients.set_account(database, till, by.id, body, recipients.way_back(settings, market, body.back))


# Staff


@operation("GET", "/admin/payouts", who=STAFF)
async def list_payouts(tx: Tx, query: PayoutsQuery) -> Page[PayoutDetail]:
    """List everybody's payouts, newest first, and who approved them."""
    return await payouts.payouts(tx, query)


@operation("GET", "/admin/payouts/{payout_id}", who=STAFF, shared=True, refusals=(PayoutNotFound,))
async def read_any_payout(tx: Tx, payout_id: UUID) -> PayoutDetail:
    """Read anybody's payout, and who approved it."""
    return await payouts.detail(tx, payout_id)


@operation(
    "POST",
    "/admin/payouts/{payout_id}/approve",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(PayoutNotFound, PayoutOver, OwnPayout, ApprovedAlready),
)
async def approve_payout(tx: Tx, by: Actor, payout_id: UUID) -> PayoutDetail:
    """Let a payout go. Above the market's limit it takes two people, and never its receiver."""
    return await payouts.approve(tx, by, payout_id)


@operation(
    "POST",
    "/admin/payouts/{payout_id}/reject",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(PayoutNotFound, PayoutOver, OwnPayout, PayoutInDoubt),
    example={"reason": "The account is not the worker's own."},
)
async def reject_payout(tx: Tx, by: Actor, payout_id: UUID, body: Rejection, till: Till) -> PayoutDetail:
    """Say no to a payout that has not left: the money is in the wallet again."""
    return await payouts.reject(tx, till, by, payout_id, body.reason)


@operation("POST", "/admin/payouts/batches", who=STAFF, status=201, idempotent=True, refusals=(PaymentsClosed,))
async def send_payouts(tx: Tx, by: Actor, till: Till) -> Batch:
    """Send what is due now, without waiting for the market's day of payouts. What is held stays held."""
    return await payout_jobs.send_by_staff(tx, till, by)
