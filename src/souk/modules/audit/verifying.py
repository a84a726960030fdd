"""Verification: whether the log still says what was sealed, read in batches from its beginning.

A chain of seals shows *that* something was changed. What it was is told by trying: an entry that was moved still fits its seal at
another position, and after a removal everything fits some positions further on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum, auto
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database
from souk.modules.audit import sql
from souk.modules.audit.model import ERASED, GENESIS, Change, Entry, Erasure, Head, Link, Part, Place, digest_of
from souk.modules.audit.sealing import Sealer

BATCH: Final = 1000
TOLD: Final = 100
"""How many findings are told one by one; more are counted."""
LOOKED_AT: Final = 20
"""How many seals that do not fit are looked at closely."""
SHIFTS: Final = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5)
FIRST: Final = UUID(int=0)


class Kind(StrEnum):
    """What was done to the log."""

    EDITED = auto()
    DELETED = auto()
    MOVED = auto()
    INSERTED = auto()
    CUT_OFF = auto()
    UNVERIFIABLE = auto()


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it was sealed."""

    kind: Kind
    position: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


class Report(msgspec.Struct, frozen=True):
    """What a verification found."""

    entries: int
    """Those in the chain."""
    unsealed: int
    erased: int
    """Details that were erased with a person."""
    head: Head
    findings: tuple[Finding, ...]
    more: int
    """How many findings there are beyond those."""


class Shifted(msgspec.Struct):
    """Neighbours that were all sealed so many positions further on."""

    first: int
    last: int
    by: int


class Verification:
    """What has been read of a chain so far."""

    def __init__(self, sealer: Sealer, since: Head | None = None) -> None:
        self._sealer = sealer
        self._since = since
        self._previous = GENESIS
        self._broken: list[tuple[Link, Entry, bytes]] = []
        self._shifted: list[Shifted] = []
        self._unknown: dict[str, int] = {}
        self.findings: list[Finding] = []
        self.more = 0
        self.position = 0
        self.entries = 0
        self.erased = 0

    @property
    def head(self) -> Head:
        return Head(self.position, self._previous)

    def find(self, kind: Kind, position: int | None, what: str) -> None:
        """Note a finding."""
        if len(self.findings) < TOLD:
            self.findings.append(Finding(kind, position, what))
        else:
            self.more += 1

    def read(self, link: Link) -> None:
        """The next seal, and what it stands for."""
        follows = self._follows(link.position)
        if self._since is not None and link.position == self._since.position and link.hash != self._since.hash:
            self.find(Kind.EDITED, link.position, f"position {link.position} has not the hash that was kept: the chain was written anew")
        self.entries += 1
        entry = link.entry
        if entry is None:
            self.find(Kind.DELETED, link.position, f"the entry {link.entry_id} at position {link.position} is gone")
        else:
            if not self._sealer.knows(link.key_id):
                self._unknown[link.key_id] = self._unknown.get(link.key_id, 0) + 1
            elif follows and not self._fits(link, self._previous, entry, link.position):
                self._puzzle(link, entry)
            self._details(link, entry)
        self.position, self._previous = link.position, link.hash

    def finish(self) -> None:
        """Nothing follows: say what can only be told from the whole."""
        if self._since is not None and self._since.position > self.position:
            missing = self._since.position - self.position
            self.find(Kind.CUT_OFF, None, f"the chain ends at position {self.position}: {entries(missing)} that had a seal are cut off")
        for key_id, many in self._unknown.items():
            self.find(Kind.UNVERIFIABLE, None, f"{entries(many)} sealed by the key {key_id}, which is in no SOUK_SECRET… here")
        for link, entry, previous in self._broken:
            self._judge(link, entry, previous)
        for run in self._shifted:
            kind, done, way = (Kind.DELETED, "removed", "further on") if run.by > 0 else (Kind.INSERTED, "put in", "further back")
            what = (
                f"{entries(abs(run.by))} {done} before position {run.first}: what stands there up to position {run.last} was sealed {way}"
            )
            self.find(kind, run.first, what)

    def _follows(self, position: int) -> bool:
        """Whether the seal before this one is there; without it, this one cannot be compared."""
        first, last = self.position + 1, position - 1
        if first <= last:
            where = f"position {first}" if first == last else f"positions {first} to {last}"
            self.find(Kind.DELETED, first, f"{entries(last - first + 1)} and seals are gone from {where}")
        return first > last

    def _fits(self, link: Link, previous: bytes, entry: Entry, position: int) -> bool:
        return self._sealer.proves(link.key_id, link.hash, previous, entry, position)

    def _puzzle(self, link: Link, entry: Entry) -> None:
        """A seal that does not fit where it stands."""
        run = self._shifted[-1] if self._shifted else None
        for by in (*([run.by] if run else []), *SHIFTS):
            if self._fits(link, self._previous, entry, link.position + by):
                if run is not None and run.by == by and run.last == link.position - 1:
                    run.last = link.position
                else:
                    self._shifted.append(Shifted(link.position, link.position, by))
                return
        if len(self._broken) < LOOKED_AT:
            self._broken.append((link, entry, self._previous))
        else:
            self.more += 1

    def _judge(self, link: Link, entry: Entry, previous: bytes) -> None:
        """Say what was done at a position, as far as the seals show it."""
        position, others = link.position, [each for each in self._broken if each[0] is not link]
        hashes = {previous, *(other.hash for other, _, _ in others), *(before for _, _, before in others)}
        follows = any(self._fits(link, before, entry, position) for before in hashes)
        belongs = next((p for p in self._places(position, others) if any(self._fits(link, b, entry, p) for b in hashes)), None)
        if belongs is None:
            # The seals stayed and only what they stand for changed places.
            belongs = next((other.position for other, _, before in others if self._fits(other, before, entry, other.position)), None)
        run = next((run for run in self._shifted if position < run.first <= position + abs(run.by) + 1), None)
        if follows:
            return  # it is as it was; what stands before it is not, and is told there
        if run is not None and (run.by > 0 or belongs is not None):
            run.first = min(run.first, position)
        elif belongs is not None:
            self.find(Kind.MOVED, position, f"the entry {entry.id} at position {position} was sealed at position {belongs}")
        elif run is not None:
            self.find(Kind.INSERTED, position, f"the entry {entry.id} at position {position} was put in")
        else:
            self.find(Kind.EDITED, position, f"the entry {entry.id} at position {position} is not what was sealed there")

    @staticmethod
    def _places(position: int, others: list[tuple[Link, Entry, bytes]]) -> Iterator[int]:
        yield from (other.position for other, _, _ in others)
        yield from (position + by for by in SHIFTS)

    def _details(self, link: Link, entry: Entry) -> None:
        """Whether what is said of people is what was recorded."""
        for part, digest, salt, content in (
            (Part.CHANGE, entry.change_digest, link.change_salt, link.change),
            (Part.CIRCUMSTANCES, entry.circumstances_digest, link.circumstances_salt, link.circumstances),
        ):
            where = f"the {part} of the entry {entry.id} at position {link.position}"
            if content is None or salt is None:
                if digest is not None and part.value in link.erased:
                    self.erased += 1
                elif digest is not None:
                    self.find(Kind.DELETED, link.position, f"{where} is missing, and was not erased with a person")
            elif digest is None:
                self.find(Kind.INSERTED, link.position, f"{where} was put in")
            elif digest_of(salt, content.encode()) != digest:
                self.find(Kind.EDITED, link.position, f"{where} is not what was recorded")


