"""Changing a profile: two round trips, one that looks and one that writes, with the event on board.

What was looked at may have changed before it is written. Then nothing of it is written, and it is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from souk.kernel.db import NoRow, Tx, Violated
from souk.kernel.http import Actor, invalid
from souk.kernel.http.answer import envelope
from souk.kernel.http.compression import etag_of
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules.profiles import sql
from souk.modules.profiles.errors import ItemNotFound, PortfolioFull, ProfileBusy, ProfileMoved, ProfileNotFound, SkillsUnknown
from souk.modules.profiles.events import ProfileChanged
from souk.modules.profiles.model import (
    Changes,
    Entry,
    Field,
    HeldSkill,
    Item,
    Kept,
    Language,
    Location,
    NewItem,
    NewSkill,
    key_of,
)
from souk.modules.profiles.reading import shown_to_owner
from souk.modules.profiles.rules import Rules
from souk.modules.profiles.showing import Profile

TRIES: Final = 4
Work = Callable[[sql.Own], Kept]
"""What a profile shall be, made of what it is."""

PLAIN: Final = ("headline", "bio", "avatar", "company", "industry", "about", "social_links")
FIELDS: Final = {
    **dict.fromkeys(("place", "city", "country", "radius"), Field.PLACE),
    **dict.fromkeys(("latitude", "longitude"), Field.COORDINATES),
    **dict.fromkeys(("rate", "currency"), Field.RATE),
    **dict.fromkeys(("availability", "hours_per_week", "available_from"), Field.AVAILABILITY),
    "online_until": Field.ONLINE,
    **dict.fromkeys(("hidden", "unlisted"), "privacy"),
}
"""Under which name a change is told, where it is not the column's own."""


async def change(tx: Tx, by: Actor, rules: Rules, changes: Changes, *, if_match: str = "") -> Profile:
    """Say something else of oneself. What is not sent stays."""
    check(rules, changes)
    wanted = () if changes.skills is UNSET else tuple(new_skill(each) for each in changes.skills)
    keys = [key_of(each.name) for each in wanted]
    now = tx.now

    def work(found: sql.Own) -> Kept:
        kept = applied(found.kept, changes)
        return kept if changes.skills is UNSET else replace(kept, skills=skills_of(found, wanted, rules))

    return await edit(tx, by.id, rules, work, now, keys=keys, if_match=if_match)


async def add_item(tx: Tx, by: Actor, rules: Rules, wanted: NewItem) -> Item:
    """Show one more piece of work, after the others."""
    item = Item(new_id(), wanted.title, wanted.url, wanted.description)

    def work(found: sql.Own) -> Kept:
        if len(found.kept.portfolio) >= rules.most_items:
            raise PortfolioFull(limit=rules.most_items)
        return replace(found.kept, portfolio=(*found.kept.portfolio, item))

    await edit(tx, by.id, rules, work, tx.now)
    return item


async def remove_item(tx: Tx, by: Actor, rules: Rules, item_id: UUID) -> None:
    """Take a piece of work away."""

    def work(found: sql.Own) -> Kept:
        left = tuple(item for item in found.kept.portfolio if item.id != item_id)
        if len(left) == len(found.kept.portfolio):
            raise ItemNotFound
        return replace(found.kept, portfolio=left)

    await edit(tx, by.id, rules, work, tx.now)


async def mark_online(tx: Tx, by: Actor, rules: Rules, *, online: bool) -> Profile:
    """Say that one is there, for a while, or that one is not."""
    until = tx.now + rules.online_for if online else None
    return await edit(tx, by.id, rules, lambda found: replace(found.kept, online_until=until), tx.now)


