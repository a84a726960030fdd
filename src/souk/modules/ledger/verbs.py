"""What can be done with money and credits. Each verb makes a movement; `post` carries it out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from souk.kernel.money import share
from souk.modules.ledger.accounts import EXCHANGE, Account
from souk.modules.ledger.errors import NotPositive, positive
from souk.modules.ledger.movement import CAPTURED, EXPIRED, VOIDED, Movement

Parts = Iterable[tuple[Account, int]]
"""Who gets how much of it. Parts of nothing are left out."""


def _given(parts: Parts) -> list[tuple[Account, int]]:
    return [(account, positive(amount)) for account, amount in parts if amount]


def transfer(key: str, kind: str, source: Account, parts: Parts, *, lot: UUID | None = None, **why: Any) -> Movement:
    """From one account to others: a payment and its fee are one movement."""
    given = _given(parts)
    return Movement(key=key, kind=kind, legs=[(source, -positive(sum(amount for _, amount in given))), *given], lot=lot, **why)


def hold(  # noqa: PLR0913 - what is held, for whom, how long, and where it comes from
    key: str, kind: str, account: Account, amount: int, until: datetime | None = None, *, funded_by: Account | None = None, **why: Any
) -> Movement:
    """Reserve part of what is there; or of what comes in with it: escrow is money of a card, held in the payer's wallet."""
    movement = Movement(key=key, kind=kind, **why)
    if funded_by is not None:
        movement.legs = [(funded_by, -positive(amount)), (account, amount)]
    movement.holds = [(movement.id_of("hold"), account, positive(amount), until)]
    return movement


def capture(key: str, kind: str, held: UUID, parts: Parts, **why: Any) -> Movement:
    """Take of a hold what the parts add up to; the rest is free again."""
    given = _given(parts)
    taken = positive(sum(amount for _, amount in given))
    return Movement(key=key, kind=kind, legs=given, resolves=[(held, taken, CAPTURED)], **why)


def release(key: str, kind: str, held: UUID, **why: Any) -> Movement:
    """End a hold; all of it is free again."""
    return Movement(key=key, kind=kind, resolves=[(held, 0, VOIDED)], **why)


def expire(key: str, kind: str, held: UUID, **why: Any) -> Movement:
    """End a hold whose time is over."""
    return Movement(key=key, kind=kind, resolves=[(held, 0, EXPIRED)], **why)


def grant(  # noqa: PLR0913 - what is given, to whom, until when, and where it comes from
    key: str, kind: str, account: Account, amount: int, until: datetime | None, *, source: Account, **why: Any
) -> Movement:
    """Give credits that expire together, as a lot of their own."""
    if not account.purpose.in_lots:
        raise ValueError(f"{account.purpose.name} does not keep lots, so nothing on it could expire")
    movement = Movement(key=key, kind=kind, legs=[(source, -positive(amount)), (account, amount)], **why)
    movement.grants = [(movement.id_of("lot"), account, amount, until)]
    return movement


def exchange(  # noqa: PLR0913 - both sides and the rate between them
    key: str, kind: str, source: Account, amount: int, *, target: Account, rate: Fraction, **why: Any
) -> Movement:
    """Turn an amount of one asset into another: a journal with two balanced halves and its rate (target units for each source unit)."""
    if source.asset == target.asset:
        raise ValueError("an exchange is between two assets")
    bought = positive(share(positive(amount), rate))
    given, taken = EXCHANGE.of(source.asset), EXCHANGE.of(target.asset)
    legs = [(source, -amount), (given, amount), (taken, -bought), (target, bought)]
    return Movement(key=key, kind=kind, legs=legs, detail={"rate": str(rate)}, **why)


def reverse(key: str, kind: str, journal: UUID, part: Parts | None = None, **why: Any) -> Movement:
    """Take back what a journal moved: all of it, or these parts of it, any number of times up to all of it."""
    legs = [each for each in part or () if each[1]]
    if part is not None and not legs:
        raise NotPositive  # a part that came out as nothing is not all of it
    return Movement(key=key, kind=kind, legs=legs, reverses=journal, **why)
