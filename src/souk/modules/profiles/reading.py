"""Reading profiles: one's own, another's with what the market and they let one see, and many at once for other modules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.http import Actor, who
from souk.modules.profiles import sql
from souk.modules.profiles.errors import ProfileNotFound
from souk.modules.profiles.model import Availability, Entry, HeldSkill, Item, Kept, Language, Location, Rate
from souk.modules.profiles.rules import DEFAULT, Rules
from souk.modules.profiles.showing import Card, Profile, Reader, card_of, show, visible, visible_to_all

STAFF: Final = who("profiles.staff")
"""May see all of a profile, keeps the catalogue of skills, and vouches for what people can do."""
PROVIDER: Final = who("profiles.provider")
"""Offers work: is asked for what others choose by."""
CUSTOMER: Final = who("profiles.customer")
"""Looks for work to be done."""


async def own(tx: Tx, by: Actor, rules: Rules) -> Profile:
    """The caller's profile, as they see it themselves."""
    kept = (await kept_of(tx, by.id)).kept
    return shown_to_owner(kept, rules, tx.now)


async def kept_of(tx: Tx, person_id: UUID) -> sql.Own:
    """All that is known of a person, for commands."""
    found = await tx.run(sql.OWN, person_id, [])
    if found is None:
        raise ProfileNotFound
    return found


def shown_to_owner(kept: Kept, rules: Rules, now: datetime) -> Profile:
    """A profile, as its person sees it."""
    return show(kept, visible(kept, Reader.OWNER, rules), now, revision=True)


async def profile(tx: Tx, by: Actor | None, rules: Rules, person_id: UUID) -> Profile:
    """Anybody's profile, as far as the caller may see it: one statement.

    Where one of the two blocked the other, they get the card that everybody gets, and no more. Not a 404: orders and conversations
    of earlier days go on to say with whom they were, and an answer that differs from what a stranger gets would tell of the block.
    """
    found = await tx.run(sql.READ, person_id, by.id if by is not None else None)
    if found is None:
        raise ProfileNotFound
    reader = reader_of(by, found)
    if not found.kept.active and reader not in (Reader.STAFF, Reader.OWNER):
        raise ProfileNotFound
    told = reader in (Reader.STAFF, Reader.OWNER)
    return show(found.kept, visible(found.kept, reader, rules), tx.now, revision=told)


def reader_of(by: Actor | None, found: sql.Read) -> Reader:
    """As whom the caller reads this profile."""
    if by is None:
        return Reader.STRANGER
    if by.id == found.kept.id:
        return Reader.OWNER
    if by.may(STAFF):
        return Reader.STAFF
    return Reader.BLOCKED if found.blocked else Reader.MEMBER


# For other modules: only what everybody may see


async def cards(tx: Tx, people: Sequence[UUID]) -> dict[UUID, Card]:
    """The cards of these people, by one statement. Who was shut out or has left has none."""
    if not people:
        return {}
    found = await tx.run(sql.CARDS, list(people), DEFAULT.public)
    return {each.kept.id: card_of(each.kept, each.public, tx.now) for each in found}


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What search and matching may know of a person: what everybody may see, and nothing of what may not. Nothing said is null or empty."""

    id: UUID
    name: str
    roles: tuple[str, ...]
    revision: int
    headline: str | None
    bio: str | None
    avatar: str | None
    location: Location | None
    languages: tuple[Language, ...]
    skills: tuple[HeldSkill, ...]
    skill_names: dict[str, tuple[str, ...]]
    """All names of the catalogue's skills among them, by their slug: the name, synonyms, other languages."""
    rate: Rate | None
    experience: tuple[Entry, ...]
    portfolio: tuple[Item, ...]
    availability: Availability | None
    online: bool
    company: str | None
    rating: float | None
    reviews: int
    completed: int


async def providers(tx: Tx, people: Sequence[UUID]) -> dict[UUID, Provider]:
    """What may be searched and matched of these people, by one statement. Who does not want to be found is not among them."""
    if not people:
        return {}
    found = await tx.run(sql.PROVIDERS, list(people), DEFAULT.public)
    return {each.kept.id: provider_of(each, tx.now) for each in found}


async def provider(tx: Tx, person_id: UUID) -> Provider | None:
    """The same of one person; None where there is nobody to be found."""
    return (await providers(tx, [person_id])).get(person_id)


def provider_of(found: sql.Featured, now: datetime) -> Provider:
    """What everybody may see of a person, with something in every place."""
    seen = show(found.kept, visible_to_all(found.kept, found.public), now)
    skills = seen.skills or ()
    return Provider(
        id=seen.id,
        name=seen.name,
        roles=seen.roles or (),
        revision=found.kept.revision,
        headline=seen.headline or None,
        bio=seen.bio or None,
        avatar=seen.avatar or None,
        location=seen.location or None,
        languages=seen.languages or (),
        skills=skills,
        skill_names={skill.slug: found.names[skill.slug] for skill in skills if skill.slug is not None},
        rate=seen.rate or None,
        experience=seen.experience or (),
        portfolio=seen.portfolio or (),
        availability=seen.availability or None,
        online=seen.online is True,
        company=seen.company or None,
        rating=seen.rating or None,
        reviews=seen.reviews or 0,
        completed=seen.completed or 0,
    )