def entries(many: int) -> str:
    """So many of them."""
    return "1 entry" if many == 1 else f"{many} entries"


async def verify(
    database: Database, sealer: Sealer, *, since: Head | None = None, heard: Callable[[int], None] = lambda _entries: None
) -> Report:
    """Read the whole chain and compare. `since`: a head that was kept, which the chain must still hold. `heard` is told how far it is."""
    found = Verification(sealer, since)
    while True:
        links = await _links(database, found.position)
        for link in links:
            found.read(link)
            if link.action == ERASED:
                await _compare_erasure(database, link, found)
        heard(found.entries)
        if len(links) < BATCH:
            break
    found.finish()
    unsealed = await _outside(database, found)
    return Report(found.entries, unsealed, found.erased, found.head, tuple(found.findings), found.more)


async def _links(database: Database, after: int) -> list[Link]:
    return await database.read(lambda tx: tx.run(sql.LINKS, after, BATCH))


async def _places(database: Database, after: UUID) -> list[Place]:
    return await database.read(lambda tx: tx.run(sql.PLACES, after, BATCH))


async def _compare_erasure(database: Database, link: Link, found: Verification) -> None:
    """What an erasure says it took away is what the details say was erased by it: nobody hid a removal behind it."""
    listed = await database.read(lambda tx: tx.run(sql.ERASED_BY, link.entry_id))
    if _taken_away(link) != listed:
        found.find(Kind.EDITED, link.position, f"what the erasure at position {link.position} took away is not what it says")


def _taken_away(link: Link) -> Erasure | None:
    try:
        return msgspec.convert(msgspec.json.decode(link.change or "", type=Change).after, Erasure)
    except msgspec.MsgspecError:
        return None


async def _outside(database: Database, found: Verification) -> int:
    """How many entries wait for their seal. One that has none and does not wait was put in, or its seal was taken away."""
    unsealed, at = 0, FIRST
    while True:
        places = await _places(database, at)
        for place in places:
            unsealed += not place.sealed
            if not place.sealed and not place.waiting:
                found.find(Kind.INSERTED, None, f"the entry {place.id} is in no chain: it was put in, or its seal was removed")
        if len(places) < BATCH:
            return unsealed
        at = places[-1].id
