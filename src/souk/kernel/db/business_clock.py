"""The business clock of a market as its database keeps it, so that every process has the same time and a restart keeps it."""

from __future__ import annotations

from datetime import timedelta

from souk.kernel.clock import Clock
from souk.kernel.db.query import only
from souk.kernel.db.tx import Tx
from souk.kernel.errors import Refusal

CLOCK_OFFSET = only(timedelta, "select ahead from business_clock")
MOVE_CLOCK = only(timedelta, "update business_clock set ahead = ahead + $1 returning ahead")


class TimeRunsForward(Refusal, status=422, message="The clock can only be moved forward."):
    """A negative step."""


async def load(tx: Tx, clock: Clock) -> None:
    """Take over the stored offset: at start, and whenever another process may have moved it."""
    clock.move_to(await tx.run(CLOCK_OFFSET))


async def advance(tx: Tx, by: timedelta) -> timedelta:
    """Move the market's time forward for every process. Each takes it over by `load` after the commit."""
    if by < timedelta():
        raise TimeRunsForward
    return await tx.run(MOVE_CLOCK, by)