async def edit(  # noqa: PLR0913 - what changes, under which rules, on which condition
    tx: Tx, person_id: UUID, rules: Rules, work: Work, now: datetime, *, keys: list[str] | None = None, if_match: str = ""
) -> Profile:
    """Look, make of it what it shall be, and write that. In a transaction that has begun already, what is looked at is tried once."""
    alone = tx.untouched
    for _ in range(TRIES if alone else 1):
        found = await (tx.glance if alone else tx.run)(sql.OWN, person_id, keys or [])
        if found is None or not found.kept.active:
            raise ProfileNotFound
        check_unmoved(found.kept, rules, now, if_match)
        wanted = work(found)
        if wanted == found.kept:
            return shown_to_owner(wanted, rules, now)
        wanted = replace(wanted, revision=found.kept.revision + 1)
        await tell(tx, found.kept, wanted)
        try:
            await (tx.finish if alone else tx.run)(sql.WRITE, *row_of(found.kept, wanted, now), rules.public)
        except NoRow:
            continue
        except Violated as violated:
            if not alone or violated.constraint != "profile_skills_slug_fkey":
                raise
            continue  # the skill was merged into another meanwhile, which is found now
        return shown_to_owner(wanted, rules, now)
    raise ProfileBusy


def check_unmoved(kept: Kept, rules: Rules, now: datetime, if_match: str) -> None:
    """Refuse a change of what is not there any more. `If-Match` has the `ETag` of one's own profile, or its revision in quotes."""
    if not if_match or if_match.strip() == "*":
        return
    tag = etag_of(envelope(shown_to_owner(kept, rules, now))).decode()
    named = {each.strip().removeprefix("W/") for each in if_match.split(",")}
    if named.isdisjoint({tag, f'"{kept.revision}"'}):
        raise ProfileMoved(revision=kept.revision)


async def tell(tx: Tx, before: Kept, after: Kept) -> None:
    """Announce which parts changed."""
    names = [name for name in Kept.__struct_fields__ if name != "revision" and getattr(before, name) != getattr(after, name)]
    told = tuple(dict.fromkeys(str(FIELDS.get(name, name)) for name in names if name != "preferences"))
    if told:
        await emit(tx, ProfileChanged(after.id, after.revision, told))


# What is sent, to what is kept


def check(rules: Rules, changes: Changes) -> None:
    """Refuse what this market does not take."""
    if changes.rate and rules.currencies and changes.rate.currency not in rules.currencies:
        raise invalid("rate.currency", f"is not used here; one of {', '.join(sorted(rules.currencies))}")
    if changes.skills and len(changes.skills) > rules.most_skills:
        raise invalid("skills", f"has {len(changes.skills)} of them; at most {rules.most_skills}")
    if changes.portfolio and len(changes.portfolio) > rules.most_items:
        raise invalid("portfolio", f"has {len(changes.portfolio)} pieces of work; at most {rules.most_items}")
    where = changes.location
    if isinstance(where, Location) and (where.latitude is None) != (where.longitude is None):
        raise invalid("location", "has one of latitude and longitude; send both, or neither")
    if isinstance(changes.experience, tuple):
        for i, entry in enumerate(changes.experience):
            if entry.since and entry.until and entry.until < entry.since:
                raise invalid(f"experience[{i}].until", "lies before `since`")


def applied(kept: Kept, changes: Changes) -> Kept:
    """A profile with what was sent, but for skills."""
    new: dict[str, object] = {name: value for name in PLAIN if (value := getattr(changes, name)) is not UNSET}
    if changes.location is not UNSET:
        new |= located(changes.location)
    if changes.languages is not UNSET:
        spoken = [each if isinstance(each, Language) else Language(each) for each in changes.languages]
        new["languages"] = tuple({each.language: each for each in spoken}.values())
    if changes.rate is not UNSET:
        new |= {"rate": changes.rate.amount, "currency": changes.rate.currency} if changes.rate else {"rate": None, "currency": None}
    if changes.experience is not UNSET:
        entries = changes.experience
        new["experience"] = (Entry(entries),) if isinstance(entries, str) else entries or ()
    if changes.portfolio is not UNSET:
        new["portfolio"] = items_of(kept, changes.portfolio)
    if changes.availability is not UNSET:
        said = changes.availability
        new |= dict(
            zip(
                ("availability", "hours_per_week", "available_from"),
                (said.state, said.hours_per_week, said.starts) if said else (None, None, None),
                strict=True,
            )
        )
    return replace(kept, **new)


