"""What a reader sees of a profile: the one place where that is decided.

Whatever leaves this module about a person is made by `show` from the fields that `visible` names, so what is not declared for a
reader is not in the answer at all. What people hide themselves is taken away from that; nothing they set adds to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import Final
from uuid import UUID

from msgspec import UNSET, UnsetType

from souk.kernel.record import Record
from souk.modules.profiles.model import Availability, Entry, Field, HeldSkill, Item, Kept, Language, Location, Rate
from souk.modules.profiles.rules import MEMBERS, PRIVATE, PUBLIC, STAFF_ONLY, Audience, Rules

CARD: Final = frozenset({Field.FIRST_NAME, Field.LAST_NAME, Field.AVATAR, Field.HEADLINE, Field.RATING, Field.COMPLETED, Field.ONLINE})
"""What a card has at most: what is said of somebody beside a message, in a list, under a review."""


WHERE: Final = frozenset({Field.PLACE, Field.AREA, Field.COORDINATES})


class Reader(StrEnum):
    """As whom somebody reads a profile."""

    STRANGER = auto()
    MEMBER = auto()
    BLOCKED = auto()
    """A member, where one of the two wants nothing to do with the other."""
    OWNER = auto()
    STAFF = auto()


SEES: Final[Mapping[Reader, frozenset[Audience]]] = {
    Reader.STRANGER: frozenset({PUBLIC}),
    Reader.BLOCKED: frozenset({PUBLIC}),
    Reader.MEMBER: frozenset({PUBLIC, MEMBERS}),
    Reader.OWNER: frozenset({PUBLIC, MEMBERS, PRIVATE}),
    Reader.STAFF: frozenset({PUBLIC, MEMBERS, PRIVATE, STAFF_ONLY}),
}


class Profile(Record, kw_only=True):
    """A person, as far as the reader may see them. What they may not see is absent; what is not filled in is null or empty."""

    id: UUID
    name: str
    """The names that may be seen, in one."""
    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    roles: tuple[str, ...] | UnsetType = UNSET
    member_since: datetime | UnsetType = UNSET
    headline: str | UnsetType | None = UNSET
    bio: str | UnsetType | None = UNSET
    avatar: str | UnsetType | None = UNSET
    location: Location | UnsetType | None = UNSET
    languages: tuple[Language, ...] | UnsetType = UNSET
    skills: tuple[HeldSkill, ...] | UnsetType = UNSET
    rate: Rate | UnsetType | None = UNSET
    experience: tuple[Entry, ...] | UnsetType = UNSET
    portfolio: tuple[Item, ...] | UnsetType = UNSET
    social_links: dict[str, str] | UnsetType = UNSET
    availability: Availability | UnsetType | None = UNSET
    online: bool | UnsetType = UNSET
    company: str | UnsetType | None = UNSET
    industry: str | UnsetType | None = UNSET
    about: str | UnsetType | None = UNSET
    rating: float | UnsetType | None = UNSET
    reviews: int | UnsetType = UNSET
    completed: int | UnsetType = UNSET
    revision: int | UnsetType = UNSET
    """How often it was changed; only its owner and staff are told."""


class Card(Record):
    """Somebody in a few words: only what everybody may see."""

    id: UUID
    name: str
    avatar: str | None
    headline: str | None
    rating: float | None
    reviews: int
    completed: int
    online: bool


def visible(kept: Kept, reader: Reader, rules: Rules) -> frozenset[Field]:
    """The fields of this profile that the reader may see."""
    declared = frozenset(field for field in Field if rules.audience(field) in SEES[reader])
    if reader in (Reader.OWNER, Reader.STAFF):
        return declared
    if reader is Reader.BLOCKED:
        declared &= CARD
    return unhidden(declared, kept.hidden)


def visible_to_all(kept: Kept, public: Collection[str]) -> frozenset[Field]:
    """The same for everybody, where the declaration is known by what it makes public."""
    return unhidden(frozenset(field for field in Field if field in public), kept.hidden)


def unhidden(declared: frozenset[Field], hidden: Collection[str]) -> frozenset[Field]:
    """Without what the person keeps to themselves. Who hides where about they are hides where exactly, too."""
    kept_back = {Field.COORDINATES} if Field.AREA in hidden else set()
    return frozenset(field for field in declared - kept_back if field not in hidden)


def show(kept: Kept, fields: frozenset[Field], now: datetime, *, revision: bool = False) -> Profile:
    """These fields of a profile, and nothing else of it."""
    first = kept.first_name if Field.FIRST_NAME in fields else ""
    last = kept.last_name if Field.LAST_NAME in fields else ""
    values: dict[str, object] = {}
    for field in fields:
        values.update(shown(kept, field, now))
    if fields & WHERE:
        values["location"] = location_of(kept, fields)
    return Profile(
        id=kept.id,
        name=f"{first} {last}".strip(),
        revision=kept.revision if revision else UNSET,
        **values,  # type: ignore[arg-type] # each under the name and with the type of the field it was kept in
    )


def shown(kept: Kept, field: Field, now: datetime) -> dict[str, object]:
    """What one field adds to an answer."""
    match field:
        case Field.PLACE | Field.AREA | Field.COORDINATES:
            return {}  # together they are the location
        case Field.RATE:
            return {"rate": rate_of(kept)}
        case Field.AVAILABILITY:
            return {"availability": availability_of(kept)}
        case Field.ONLINE:
            return {"online": kept.online_until is not None and kept.online_until > now}
        case Field.RATING:
            return {"rating": kept.rating, "reviews": kept.reviews}
        case _:
            return {field.value: getattr(kept, field.value)}


def rate_of(kept: Kept) -> Rate | None:
    """What an hour costs, if it is said."""
    return None if kept.rate is None or kept.currency is None else Rate(kept.rate, kept.currency)


def availability_of(kept: Kept) -> Availability | None:
    """Whether somebody works, if it is said."""
    return None if kept.availability is None else Availability(kept.availability, kept.hours_per_week, kept.available_from)


def location_of(kept: Kept, fields: frozenset[Field]) -> Location | None:
    """Where somebody is, as exactly as the reader may know. None where nothing of it is said."""
    latitude, longitude, exact = None, None, False
    if kept.latitude is not None and kept.longitude is not None:
        if Field.COORDINATES in fields:
            latitude, longitude, exact = kept.latitude, kept.longitude, True
        elif Field.AREA in fields:
            latitude, longitude = round(kept.latitude, 1), round(kept.longitude, 1)
    named = (kept.place, kept.city, kept.country) if Field.PLACE in fields else (None, None, None)
    found = Location(*named, latitude, longitude, kept.radius if Field.PLACE in fields else None, exact)
    return None if found == Location() else found


def card_of(kept: Kept, public: Collection[str], now: datetime) -> Card:
    """A person's card, for everybody."""
    profile = show(kept, visible_to_all(kept, public) & CARD, now)
    return Card(
        profile.id,
        profile.name,
        profile.avatar or None,
        profile.headline or None,
        profile.rating or None,
        profile.reviews or 0,
        profile.completed or 0,
        profile.online is True,
    )
