"""What only development mode has: a market's clock that can be moved."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from souk.app.opened import OpenMarket
from souk.kernel.errors import Refusal
from souk.kernel.http import ANYONE, invalid, operation
from souk.kernel.record import Record

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FARTHEST: Final = timedelta(days=3660)
IN_ALL: Final = 10 * FARTHEST

Step = Annotated[
    str,
    Meta(max_length=40, pattern="^([0-9]{1,6}[smhdw])+$", description="For example 90s, 15m, 48h, 14d, or 1d12h.", examples=["15m"]),
]


class TooFar(Refusal, status=422, message="The clock moves at most ten years at once, and a hundred in all: it never goes back."):
    """Dates beyond that cannot be told from mistakes, and soon cannot be written either."""


class Advance(Record):
    """How far the clock is moved."""

    advance: Step


class Moment(Record):
    """The market's time."""

    now: datetime


@operation("POST", "/dev/clock", who=ANYONE, example={"advance": "15m"}, tags=("development",), refusals=(TooFar,))
async def advance_clock(market: OpenMarket, body: Advance) -> Moment:
    """Move this market's time forward. Everything that became due is done before the answer comes."""
    step = duration(body.advance)
    if step > FARTHEST or step + market.clock.offset > IN_ALL:
        raise TooFar
    return Moment(await market.advance(step))


@operation("GET", "/dev/clock", who=ANYONE, tags=("development",))
async def read_clock(market: OpenMarket) -> Moment:
    """This market's time."""
    return Moment(market.clock.now())


def duration(text: str) -> timedelta:
    """`1d12h` as a duration."""
    parts = re.findall(r"([0-9]{1,6})([smhdw])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise invalid("advance", "is not a duration; write it like 90s, 15m, 48h, 14d or 1d12h")
    return sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


OPERATIONS: Final = (advance_clock, read_clock)
