"""The story of a balance, for whoever wonders how an account came to what it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from souk.kernel.db import Tx
from souk.kernel.money import Asset
from souk.modules.ledger import sql
from souk.modules.ledger.model import Balance, Step
from souk.modules.ledger.sql import Named


class Unexplained(Exception):
    """Nothing of that name has an account."""


async def explain(tx: Tx, what: str, last: int) -> list[str]:
    """The stories of the accounts of that name, each step a line: the newest `last` of each."""
    found = await tx.run(sql.FIND, what)
    if not found:
        raise Unexplained(f"no account is called {what!r}, and nobody of that id has one")
    return [line for named in found for line in await _told(tx, named, last)]


async def _told(tx: Tx, named: Named, last: int) -> list[str]:
    (balance,) = await tx.run(sql.BALANCES, [named.id], tx.now)
    steps = await tx.run(sql.STORY, named.id, last + 1)
    return list(lines(named, balance, list(reversed(steps[:last])), whole=len(steps) <= last))


def lines(named: Named, balance: Balance, steps: Sequence[Step], *, whole: bool) -> Iterator[str]:
    """An account's steps, oldest first, and whether they lead to what it has."""
    show = Asset(named.asset, named.exponent).digits
    owner = f" of {named.owner_id}" if named.owner_id else ""
    yield f"{named.purpose}{owner}, {named.asset}: account {named.id}"
    total = balance.total - sum(step.amount for step in steps)
    held = balance.on_hold - sum(step.held for step in steps)
    if not whole:
        yield f"  before: total {show(total)}, on hold {show(held)}"
    elif total or held:
        yield f"  THIS DOES NOT ADD UP: its steps explain all but {show(total)}, and all but {show(held)} on hold. Run `souk laws`."
    for step in steps:
        total, held = total + step.amount, held + step.held
        yield f"  {step.at:%Y-%m-%d %H:%M:%S}  {step.kind}: {_what(step, show)} → total {show(total)}, on hold {show(held)}"
        yield f"      {_why(step)}"
    yield f"  total {show(balance.total)}, on hold {show(balance.on_hold)}, available {show(balance.total - balance.on_hold)} {named.asset}"


def _what(step: Step, show: Callable[[int], str]) -> str:
    moved = f"{'+' if step.amount > 0 else ''}{show(step.amount)}" if step.amount else ""
    held = f"{show(step.held)} held" if step.held > 0 else f"{show(-step.held)} not held any more" if step.held else ""
    return ", ".join(each for each in (moved, held) if each) or "nothing"


def _why(step: Step) -> str:
    others = f"other side: {'; '.join(step.others)}; " if step.others else ""
    reference = f"about {step.reference_id}; " if step.reference_id else ""
    return f"{others}{reference}key {step.key!r}, journal {step.id}"
