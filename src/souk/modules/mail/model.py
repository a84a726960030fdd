"""Letters: what is asked for, what becomes of it, and what staff and developers see of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from souk.kernel.record import Record

KEEP_TRYING: Final = timedelta(days=3)
"""For how long a letter that cannot be handed over is tried again. A mail server's outage is over by then, or noticed."""
FIRST_PAUSE: Final = timedelta(seconds=15)
LONGEST_PAUSE: Final = timedelta(hours=1)


class Letter(Record):
    """A letter or a short text that somebody is to get: the template's name is `<module>/<name>`."""

    to: str
    template: str
    language: str
    values: dict[str, str]
    person_id: UUID | None = None


class Channel(StrEnum):
    """How it travels."""

    EMAIL = auto()
    SMS = auto()


class MailState(StrEnum):
    """What became of a letter."""

    WAITING = auto()
    SENT = auto()
    FAILED = auto()
    BOUNCED = auto()
    SUPPRESSED = auto()


class BounceKind(StrEnum):
    """How it became known that an address takes no mail."""

    REFUSED = auto()
    BOUNCE = auto()
    COMPLAINT = auto()


class Mail(Record):
    """A letter as staff see it: everything but what is written in it."""

    id: UUID
    channel: Channel
    to: str
    template: str
    language: str
    person_id: UUID | None
    state: MailState
    attempts: int
    error: str | None
    message_id: str | None
    created_at: datetime
    sent_at: datetime | None


class SealedMail(msgspec.Struct, frozen=True):
    """A letter as it is stored."""

    id: UUID
    channel: Channel
    to: str
    template: str
    language: str
    sealed: bytes | None
    state: MailState
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    suppressed: bool
    """Whether its address is known to take no mail."""


class Posted(Record):
    """A letter as the development mailbox shows it."""

    id: UUID
    channel: Channel
    to: str
    subject: str
    text: str
    html: str
    links: list[str]
    state: MailState
    created_at: datetime
    sent_at: datetime | None


class BouncedAddress(Record):
    """An address that no letter is sent to."""

    address: str
    kind: BounceKind
    reason: str
    created_at: datetime


class BounceReport(Record):
    """A mail service's report that a letter came back, or was called unwanted."""

    address: Annotated[str, Meta(min_length=1, max_length=320)]
    kind: Literal["bounce", "complaint"]
    message_id: Annotated[str, Meta(max_length=998)] = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""


class Fate(msgspec.Struct, frozen=True):
    """What one attempt came to. `WAITING` is: not now, but perhaps later."""

    state: MailState
    error: str = ""
    tried: bool = True
    """Whether it was an attempt; a letter that only found no free place made none."""


def pause(mail_id: UUID, attempts: int) -> timedelta:
    """How long to wait after that many attempts: longer each time, and for each letter a little different, so that those
    that failed together do not come back together.
    """
    spread = 0.75 + mail_id.int % 1024 / 2048
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << min(attempts - 1, 20))) * spread
