"""`Rules`: what a market decides about telling people; and `Notices`, everything that telling them takes, made ready at start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Tx
from souk.modules import identity
from souk.modules.notify.kinds import Kind
from souk.modules.notify.model import Channel, Value
from souk.modules.notify.templates import BrokenTexts, Said, Texts


async def nobody(tx: Tx, one: UUID, other: UUID) -> bool:
    """Nobody is blocked in a market without blocks."""
    del tx, one, other
    return False


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a market decides. Without them nobody is blocked, and links lead to the pages that identity's lead to."""

    blocked: Callable[[Tx, UUID, UUID], Awaitable[bool]] = nobody
    """Whether one of two people has blocked the other."""
    web: str = ""
    """Where the market's pages are: what notifications lead to. Empty is `identity.Rules.web`, or the API's own address."""
    contact: str = ""
    """Whom a push service may write to about our pushes: `mailto:…` or `https://…`. Empty is the market's address."""


class Notices:
    """A market's kinds and texts, and where their links lead."""

    def __init__(self, kinds: Mapping[str, Kind], texts: Texts, settings: Settings, market: Market) -> None:
        self.kinds: Final = kinds
        self.texts: Final = texts
        self.rules: Final = next((rule for rule in market.rules if isinstance(rule, Rules)), Rules())
        known = identity.rules_of(market)
        if missing := [each for each in known.languages if texts.language(each).partition("-")[0] != each.partition("-")[0]]:
            raise BrokenTexts([f"the market {market.name} speaks {each}, and notify.notifies(languages=…) does not" for each in missing])
        self.name: Final = market.title.partition(":")[0].strip()
        self.api: Final = settings.reached_at + market.base
        self.web: Final = (self.rules.web or known.web or self.api).rstrip("/")
        self.categories: Final = tuple(dict.fromkeys(kind.category for kind in kinds.values()))

    def say(self, kind: Kind, channel: Channel, language: str, values: Mapping[str, Value]) -> Said:
        """What is read of a notification on a channel."""
        return self.texts.say(kind, channel, language, {**values, "market": self.name})

    def link(self, kind: Kind, values: Mapping[str, Value]) -> str | None:
        """Where it leads, as the market's own pages know it."""
        return self.texts.link(kind, {**values, "market": self.name})

    def address(self, link: str | None) -> str:
        """A link as it can be followed from anywhere."""
        if link is None:
            return self.web
        return link if link.startswith(("https://", "http://")) else f"{self.web}/{link.lstrip('/')}"


def values_of(parameters: Mapping[str, Value], count: int, about: UUID | None) -> dict[str, Value]:
    """What a text is filled with: its parameters, and what every text has."""
    return {**parameters, "count": count, "others": count - 1, "about": str(about or "")}
