"""The story of a balance, for whoever wonders how an account came to what it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from souk.kernel.db import Tx
from souk.kernel.money import Asset
from souk.modules.ledger import sql
from souk.modules.ledger.model import Balance, Booked, Side, Step
from souk.modules.ledger.sql import Named

ACCOUNTS: Final = 20
"""So many accounts of one name are told of; who wants another asks for it by its id."""
SIDES: Final = 10
"""So many other accounts of one journal."""

Show = Callable[[int], str]
"""How an amount is written."""


class Unexplained(Exception):
    """Nothing of that name has an account."""


async def explain(tx: Tx, what: str, last: int) -> list[str]:
    """The stories of the accounts of that name, each step a line: the newest `last` of each.

    All of it has to be read as of one moment (`Database.survey`), or a story of an account in use would seem not to add up.
    """
    found = await tx.run(sql.FIND, what, ACCOUNTS + 1)
    if not found:
        raise Unexplained(f"no account is called {what!r}, and nobody of that id has one")
    told = [line for named in found[:ACCOUNTS] for line in await _told(tx, named, last)]
    if len(found) > ACCOUNTS:
        told.append(f"There are more than {ACCOUNTS} accounts of that name; ask for one by its id or its owner's.")
    return told


async def _told(tx: Tx, named: Named, last: int) -> list[str]:
    (balance,) = await tx.run(sql.BALANCES, [named.id], tx.now)
    booked = await tx.run(sql.BOOKED, named.id)
    steps = await tx.run(sql.STORY, named.id, last + 1)
    return list(lines(named, balance, booked, list(reversed(steps[:last])), whole=len(steps) <= last))


def lines(named: Named, balance: Balance, booked: Booked, steps: Sequence[Step], *, whole: bool) -> Iterator[str]:
    """An account's steps, oldest first, and whether what they lead to is what it says it has."""
    show = Asset(named.asset, named.exponent).digits
    yield f"{_name(named.purpose, named.owner_id)}, {named.asset}: account {named.id}"
    total = booked.total - sum(step.amount for step in steps)
    held = booked.on_hold - sum(step.held for step in steps)
    if not whole:
        yield f"  before: total {show(total)}, on hold {show(held)}"
    for step in steps:
        total, held = total + step.amount, held + step.held
        yield f"  {step.at:%Y-%m-%d %H:%M:%S}  {step.kind}: {_what(step, show)} → total {show(total)}, on hold {show(held)}"
        yield f"      {_why(step)}"
    yield _end(balance, booked, show)


def _end(balance: Balance, booked: Booked, show: Show) -> str:
    wallet = balance.wallet()
    lapsed = f" ({show(balance.lapsed)} lapsed, which the clock has yet to take)" if balance.lapsed else ""
    said = f"total {show(balance.total)}, on hold {show(balance.on_hold)}, available {show(wallet.available)} {balance.asset}{lapsed}"
    if (booked.total, booked.on_hold) == (balance.total, balance.on_hold):
        return f"  it adds up: {said}"
    came_to = f"{show(booked.total)}, {show(booked.on_hold)} on hold"
    return f"  THIS DOES NOT ADD UP: entries and open holds come to {came_to}, but the account says {said}. Run `souk laws`."


def _what(step: Step, show: Show) -> str:
    moved = _signed(step.amount, show) if step.amount else ""
    held = f"{show(step.held)} held" if step.held > 0 else f"{show(-step.held)} not held any more" if step.held else ""
    return ", ".join(each for each in (moved, held) if each) or "nothing"


def _why(step: Step) -> str:
    sides = [_side(side) for side in step.others[:SIDES]] + [f"and {len(step.others) - SIDES} more"] * (len(step.others) > SIDES)
    others = f"other side: {', '.join(sides)}; " if sides else ""
    reference = f"about {step.reference_id}; " if step.reference_id else ""
    return f"{others}{reference}key {step.key!r}, journal {step.id}"


def _side(side: Side) -> str:
    return f"{_name(side.purpose, side.owner_id)} {_signed(side.amount, Asset(side.asset, side.exponent).digits)} {side.asset}"


def _name(purpose: str, owner: object) -> str:
    return f"{purpose} of {owner}" if owner else purpose


def _signed(amount: int, show: Show) -> str:
    return f"{'+' if amount > 0 else ''}{show(amount)}"
