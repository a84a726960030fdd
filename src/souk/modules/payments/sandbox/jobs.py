"""What keeps the sandbox going in a market: rounds, soon after something happened and every minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from souk.kernel.db import Database, Tx
from souk.kernel.messages import enqueue, job, periodic
from souk.kernel.record import Record
from souk.modules.payments.providers import Till
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.store import KEYS_KEPT

SOON: Final = timedelta(minutes=1)
"""What is due later is found by the round of every minute."""


class Round(Record):
    """When something is due."""

    at: datetime


@job("payments.sandbox_round", priority=-1)
async def make_round(database: Database, order: Round, till: Till) -> None:
    """Do what is due in the sandbox, and tell the market."""
    del order  # it says when; what, the books say
    await _round(database, till)


@periodic("* * * * *", name="payments.sandbox_minute")
async def make_round_every_minute(database: Database, till: Till) -> None:
    """Do what is due by the clock, and what a round that broke off has left."""
    await _round(database, till)


@periodic("23 * * * *", name="payments.sandbox_tidy")
async def forget_old_keys(database: Database, till: Till) -> None:
    """Forget what calls were answered a day ago."""
    if (sandbox := _sandbox(database, till)) is not None:
        await sandbox.bank.store.tidy(database.clock.now() - KEYS_KEPT)


async def wake(tx: Tx, at: datetime) -> None:
    """Ask for a round at that time, if it is soon."""
    if at - tx.now < SOON:
        await enqueue(tx, make_round, Round(at), run_at=at)


async def _round(database: Database, till: Till) -> None:
    if (sandbox := _sandbox(database, till)) is not None:
        await sandbox.round()


def _sandbox(database: Database, till: Till) -> Sandbox | None:
    """The market's sandbox; None where others take the money."""
    if not till.providers.has("sandbox"):
        return None
    found = till.provider(database, "sandbox")
    return found if isinstance(found, Sandbox) else None
