"""Statements made on the spot, and an outbox that writes notes."""

from __future__ import annotations

from souk.kernel.db import Query, Rider, Tx
from souk.kernel.db.query import Shape


def query(shape: Shape, kind: object, sql: str) -> Query[object]:
    return Query(shape, kind, sql, __name__)


class Notes:
    """An outbox that writes notes."""

    RIDER = Rider("notes as (insert into posted (note) select unnest($1::text[]))")

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.told = False

    def unload(self) -> tuple[Rider, tuple[object, ...]] | None:
        waiting, self.waiting = self.waiting, []
        return (self.RIDER, (waiting,)) if waiting else None

    def committed(self) -> None:
        self.told = True


def note(tx: Tx, text: str) -> None:
    assert isinstance(tx.outbox, Notes)
    tx.outbox.waiting.append(text)
