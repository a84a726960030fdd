"""What an account has, and how it came to it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http.paging import CursorPage, CursorPaging, cursor_page
from souk.kernel.money import Asset
from souk.modules.ledger import sql
from souk.modules.ledger.accounts import Account
from souk.modules.ledger.errors import HoldNotFound
from souk.modules.ledger.model import Line, Lot, OpenHold, Wallet


async def wallets(tx: Tx, *accounts: Account) -> list[Wallet]:
    """What each of these has, in their order: one statement."""
    found = {balance.id: balance for balance in await tx.run(sql.BALANCES, [account.id for account in accounts], tx.now)}
    return [found[each.id].wallet() if each.id in found else Wallet(0, 0, 0, each.asset.code) for each in accounts]


async def wallet(tx: Tx, account: Account) -> Wallet:
    """What an account has: in all, on hold, available."""
    return (await wallets(tx, account))[0]


async def statement(tx: Tx, account: Account, paging: CursorPaging) -> CursorPage[Line]:
    """What moved on an account, newest first. A page costs the same however long the statement is."""
    rows = await tx.run(sql.STATEMENT, account.id, paging.after(int), paging.limit + 1)
    return cursor_page(rows, paging, lambda line: line.position)


async def lots(tx: Tx, account: Account) -> list[Lot]:
    """Grants that still have credits, in the order in which they are spent."""
    return await tx.run(sql.LOTS, account.id, tx.now)


async def hold_of(tx: Tx, hold_id: UUID) -> OpenHold:
    """A hold, open or ended."""
    found = await tx.run(sql.HOLD, hold_id)
    if found is None:
        raise HoldNotFound
    return found


FORMULAS = ("=", "+", "@", "\t", "\r", "\n")
HEADINGS = ("date", "kind", "reference", "amount", "balance", "currency", "journal")


def as_csv(lines: Iterable[Line], asset: Asset) -> str:
    """A statement for a spreadsheet, which must not take any cell for a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(HEADINGS)
    for line in lines:
        balance = "" if line.balance is None else asset.digits(line.balance)
        reference = str(line.reference_id or "")
        writer.writerow(quoted((line.at.isoformat(), line.kind, reference, asset.digits(line.amount), balance, asset.code, str(line.id))))
    return written.getvalue()


def quoted(cells: Sequence[str]) -> list[str]:
    """Cells in which a spreadsheet sees text or a number, and nothing to execute."""
    return ["'" + cell if cell.startswith(FORMULAS) or (cell.startswith("-") and not _is_number(cell)) else cell for cell in cells]


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(".", "", 1).isdecimal()
