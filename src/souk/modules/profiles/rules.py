"""What a market decides about its profiles: `rules=(profiles.Rules(…),)` in its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum, auto
from typing import Final

import msgspec

from souk.kernel.assembly import Market
from souk.modules.profiles.model import Field


class Audience(StrEnum):
    """Who may see a part of a profile. Each sees less than the one before."""

    PUBLIC = auto()
    """Everybody, also who is not signed in."""
    MEMBERS = auto()
    """Whoever is signed in."""
    PRIVATE = auto()
    """The person themselves, and staff."""
    STAFF = auto()
    """Staff alone, for what the market counts of somebody and keeps to itself."""


PUBLIC, MEMBERS, PRIVATE, STAFF_ONLY = Audience.PUBLIC, Audience.MEMBERS, Audience.PRIVATE, Audience.STAFF

SHOWN: Final[Mapping[Field, Audience]] = {
    **dict.fromkeys(Field, PUBLIC),
    Field.LAST_NAME: MEMBERS,
    Field.SOCIAL_LINKS: MEMBERS,
    Field.ONLINE: MEMBERS,
    Field.COMPANY: MEMBERS,
    Field.INDUSTRY: MEMBERS,
    Field.ABOUT: MEMBERS,
    Field.COORDINATES: PRIVATE,
}
"""What holds where a market says nothing else."""

COUNTED: Final = frozenset({Field.RATING, Field.COMPLETED, Field.ROLES, Field.MEMBER_SINCE})
"""What nobody writes about themselves: only this may be for staff alone."""

MAY_HIDE: Final = frozenset(Field) - COUNTED - {Field.FIRST_NAME, Field.HEADLINE, Field.SKILLS}


class Weight(msgspec.Struct, frozen=True):
    """How much a part counts for a whole profile, and what to do while it is missing."""

    points: int
    remedy: str


FOR_ALL: Final[Mapping[Field, Weight]] = {
    Field.AVATAR: Weight(15, "Add a picture, so that people know you again."),
    Field.HEADLINE: Weight(10, "Say in one line what you do, or what you look for."),
    Field.PLACE: Weight(10, "Say in which city and country you are."),
    Field.LANGUAGES: Weight(5, "List the languages you speak, and how well."),
}
FOR_PROVIDERS: Final[Mapping[Field, Weight]] = {
    Field.BIO: Weight(15, "Write a few sentences about how you work."),
    Field.SKILLS: Weight(20, "Name what you can do: three skills or more are found best."),
    Field.RATE: Weight(10, "Say what an hour of yours costs."),
    Field.EXPERIENCE: Weight(10, "Add at least one thing that you did before."),
    Field.PORTFOLIO: Weight(10, "Show a piece of your work."),
    Field.AVAILABILITY: Weight(5, "Say whether you take work, and how much."),
}
FOR_CUSTOMERS: Final[Mapping[Field, Weight]] = {
    Field.ABOUT: Weight(10, "Say a few words about yourself or your company."),
    Field.COMPANY: Weight(5, "Name your company, or yourself where you have none."),
}


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """A market's rules of what profiles hold and who sees it."""

    shown: Mapping[Field, Audience] = {}
    """Who sees what, where it is not as in `SHOWN`."""
    may_hide: frozenset[Field] = MAY_HIDE
    """What people may keep to themselves of what the market would show."""
    free_skills: bool = True
    """Whether skills may be named that the catalogue does not have."""
    most_skills: int = 50
    most_items: int = 30
    """Pieces of work in a portfolio."""
    most_blocks: int = 1000
    currencies: frozenset[str] = frozenset()
    """What rates may be in. Empty is any."""
    online_for: timedelta = timedelta(hours=4)
    """How long the mark of being online stays when nobody renews it."""
    weights: Mapping[Field, Weight] = msgspec.field(default_factory=lambda: FOR_ALL)
    provider_weights: Mapping[Field, Weight] = msgspec.field(default_factory=lambda: FOR_PROVIDERS)
    customer_weights: Mapping[Field, Weight] = msgspec.field(default_factory=lambda: FOR_CUSTOMERS)

    def __post_init__(self) -> None:
        unseen = [field for field, audience in self.shown.items() if audience is STAFF_ONLY and field not in COUNTED]
        if unseen:
            raise TypeError(f"{', '.join(unseen)} cannot be for staff alone: people write it themselves, and must see what they wrote")
        if not (1 <= self.most_skills <= 100 and 1 <= self.most_items <= 100 and self.most_blocks >= 1):
            raise TypeError("a profile has from 1 to 100 skills and as many pieces of work, and somebody may block at least one person")
        weights = (self.weights, self.provider_weights, self.customer_weights)
        if any(weight.points < 1 for each in weights for weight in each.values()):
            raise TypeError("a weight is at least 1: what does not count is left out")

    def audience(self, field: Field) -> Audience:
        """Who sees this part of a profile."""
        return self.shown.get(field, SHOWN[field])

    @property
    def public(self) -> list[str]:
        """What everybody sees, as the database keeps it."""
        return sorted(field for field in Field if self.audience(field) is PUBLIC)


DEFAULT: Final = Rules()


def rules_of(market: Market) -> Rules:
    """A market's rules; one that says nothing has the defaults."""
    return next((rule for rule in market.rules if isinstance(rule, Rules)), DEFAULT)
