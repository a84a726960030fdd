"""`Post`: how one market's letters leave, decided at start: its templates, its transports, its name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.telemetry import log
from souk.modules.mail.model import Channel
from souk.modules.mail.settings import MailSettings
from souk.modules.mail.smtp import Smtp
from souk.modules.mail.templates import Templates
from souk.modules.mail.transports import Mailbox, NotConfigured, Sender, Transport

AT_ONCE: Final = 4
"""How many letters are handed over at once: fewer than a worker has hands, so that a slow mail server leaves it some."""
PATIENCE: Final = 0.25
"""Seconds to wait for a free place. Whoever finds none comes back later."""
NOWHERE: Final = "no mail server is configured: set SOUK_MAIL_URL and SOUK_MAIL_FROM"
NO_TEXTS: Final = "nothing is configured that sends short texts"
DEVELOPMENT_SENDER: Final = Sender("", "no-reply@localhost")


class Gate:
    """A few places. While all are taken for long, nobody queues for them: waiting costs a worker's hand."""

    def __init__(self, places: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience
        self._jammed = False

    async def enter(self) -> bool:
        """Take a place; False when there is none."""
        if self._jammed and self._places.locked():
            return False
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            self._jammed = True
            return False
        self._jammed = False
        return True

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()


class Post:
    """Everything that writing and sending a market's letters takes."""

    def __init__(  # noqa: PLR0913 - decided in one place, below, and by tests
        self,
        templates: Templates,
        transports: Mapping[Channel, Transport],
        *,
        sender: Sender = DEVELOPMENT_SENDER,
        keeps: bool = True,
        webhook_keys: tuple[bytes, ...] = (),
        gate: Gate | None = None,
    ) -> None:
        self.templates = templates
        self.transports = transports
        self.sender = sender
        self.keeps = keeps
        """Whether what was written stays readable after it was sent: in development, for the mailbox."""
        self.webhook_keys = webhook_keys
        self.gate = gate or Gate()


def resources(settings: Settings, market: Market) -> dict[type, object]:
    """What operations and jobs take as `post: Post`."""
    return {Post: post_of(settings, MailSettings.load(os.environ), market)}


def post_of(settings: Settings, own: MailSettings, market: Market) -> Post:
    """A market's post under these settings."""
    templates = Templates(market, settings.reached_at)
    name = market.title.partition(":")[0].strip()
    sender = own.sender or DEVELOPMENT_SENDER
    return Post(
        templates,
        {Channel.EMAIL: _email(settings, own, market), Channel.SMS: NotConfigured(NO_TEXTS) if settings.production else Mailbox()},
        sender=Sender(sender.name or name, sender.address),
        keeps=not settings.production,
        webhook_keys=own.webhook_keys,
    )


def _email(settings: Settings, own: MailSettings, market: Market) -> Transport:
    if own.server is not None:
        return Smtp(own.server)
    if settings.production:
        log.warning("letters cannot leave and will wait", market=market.name, error=NOWHERE)
        return NotConfigured(NOWHERE)
    return Mailbox()
