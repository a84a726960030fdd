"""Entries of the audit log: what they are, how they are sealed, and what staff see of them."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from enum import StrEnum, auto
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.http.paging import CursorPaging
from souk.kernel.record import Moment, Record

ERASED: Final = "audit.erased"
"""The action of the entry that stands for an erasure."""

GENESIS: Final = bytes(32)
"""What the first entry of a chain is sealed after."""


class Part(StrEnum):
    """What of an entry says something of people, and can be erased by itself."""

    CHANGE = auto()
    CIRCUMSTANCES = auto()


class Entry(msgspec.Struct, frozen=True):
    """What happened, without anything that names a person."""

    id: UUID
    at: datetime
    action: str
    entity: str
    entity_id: UUID | None
    person_id: UUID | None
    subject_id: UUID | None
    request_id: str
    change_digest: bytes | None
    circumstances_digest: bytes | None

    def sealed_as(self, position: int) -> bytes:
        """The bytes that a seal at that position proves: every field, in a form with one reading only."""
        return msgspec.json.encode([position, *msgspec.structs.astuple(msgspec.structs.replace(self, at=self.at.astimezone(UTC)))])


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: kept elsewhere, it shows later whether anything was cut off."""

    position: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.position}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> Head:
        """A head as it was printed."""
        position, _, digits = text.strip().partition(":")
        if not (position.isascii() and position.isdigit() and len(position) <= 18 and re.fullmatch(r"[0-9a-fA-F]{64}", digits)):
            raise ValueError("is not POSITION:HASH as an earlier run printed it")
        return cls(int(position), bytes.fromhex(digits))


class Change(Record):
    """What was there before, what there was after, and the reason that was given."""

    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    why: str = ""


class Circumstances(Record):
    """From where it was done."""

    address: str = ""
    agent: str = ""


def digest_of(salt: bytes, content: bytes) -> bytes:
    """What an entry keeps of its details."""
    return hashlib.sha256(salt + content).digest()


def seal_of(key: bytes, previous: bytes, entry: Entry, position: int) -> bytes:
    """What proves an entry at its place, and by the hash before it everything that came earlier."""
    return hmac.digest(key, previous + entry.sealed_as(position), "sha256")


# What verification reads


class Erasure(Record):
    """How many details were erased at once, and a digest of which."""

    parts: int
    digest: str


class Link(msgspec.Struct, frozen=True):
    """A seal with what it stands for, as far as that is still there."""

    position: int
    entry_id: UUID
    hash: bytes
    key_id: str
    id: UUID | None
    at: datetime | None
    action: str | None
    entity: str | None
    about: UUID | None
    person_id: UUID | None
    subject_id: UUID | None
    request_id: str | None
    change_digest: bytes | None
    circumstances_digest: bytes | None
    change_salt: bytes | None
    change: str | None
    circumstances_salt: bytes | None
    circumstances: str | None
    erased: list[str]

    @property
    def entry(self) -> Entry | None:
        """The entry, unless it is gone."""
        fields = msgspec.structs.astuple(self)[4:14]
        return None if self.id is None else Entry(*fields)


class Place(msgspec.Struct, frozen=True):
    """Whether an entry is in the chain, or waits for it."""

    id: UUID
    sealed: bool
    waiting: bool


# What staff see

Word = Annotated[str, Meta(min_length=1, max_length=100)]


class LogsQuery(CursorPaging, kw_only=True):
    """Which entries are wanted."""

    entity: Word | None = None
    entity_id: UUID | None = None
    user_id: UUID | None = None
    action: Word | None = None
    since: Moment | None = msgspec.field(name="from", default=None)
    until: Moment | None = msgspec.field(name="to", default=None)


class AuditLog(Record):
    """An entry. What was erased is null or empty."""

    id: UUID
    user_id: UUID | None
    action: str
    entity: str
    entity_id: UUID | None
    changes: Change | None
    ip_address: str
    user_agent: str
    request_id: str
    timestamp: datetime


class Mark(msgspec.Struct, frozen=True):
    """Where a page of the log ended."""

    at: datetime
    id: UUID