def located(where: Location | str | None) -> dict[str, object]:
    """A location's columns; words alone are its label."""
    said = Location(where) if isinstance(where, str) else where or Location()
    return {
        "place": said.label,
        "city": said.city,
        "country": said.country,
        "latitude": None if said.latitude is None else float(said.latitude),
        "longitude": None if said.longitude is None else float(said.longitude),
        "radius": said.radius,
    }


def items_of(kept: Kept, wanted: tuple[NewItem | str, ...]) -> tuple[Item, ...]:
    """A portfolio in the order in which it was sent. A known id, or the address of one that is there, keeps its id."""
    by_id = {item.id for item in kept.portfolio}
    by_url = {item.url: item for item in kept.portfolio}
    items: dict[UUID, Item] = {}
    for i, each in enumerate(wanted):
        if isinstance(each, str):
            item = by_url.get(each) or Item(new_id(), f"Work {i + 1}", each)
        elif each.id is None:
            item = Item(new_id(), each.title, each.url, each.description)
        elif each.id in by_id:
            item = Item(each.id, each.title, each.url, each.description)
        else:
            raise invalid(f"portfolio[{i}].id", "is none of your portfolio's; leave it out for a new piece of work")
        items[item.id] = item
    return tuple(items.values())


def new_skill(each: NewSkill | str) -> NewSkill:
    """A skill that was sent by its name alone, or with more."""
    return NewSkill(each) if isinstance(each, str) else each


def skills_of(found: sql.Own, wanted: tuple[NewSkill, ...], rules: Rules) -> tuple[HeldSkill, ...]:
    """The skills to be: the catalogue's where it knows the name, free ones where the market takes them. Two names of one are one."""
    unknown = [each.name for each in wanted if key_of(each.name) not in found.known]
    if unknown and not rules.free_skills:
        raise SkillsUnknown(field="skills", names=", ".join(unknown), remedy="Choose from GET /skills?q=…, or leave them out.")
    before = {held_key(skill): skill for skill in found.kept.skills}
    skills: dict[str, HeldSkill] = {}
    for each in wanted:
        slug, name = found.known.get(key_of(each.name), (None, each.name.strip()))
        skill = HeldSkill(slug, name, each.level, each.years, verified=False)
        was = before.get(held_key(skill))
        if not key_of(name):
            raise invalid("skills", f"has {each.name!r}, which is no word")
        kept = was is not None and was.verified and was.level == each.level
        skills.setdefault(held_key(skill), replace(skill, verified=kept))
    return tuple(skills.values())


def held_key(skill: HeldSkill) -> str:
    """What tells a person's skills apart: the catalogue's by slug, free ones by their folded words."""
    return skill.slug if skill.slug is not None else f"~{key_of(skill.name)}"


class SkillRow(msgspec.Struct, frozen=True):
    """A person's skill as it is written."""

    key: str
    slug: str | None
    free: str | None
    level: str | None
    years: int | None
    position: int


def row_of(before: Kept, kept: Kept, now: datetime) -> tuple[object, ...]:
    """A profile as `WRITE` takes it. Skills are written only where they changed."""
    written = before.skills != kept.skills
    skills = [
        SkillRow(held_key(each), each.slug, None if each.slug else each.name, each.level, each.years, i)
        for i, each in enumerate(kept.skills if written else ())
    ]
    return (
        *(kept.id, before.revision, kept.headline, kept.bio, kept.avatar, kept.place, kept.city, kept.country),
        *(kept.latitude, kept.longitude, kept.radius, text(kept.languages), kept.rate, kept.currency, text(kept.experience)),
        *(text(kept.portfolio), text(kept.social_links), kept.availability, kept.hours_per_week, kept.available_from),
        *(kept.online_until, kept.company, kept.industry, kept.about, list(kept.hidden), kept.unlisted, text(kept.preferences)),
        *(now, text(skills), written),
    )


def text(value: object) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value).decode()
