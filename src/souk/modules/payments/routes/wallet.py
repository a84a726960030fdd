"""Wallets over HTTP: what somebody has, how it came about, and bringing money in."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import Database, Tx
from souk.kernel.http import Actor, Content, CursorPage, CursorPaging, Request, operation
from souk.kernel.money import Currency
from souk.kernel.record import Record
from souk.modules import ledger
from souk.modules.payments import asking
from souk.modules.payments.capacities import PAYEE, PAYER
from souk.modules.payments.errors import DepositOutOfBounds, PaymentsClosed
from souk.modules.payments.model import Begun, NewDeposit
from souk.modules.payments.providers import Till

BRINGING_IN: Final = (DepositOutOfBounds, PaymentsClosed, ledger.UnknownAsset, ledger.IdempotencyConflict)
LINES: Final = 10_000
"""A statement as a file has at most so many lines: the newest."""


class WalletQuery(Record, kw_only=True):
    """Which wallet is wanted."""

    currency: Currency | None = None


class StatementQuery(CursorPaging, kw_only=True):
    """Which wallet's statement is wanted."""

    currency: Currency | None = None


@operation("GET", "/wallet", who=PAYER | PAYEE, refusals=(ledger.UnknownAsset,))
async def read_wallet(tx: Tx, by: Actor, query: WalletQuery, till: Till) -> ledger.Wallet:
    """What you have: available, on hold, in all."""
    return await ledger.wallet(tx, ledger.WALLET.of(till.asset(query.currency), by.id))


@operation("GET", "/wallet/statement", who=PAYER | PAYEE, refusals=(ledger.UnknownAsset,))
async def read_statement(tx: Tx, by: Actor, query: StatementQuery, till: Till) -> CursorPage[ledger.Line]:
    """What came in and went out, newest first."""
    return await ledger.statement(tx, ledger.WALLET.of(till.asset(query.currency), by.id), query)


@operation("GET", "/wallet/statement.csv", who=PAYER | PAYEE, refusals=(ledger.UnknownAsset,))
async def download_statement(tx: Tx, by: Actor, query: WalletQuery, till: Till) -> Content:
    """The statement for a spreadsheet, newest first."""
    asset = till.asset(query.currency)
    lines = await ledger.statement(tx, ledger.WALLET.of(asset, by.id), CursorPaging(limit=LINES))
    return Content(ledger.as_csv(lines.items, asset).encode(), "text/csv; charset=utf-8", f"statement-{asset.code}.csv")


@operation(
    "POST",
    "/wallet/deposits",
    who=PAYER,
    status=201,
    limit="30/10m",
    refusals=BRINGING_IN,
    example={"amount": 12500, "currency": "USD", "method": "pm_card_visa"},
)
async def deposit(database: Database, request: Request, by: Actor, body: NewDeposit, till: Till) -> Begun:
    """Bring money into your wallet: at once by a saved method, else with the client secret in the browser.

    Honours `Idempotency-Key`: repeated with the same one, it is one deposit.
    """
    return (await asking.deposit(database, till, by, body, asking.key_of(request, by, "deposit"))).begun
