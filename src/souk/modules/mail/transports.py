"""Transports: how a letter leaves the house. One small protocol; which one stands behind it is decided at start."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from souk.modules.mail.templates import Rendered


class Sender(msgspec.Struct, frozen=True):
    """Who letters are from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class Parcel(msgspec.Struct, frozen=True):
    """A letter, ready to be handed over."""

    id: UUID
    sender: Sender
    to: str
    """The address with its domain in ASCII, or the number."""
    written: Rendered
    created_at: datetime
    unsubscribe: str = ""
    """Where its reader ends mail of its kind by one click (RFC 8058); empty where they cannot."""

    @property
    def message_id(self) -> str:
        """The same at every attempt: a letter that arrives twice, because an answer was lost, is known as one."""
        return f"<{self.id}@{self.sender.domain}>"


class TryLater(Exception):
    """It could not be handed over now: the server is away, slow, busy, or wrongly set up."""


class AddressRefused(Exception):
    """The server says that nobody is reached under this address."""


class LetterRefused(Exception):
    """The server will never take this letter; another one to the same address it may."""


class Transport(Protocol):
    """Takes letters to where they go."""

    async def hand_over(self, parcel: Parcel) -> None:
        """Hand it over, or raise one of the three refusals above. It may come again when the answer was lost."""
        ...


class Mailbox:
    """Development: nothing leaves. What was sent is read at `GET <base>/dev/mail`."""

    async def hand_over(self, parcel: Parcel) -> None:
        del parcel


class NotConfigured:
    """Nobody said how letters leave. They wait, and say so."""

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy

    async def hand_over(self, parcel: Parcel) -> None:
        del parcel
        raise TryLater(self.remedy)
