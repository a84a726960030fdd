"""What only development mode has: a market's clock that can be moved."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from souk.app.opened import OpenMarket
from souk.kernel.http import ANYONE, invalid, operation
from souk.kernel.record import Record

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FARTHEST: Final = timedelta(days=3660)


class Advance(Record):
    """How far the clock is moved."""

    advance: Annotated[str, Meta(max_length=40, description="For example 90s, 15m, 48h, 14d, or 1d12h.", examples=["15m"])]


class Moment(Record):
    """The market's time."""

    now: datetime


@operation("POST", "/dev/clock", who=ANYONE, example={"advance": "15m"}, tags=("development",))
async def advance_clock(market: OpenMarket, body: Advance) -> Moment:
    """Move this market's time forward. Everything that became due is done before the answer comes."""
    return Moment(await market.advance(duration(body.advance)))


@operation("GET", "/dev/clock", who=ANYONE, tags=("development",))
async def read_clock(market: OpenMarket) -> Moment:
    """This market's time."""
    return Moment(market.clock.now())


def duration(text: str) -> timedelta:
    """`1d12h` as a duration."""
    parts = re.findall(r"(\d{1,6})([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise invalid("advance", "is not a duration; write it like 90s, 15m, 48h, 14d or 1d12h")
    total = sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
    if total > FARTHEST:
        raise invalid("advance", "is more than ten years; move in smaller steps")
    return total


OPERATIONS: Final = (advance_clock, read_clock)
