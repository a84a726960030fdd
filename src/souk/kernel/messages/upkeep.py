"""What the messages do for themselves: days of the log are made ahead of time and dropped when they are old."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import Tx
from souk.kernel.messages import sql
from souk.kernel.messages.declare import Periodic

AHEAD: Final = 7


def keeping_days(days: int) -> Periodic:
    """The periodic work that keeps so many days of the log."""

    async def keep_event_days(tx: Tx) -> None:
        await tx.run(sql.KEEP_EVENT_DAYS, tx.now.date(), AHEAD, days)

    return Periodic(keep_event_days, "7 * * * *", "messages.keep_event_days")
