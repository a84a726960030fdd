"""What follows from the sample's events, and what the clock does."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import Tx
from souk.kernel.messages import on, periodic
from souk.modules.sample import sql
from souk.modules.sample.events import MessagePosted
from souk.modules.sample.model import ANSWER_WITHIN

AT_ONCE: Final = 500
"""How many orders lapse in one transaction; the next minute takes the rest."""


@on(MessagePosted)
async def count_message(tx: Tx, fact: MessagePosted) -> None:
    """Keep the number of messages on the order; the first one makes it active."""
    await tx.finish(sql.COUNT_MESSAGE, fact.order_id)


@periodic("* * * * *")
async def lapse_unanswered(tx: Tx) -> None:
    """Let orders lapse that nobody wrote about in time."""
    await tx.finish(sql.LAPSE_UNANSWERED, tx.now - ANSWER_WITHIN, AT_ONCE)
