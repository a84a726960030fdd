"""What the ledger tells a person who takes their data along. Nothing is forgotten: money records stay, and hold ids alone."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.ledger import sql

LINES: Final = 10_000
"""Of each account, at most so many lines: the newest."""


async def export(tx: Tx, person: UUID) -> object:
    """What they have and had, account by account."""
    told = []
    for account in await tx.run(sql.ACCOUNTS_OF, person, tx.now):
        lines = await tx.run(sql.STATEMENT, account.id, None, LINES)
        told.append({"purpose": account.purpose, **msgspec.to_builtins(account.wallet()), "entries": msgspec.to_builtins(lines)})
    return told
