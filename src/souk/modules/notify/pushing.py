"""What carries pushes to devices: one small protocol, whichever service stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from souk.kernel.assembly import Closable
from souk.modules.notify.model import Device, Service, Urgency


class Push(msgspec.Struct, frozen=True):
    """What one device is sent."""

    notification_id: UUID
    kind: str
    title: str
    body: str
    link: str
    urgency: Urgency
    at: datetime

    @property
    def topic(self) -> str:
        """The same for every word about one notification: a later one takes the place of one that was not shown yet."""
        return self.notification_id.hex


class Gone(Exception):
    """The service does not know the device any more: it is removed."""


class Later(Exception):
    """It was not taken, and may be tried again."""

    def __init__(self, reason: str, seconds: float = 0) -> None:
        super().__init__(reason)
        self.seconds = seconds
        """How long the service asks to be left alone."""


class Refused(Exception):
    """The service will never take this."""


class Unknown(Exception):
    """It was sent, and no answer came. It may have arrived, so it is not sent again."""


class Carrier(Protocol):
    """Takes pushes to devices of one service."""

    async def push(self, device: Device, push: Push) -> None:
        """Hand it over, or raise one of the four above."""
        ...


class NotConfigured:
    """Nobody said how these devices are reached. It says so."""

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy

    async def push(self, device: Device, push: Push) -> None:
        del device, push
        raise Refused(self.remedy)


class Carriers:
    """Who takes pushes to which devices, in one market."""

    def __init__(self, by_service: Mapping[Service, Carrier]) -> None:
        self._by_service = by_service

    def of(self, service: Service) -> Carrier:
        """Who takes them to devices of this service."""
        return self._by_service[service]

    async def aclose(self) -> None:
        """Close their connections."""
        for carrier in self._by_service.values():
            if isinstance(carrier, Closable):
                await carrier.aclose()


def after(header: str | None) -> float:
    """Seconds that `Retry-After` asks for; 0 where it gives a date or nothing."""
    return float(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 7 else 0.0
