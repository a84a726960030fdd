"""The provider's books beside the ledger: what is compared, and how it comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from math import nan
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.http import Paging
from souk.kernel.record import Record
from souk.modules.payments.model import DifferenceKind
from souk.modules.payments.provider import Booking

FEE: Final = "fee"
"""What the provider takes for itself of payments and payouts. The ledger learns of it from the provider's books."""

FAMILIES: Final = {"refund_failure": "refund", "dispute_reversal": "dispute", "payout_failure": "payout"}
"""What goes and comes back is one matter: it is compared together."""


class Line(msgspec.Struct, frozen=True):
    """A line of the provider's books as it is kept."""

    line: str
    kind: str
    what: str
    source: str
    currency: str
    amount: int
    at: datetime


def lines_of(bookings: Iterable[Booking]) -> Iterator[Line]:
    """What is kept of bookings: each, and its fee. That of a chargeback is booked when it is told; others follow from here."""
    for each in bookings:
        what = FAMILIES.get(each.kind, each.kind)
        if each.amount.amount:
            yield Line(each.id, each.kind, what, each.source, each.amount.currency, each.amount.amount, each.at)
        if each.fee:
            fee = "dispute_fee" if what == "dispute" else FEE
            yield Line(f"{each.id}:fee", fee, fee, each.source, each.amount.currency, -each.fee, each.at)


class Compared(msgspec.Struct, frozen=True):
    """One matter on which both do not agree: what the provider's balance changed by there, and what it did here."""

    what: str
    source: str
    currency: str
    reference_id: UUID | None
    there: int
    here: int

    @property
    def kind(self) -> DifferenceKind:
        """In what they differ."""
        if not self.here:
            return DifferenceKind.MISSING_HERE
        return DifferenceKind.AMOUNT if self.there else DifferenceKind.MISSING_THERE

    @property
    def matter(self) -> tuple[str, str, str]:
        """What makes it this one and no other."""
        return self.what, self.source, self.currency


class Comparison(msgspec.Struct, frozen=True):
    """How everything came out that was looked at."""

    matters: int
    bookings: int
    movements: int
    upto: int
    """How far the ledger's entries were looked at."""
    differing: list[Compared]


class Day(Record):
    """A day's reconciliation, for staff."""

    id: UUID
    provider: str
    day: date
    bookings: int
    """Lines of the provider's books on that day."""
    movements: int
    """Movements of the ledger at the provider on that day."""
    matched: int
    """Matters on which both agree."""
    differences: int
    """Those found on that day."""
    unexplained: int
    """Those of them that are open still."""
    finished_at: datetime


class Difference(Record):
    """Where provider and ledger do not agree."""

    id: UUID
    provider: str
    kind: DifferenceKind
    what: str
    source: str
    reference_id: UUID | None
    currency: str
    there: int
    here: int
    found_at: datetime
    explained_at: datetime | None
    explained_by: UUID | None
    explanation: str | None


class Differences:
    """How many differences this process knows of, for the metrics. Nobody knows before it looked."""

    def __init__(self) -> None:
        self.open: float = nan
        self.old: float = nan

    def gauges(self) -> Mapping[str, tuple[str, Callable[[], float]]]:
        """By name: what each means, and how it is read."""
        return {
            "souk_reconciliation_differences": ("Differences between provider and ledger that are open.", lambda: self.open),
            "souk_reconciliation_differences_old": ("Those that have been open for four days.", lambda: self.old),
        }


class DifferencesQuery(Paging, kw_only=True):
    """Which differences are wanted."""

    status: Literal["open", "explained"] | None = None


class Explanation(Record):
    """Why both do not agree, as staff found out."""

    explanation: Annotated[str, Meta(min_length=1, max_length=2000)]
