"""What is looked for, in the words of the index: between HTTP, which reads it, and the engine, which finds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.search.declaring import Document, Index, Sort
from souk.modules.search.places import Place


class Around(msgspec.Struct, frozen=True):
    """So near to somewhere."""

    place: Place
    km: float


class After(msgspec.Struct, frozen=True, array_like=True):
    """Where the page before ended."""

    key: float
    id: UUID
    total: int
    exact: bool


class Wanted(msgspec.Struct, frozen=True):
    """One search."""

    sort: Sort
    limit: int
    q: str = ""
    groups: tuple[tuple[str, ...], ...] = ()
    """Filters as lexemes: of each group, one is enough."""
    bounds: tuple[tuple[str, float | None, float | None], ...] = ()
    """Of numbers, by name: at least, at most."""
    around: Around | None = None
    after: After | None = None


class Found(msgspec.Struct, frozen=True):
    """What an engine answers."""

    items: list[msgspec.Raw]
    total: int
    exact: bool
    """Whether the total is counted, not estimated."""
    after: After | None
    """Where the next page begins, if there is one."""
    counts: list[tuple[str, str, int]] | None
    """Of each facet's values, how many were found: only with the first page."""
    counted: int
    """Over how many documents they were counted; where that is less than the total, in proportion."""
    meant: dict[str, list[str]]
    """Words that nothing was known by, and what they were read as."""
    distances: list[float] | None = None
    """How far the items are away, in km."""


class Engine(Protocol):
    """What stands behind a search. PostgreSQL does (`postgres.py`); another has to keep the same promises and pass the same tests."""

    async def put(self, tx: Tx, index: Index, documents: Sequence[Document]) -> None:
        """Keep documents; what is there already in a newer revision stays."""
        ...

    async def remove(self, tx: Tx, index: Index, ids: Sequence[UUID]) -> None:
        """Forget documents."""
        ...

    async def find(self, tx: Tx, index: Index, wanted: Wanted) -> Found:
        """Search."""
        ...

    async def counts(self, tx: Tx, index: Index) -> int:
        """How many documents there are."""
        ...

    async def begins(self, tx: Tx, index: Index, text: str, limit: int) -> list[str]:
        """Titles that begin so, the best first."""
        ...
