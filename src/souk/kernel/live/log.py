"""What is said live, as it stands in the table `said`, and how readers remember what of it they have seen.

Numbers drawn from a sequence become visible out of order: who remembers the highest loses what commits late. A reader here
remembers which transactions had ended when it looked. New to it is what the others wrote, so nothing is lost however long
a transaction stays open, and nothing comes twice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.db import Database, only
from souk.kernel.messages import periodic

KEPT_SECONDS: Final = 3 * 24 * 3600.0
DROPPED_AT_ONCE: Final = 5_000


class Said(msgspec.Struct, frozen=True):
    """Something said live, once: one event under one name, in all its rooms of one namespace."""

    id: UUID
    """The same here and in `GET …/live/events`, so that a client can tell what it has already."""
    namespace: str
    name: str
    rooms: tuple[str, ...]
    """Those who are in several of them hear it once."""
    payload: msgspec.Raw
    at: datetime


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A row of the log: something said, in one room."""

    txid: int
    seq: int
    id: UUID
    namespace: str
    name: str
    room: str
    payload: msgspec.Raw
    at: datetime


class Stretch(msgspec.Struct, frozen=True):
    """Some lines, and what had ended when they were read."""

    now: str
    dropped: int
    """The latest transaction of which something is no longer there."""
    lines: list[Line]


EPOCH: Final = 2**32
"""After so many transactions the first number is left out."""

Txid = Annotated[int, Meta(ge=0, lt=2**62)]
"""What clients hand back is only ever theirs: it is checked, not believed."""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """Which transactions had ended: those below `end`, without some that were open, which are counted down from it."""

    end: Txid
    open: tuple[Annotated[int, Meta(ge=1, lt=2**62)], ...] = ()

    def __post_init__(self) -> None:
        if self.begin < 1 or not self.begin % EPOCH or not self.end % EPOCH:
            raise ValueError("there are no transactions of these numbers")

    @property
    def snapshot(self) -> str:
        """As the database writes it."""
        open_then = sorted({self.end - each for each in self.open})
        return f"{min(open_then, default=self.end)}:{self.end}:{','.join(map(str, open_then))}"

    @property
    def begin(self) -> int:
        """Everything below had ended."""
        return self.end - max(self.open, default=0)

    def cut(self, most: int) -> Seen:
        """The same, with so many open ones at most: from the next on, all count as not seen."""
        if len(self.open) <= most:
            return self
        earliest = sorted(self.open, reverse=True)
        end = self.end - earliest[most]
        return Seen(end, tuple(each - earliest[most] for each in earliest[:most]))


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far a reader has come: what it has seen, and where it stands in the stretch that it is in."""

    since: Seen
    till: Seen | None = None
    txid: Txid = 0
    seq: Annotated[int, Meta(ge=0, lt=2**62)] = 0

    @property
    def till_snapshot(self) -> str | None:
        return None if self.till is None else self.till.snapshot

    def moved_by(self, stretch: Stretch, most: int) -> Place:
        """Where it stands after reading these lines, of which there are fewer than `most` only at the end of the stretch."""
        till = self.till or seen(stretch.now)
        if len(stretch.lines) < most:
            return Place(till)
        last = stretch.lines[-1]
        return Place(self.since, till, last.txid, last.seq)

    def cut(self, most: int) -> Place:
        """The same, short enough to be handed out."""
        return Place(self.since.cut(most), None if self.till is None else self.till.cut(most), self.txid, self.seq)


def seen(snapshot: str) -> Seen:
    """What had ended, from how the database writes it."""
    _, end, were_open = snapshot.split(":")
    return Seen(int(end), tuple(int(end) - int(each) for each in were_open.split(",") if each))


NOW = only(str, """select pg_current_snapshot()::text as "now!\"""")

NEWS = only(
    Stretch,
    """with moment as materialized (select pg_current_snapshot() as now)
    select m.now::text as "now!", 0::bigint as "dropped!", coalesce((
        select json_agg(json_build_array(s.txid::text::bigint, s.seq, s.id, s.namespace, s.name, s.room, s.payload, s.at)
            order by s.txid, s.seq)
        from said_between($1::text::pg_snapshot, coalesce($2::text::pg_snapshot, m.now), $3::xid8, $4, $5) s), '[]') as "lines!"
    from moment m""",
)
"""Everything that is new to a process."""

MISSED = only(
    Stretch,
    """with moment as materialized (select pg_current_snapshot() as now)
    select m.now::text as "now!", d.txid::text::bigint as "dropped!", coalesce((
        select json_agg(json_build_array(s.txid::text::bigint, s.seq, s.id, s.namespace, s.name, s.room, s.payload, s.at)
            order by s.txid, s.seq)
        from said_in($6, $7, $1::text::pg_snapshot, coalesce($2::text::pg_snapshot, m.now), $3::xid8, $4, $5) s), '[]') as "lines!"
    from moment m, said_dropped d""",
)
"""What is new to a client, in its rooms."""

DROP = only(int, """select drop_said($1, $2) as "dropped!\"""")


@periodic("*/10 * * * *")
async def forget_said(database: Database) -> None:
    """Drop what was said more than three days ago, a little at a time."""
    while await database.write(lambda tx: tx.finish(DROP, KEPT_SECONDS, DROPPED_AT_ONCE)) == DROPPED_AT_ONCE:
        pass  # the next batch
