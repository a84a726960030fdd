"""What people owe: when money that they had been paid is taken back, and is not there any more.

A debt stands on the person's `RECEIVABLE` account, below zero. It is netted from what they earn later: from the next payout, and
from money that comes back to them. What is asked of somebody is taken from their wallet as far as it is there; the rest is owed.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.money import Asset
from souk.modules import ledger
from souk.modules.payments.accounts import RECEIVABLE
from souk.modules.payments.sql import receivables as sql

NETTED = "receivable.netted"
RETURNED = "receivable.returned"


class Asked(msgspec.Struct, frozen=True):
    """What a person gives of an amount: what is there, and what they owe from then on."""

    legs: list[tuple[ledger.Account, int]]
    taken: int = 0
    owed: int = 0


async def ask_of(tx: Tx, asset: Asset, person_id: UUID, amount: int) -> Asked:
    """How an amount is taken from a person: out of the wallet what is there, the rest as a debt."""
    if not amount:
        return Asked([])
    wallet = ledger.WALLET.of(asset, person_id)
    there = min((await ledger.wallet(tx, wallet)).available, amount)
    legs = [(wallet, -there), (RECEIVABLE.of(asset, person_id), there - amount)]
    return Asked([leg for leg in legs if leg[1]], there, amount - there)


async def debt_of(tx: Tx, asset: Asset, person_id: UUID) -> int:
    """What somebody owes. Until the commit nobody else nets it."""
    await tx.run(sql.LOCK_DEBTS, str(person_id))
    return -(await ledger.wallet(tx, RECEIVABLE.of(asset, person_id))).total


async def square(tx: Tx, asset: Asset, person_id: UUID, key: str, reference: UUID) -> None:
    """Set off what somebody owes against what they have: in the end they have nothing free, or owe nothing.

    So it does not matter in which order debts and money came. What was paid of a debt that is none any more is theirs again.
    """
    wallet, owing = ledger.WALLET.of(asset, person_id), RECEIVABLE.of(asset, person_id)
    debt = await debt_of(tx, asset, person_id)
    if debt < 0:
        await ledger.post(tx, ledger.transfer(key, RETURNED, owing, [(wallet, -debt)], reference=reference))
        return
    kept = min(debt, (await ledger.wallet(tx, wallet)).available)
    if kept > 0:
        await ledger.post(tx, ledger.transfer(key, NETTED, wallet, [(owing, kept)], reference=reference))
