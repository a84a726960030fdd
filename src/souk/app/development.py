"""What only development mode has: a market's clock that can be moved, and the letters it would have sent."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from msgspec import Meta

from souk.app.opened import OpenMarket
from souk.kernel.errors import Refusal
from souk.kernel.http import ANYONE, Redirect, Request, invalid, operation
from souk.kernel.record import Record
from souk.modules import mail

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FARTHEST: Final = timedelta(days=3660)
IN_ALL: Final = 10 * FARTHEST
DRAIN_SECONDS: Final = 10.0
MAILBOX: Final = "/dev/mailbox"
"""Where the page of letters is, below a market's base."""

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


class NoMail(Refusal, status=404, message="This market sends no mail."):
    """It does not have the module."""


class MailQuery(Record):
    """Whose letters are wanted."""

    to: Annotated[str, Meta(max_length=320, description="An address or a number; all of them without it.")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


@operation("GET", "/dev/mail", who=ANYONE, tags=("development",), refusals=(NoMail,))
async def read_mail(market: OpenMarket, request: Request, query: MailQuery) -> list[mail.Posted]:
    """The letters and short texts of this market, newest first.

    What is due is done before, so the latest are there. A browser is shown them as a page.
    """
    if "text/html" in request.header("accept"):
        page: Any = Redirect(f"{market.market.base}{MAILBOX}?{urlencode({'to': query.to})}")
        return page  # type: ignore[no-any-return]  # a browser's answer is no part of the API's description
    return await letters(market, query.to, query.limit)


def mailbox_path(market: OpenMarket) -> str | None:
    """Where the letters of a market are read in development; None where there is nothing to read."""
    sends = mail.Post in market.resources and not market.settings.production
    return f"{market.market.base}/dev/mail" if sends else None


async def letters(market: OpenMarket, to: str, limit: int = 50) -> list[mail.Posted]:
    """The latest letters of a market, those that were asked for a moment ago included."""
    post = market.resources.get(mail.Post)
    if not isinstance(post, mail.Post):
        raise NoMail
    to = "+" + to[1:] if to.startswith(" ") else to  # a number's plus, typed into an address as it is, arrives as a blank
    with suppress(TimeoutError):  # others keep it busy; what is there by now is shown
        await market.worker().drain(DRAIN_SECONDS)
    return await market.database.read(lambda tx: mail.mailbox(tx, market.vault, post, to, limit))


OPERATIONS: Final = (advance_clock, read_clock, read_mail)
