"""The ledger once more, in plain dictionaries: what there ought to be, to the last unit of the last lot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from souk.modules.ledger import Account, Movement

NEVER = datetime.max.replace(tzinfo=UTC)


class Refused(Exception):
    """What the model would not do."""


class Grant:
    """A lot."""

    def __init__(self, lot_id: UUID, amount: int, until: datetime | None) -> None:
        self.id = lot_id
        self.until = until or NEVER
        self.remaining = amount
        self.held = 0

    @property
    def free(self) -> int:
        return self.remaining - self.held

    @property
    def rank(self) -> tuple[datetime, UUID]:
        """Who expires first is drawn first."""
        return self.until, self.id


class Held:
    """A hold."""

    def __init__(self, account: Account, amount: int, until: datetime | None) -> None:
        self.account = account
        self.amount = amount
        self.until = until or NEVER
        self.parts: list[tuple[Grant, int]] = []


class Journal:
    """What was moved, and from which lots."""

    def __init__(self, reverses: Journal | None) -> None:
        self.moved: dict[Account, int] = {}
        self.returned: dict[Account, int] = defaultdict(int)
        self.drawn: dict[Grant, int] = defaultdict(int)
        self.given_back: dict[Grant, int] = defaultdict(int)
        self.granted: dict[Account, Grant] = {}
        self.reverses = reverses


class Model:
    """Every account, hold, lot and journal."""

    def __init__(self) -> None:
        self.posted: dict[Account, int] = defaultdict(int)
        self.on_hold: dict[Account, int] = defaultdict(int)
        self.lots: dict[Account, list[Grant]] = defaultdict(list)
        self.holds: dict[UUID, Held] = {}
        self.journals: dict[UUID, Journal] = {}

    def total(self, account: Account, now: datetime) -> int:
        """As its owner sees it."""
        return self.posted[account] - sum(lot.free for lot in self.lots[account] if lot.until <= now)

    def post(self, movement: Movement, now: datetime) -> Journal:
        """Do it, or refuse and change nothing: all questions come before the first change."""
        original = self.journals[movement.reverses] if movement.reverses else None
        ended = [self.ending(each, now) for each in movement.resolves]
        legs = self.legs(movement, original)
        for account in legs.keys() | {account for _, account, _, _ in movement.holds}:
            self.check_floor(account, legs.get(account, 0), movement)
        journal = Journal(original)
        journal.moved = {account: amount for account, amount in legs.items() if amount}
        if original is not None:
            check_reversal(original, journal.moved)
        self.plan_lots(journal, movement, now)
        for account, amount in journal.moved.items():
            self.posted[account] += amount
            if original is not None:
                original.returned[account] += amount
        for (hold_id, taken, _), held in zip(movement.resolves, ended, strict=True):
            self.end(journal, hold_id, held, taken or 0)
        return journal

    def legs(self, movement: Movement, original: Journal | None) -> dict[Account, int]:
        moved: dict[Account, int] = defaultdict(int)
        if original is not None and not movement.legs:
            moved.update({account: -amount for account, amount in original.moved.items()})
        for account, amount in movement.legs:
            moved[account] += amount
        for hold_id, taken, _ in movement.resolves:
            moved[self.holds[hold_id].account] -= taken or 0
        return moved

    def ending(self, resolve: tuple[UUID, int | None, str], now: datetime) -> Held:
        """The hold that ends, if it can end like that."""
        hold_id, taken, how = resolve
        held = self.holds.get(hold_id)
        if held is None or (taken or 0) > held.amount or (how != "voided" and (held.until <= now) != (how == "expired")):
            raise Refused
        return held

    def check_floor(self, account: Account, amount: int, movement: Movement) -> None:
        """What is there and not on hold covers what goes out and what is held anew."""
        if account.purpose.hot or account.purpose.below_zero:
            return
        freed = sum(self.holds[each].amount for each, _, _ in movement.resolves if self.holds[each].account == account)
        reserved = sum(units for _, each, units, _ in movement.holds if each == account)
        change = amount + freed - reserved
        if change < 0 and self.posted[account] - self.on_hold[account] + change < 0:
            raise Refused

    def plan_lots(self, journal: Journal, movement: Movement, now: datetime) -> None:
        """Credits: granted, held, drawn or given back. One account of them in a movement, as every verb makes it."""
        for lot_id, account, amount, until in movement.grants:
            lot = Grant(lot_id, amount, until)
            self.lots[account].append(lot)
            journal.granted[account] = lot
        for hold_id, account, amount, until in movement.holds:
            held = Held(account, amount, until)
            if account.purpose.in_lots:
                held.parts = picked((lot for lot in self.lots[account] if lot.until > now), amount)
                for lot, part in held.parts:
                    lot.held += part
            self.holds[hold_id] = held
            self.on_hold[account] += amount
        if movement.resolves or movement.grants:
            return
        for account, amount in journal.moved.items():
            if account.purpose.in_lots and amount < 0:
                own = journal.reverses.granted.get(account) if journal.reverses else None
                for lot, part in picked([own] if own else (lot for lot in self.lots[account] if lot.until > now), -amount):
                    lot.remaining -= part
                    journal.drawn[lot] += part
            elif account.purpose.in_lots and journal.reverses:
                self.give_back(journal.reverses, amount)

    def give_back(self, original: Journal, amount: int) -> None:
        """To the longest-lived first."""
        for lot in sorted(original.drawn, key=lambda lot: lot.rank, reverse=True):
            part = min(amount, original.drawn[lot] - original.given_back[lot])
            lot.remaining += part
            original.given_back[lot] += part
            amount -= part
        assert not amount

    def end(self, journal: Journal, hold_id: UUID, held: Held, taken: int) -> None:
        del self.holds[hold_id]
        self.on_hold[held.account] -= held.amount
        for lot, part in sorted(held.parts, key=lambda each: each[0].rank):
            spent = min(part, taken)
            taken -= spent
            lot.held -= part
            lot.remaining -= spent
            if spent:
                journal.drawn[lot] += spent

    def lapse(self, now: datetime, expired: Account) -> None:
        """What the clock does: first holds end, then credits."""
        for hold_id, held in [(hold_id, held) for hold_id, held in self.holds.items() if held.until <= now]:
            self.end(Journal(None), hold_id, held, 0)
        for account, lots in self.lots.items():
            for lot in lots:
                if lot.until <= now:
                    self.posted[account] -= lot.free
                    self.posted[expired] += lot.free
                    lot.remaining = lot.held


def picked(lots: Iterable[Grant], wanted: int) -> list[tuple[Grant, int]]:
    """How much of each, those first that expire first."""
    parts = []
    for lot in sorted(lots, key=lambda lot: lot.rank):
        part = min(lot.free, wanted)
        wanted -= part
        parts += [(lot, part)] if part else []
    if wanted:
        raise Refused
    return parts


def check_reversal(original: Journal, moved: dict[Account, int]) -> None:
    """Against what moved, and no further."""
    for account, amount in moved.items():
        there = original.moved.get(account, 0)
        if there * amount >= 0 or abs(original.returned[account] + amount) > abs(there):
            raise Refused
