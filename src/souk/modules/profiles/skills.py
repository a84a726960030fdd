"""The catalogue of skills, and vouching for what somebody can do. What staff do here is in the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from souk.kernel.db import Tx, Violated
from souk.kernel.http import Actor, Page, Paging
from souk.kernel.messages import enqueue
from souk.kernel.record import Record
from souk.modules import audit
from souk.modules.profiles import skills_sql as sql
from souk.modules.profiles.errors import SkillMergedIntoItself, SkillNameTaken, SkillNotFound, SkillNotHeld
from souk.modules.profiles.jobs import Announcing, announce
from souk.modules.profiles.model import HeldSkill, LanguageCode, SkillWord, Slug, key_of
from souk.modules.profiles.noting import touch
from souk.modules.profiles.skills_sql import Category, Skill

Synonyms = Annotated[tuple[SkillWord, ...], Meta(max_length=30)]
Names = Annotated[dict[LanguageCode, SkillWord], Meta(max_length=40)]
CategorySlug = Annotated[
    str,
    Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40, examples=["design"], extra={"expected": "small letters, digits and hyphens"}),
]
About = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$", examples=["Tables, chairs and doors."])]
MOST_SYNONYMS: Final = 30


class NewSkillOfCatalogue(Record):
    """A skill that staff add to the catalogue."""

    slug: Slug
    name: SkillWord
    category: CategorySlug
    description: About = ""
    synonyms: Synonyms = ()
    names: Names = msgspec.field(default_factory=dict)


class SkillChanges(Record, kw_only=True):
    """What staff change of a skill. What is not sent stays."""

    name: SkillWord | UnsetType = UNSET
    category: CategorySlug | UnsetType = UNSET
    description: About | UnsetType = UNSET
    synonyms: Synonyms | UnsetType = UNSET
    names: Names | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class Merging(Record):
    """Into which skill another goes."""

    into: Slug


class SkillsQuery(Paging, kw_only=True):
    """Which skills are wanted."""

    q: Annotated[str, Meta(max_length=60, description="Any name of it, how one begins, or nearly so.")] = ""
    category: CategorySlug | None = None
    language: LanguageCode = "en"
    """In which language names are shown, where they are known in it."""


async def search(tx: Tx, query: SkillsQuery) -> Page[Skill]:
    """Skills by name, the best match first; all of them by name where nothing is asked for."""
    rows = await _listed(tx, query, query.limit, query.offset)
    if rows or not query.offset:
        return Page([row.skill for row in rows], rows[0].total if rows else 0, query)
    first = await _listed(tx, query, 1, 0)
    return Page([], first[0].total if first else 0, query)


async def _listed(tx: Tx, query: SkillsQuery, limit: int, offset: int) -> list[sql.Listed]:
    key = key_of(query.q)
    if key:
        return await tx.run(sql.SEARCH, key, query.category, limit, offset, query.language)
    return await tx.run(sql.LIST, query.category, limit, offset, query.language)


async def skill(tx: Tx, slug: str) -> Skill:
    """A skill, also one that is not offered any more."""
    found = await tx.run(sql.SKILL, slug)
    if found is None:
        raise SkillNotFound(slug=slug)
    return found


async def categories(tx: Tx) -> list[Category]:
    """The categories there are."""
    return await tx.run(sql.CATEGORIES)


async def add_skill(tx: Tx, by: Actor | None, wanted: NewSkillOfCatalogue) -> Skill:
    """Add a skill. Whoever has named it in free words has the catalogue's from now on."""
    keys = keys_of(wanted.slug, wanted.name, wanted.synonyms, wanted.names)
    await _check_free(tx, wanted.slug, keys)
    row = (wanted.slug, wanted.name, wanted.category, wanted.description, list(wanted.synonyms), _json(wanted.names))
    try:
        added = await tx.run(sql.ADD, *row, tx.now, keys)
    except Violated:
        raise SkillNameTaken(field="slug", slug=wanted.slug) from None
    await _adopt(tx, added.slug, keys)
    await audit.record(tx, "skill.added", "skill", None, by=by, after=_noted(added))
    return added


async def change_skill(tx: Tx, by: Actor, slug: str, changes: SkillChanges) -> Skill:
    """Change a skill's names, category or description, or offer it no more."""
    before = await _locked(tx, slug)
    sent = {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
    wanted = replace(before, **sent)
    had = keys_of(slug, before.name, before.synonyms, before.names)
    keys = keys_of(slug, wanted.name, wanted.synonyms, wanted.names)
    await _check_free(tx, slug, keys)
    kept = await tx.run(sql.KEYS, slug) or frozenset()
    row = (slug, wanted.name, wanted.category, wanted.description, list(wanted.synonyms), _json(wanted.names), wanted.active)
    after = await tx.run(sql.CHANGE, *row, sorted(set(keys) - kept), sorted(set(had) - set(keys)))
    await _adopt(tx, slug, keys)
    await enqueue(tx, announce, Announcing(slug))
    await audit.record(tx, "skill.changed", "skill", None, by=by, before=_noted(before), after=_noted(after))
    return after


async def merge_skills(tx: Tx, by: Actor, slug: str, into: str) -> Skill:
    """Make two skills one: who had the first has the second, and all names of the first mean the second. The first is gone."""
    if slug == into:
        raise SkillMergedIntoItself
    found = {each.slug: each for each in await tx.run(sql.LOCKED, [slug, into])}
    for name in (slug, into):
        if name not in found:
            raise SkillNotFound(slug=name)
    gone, kept = found[slug], found[into]
    await tx.run(sql.MOVE, slug, into)
    await tx.run(sql.RENAME, slug, into)
    await tx.run(sql.DROP, slug)
    spellings = [*kept.synonyms, gone.name, *gone.synonyms]
    synonyms = list({key_of(each): each for each in spellings if key_of(each) != key_of(kept.name)}.values())[:MOST_SYNONYMS]
    row = (into, kept.name, kept.category, kept.description, synonyms, _json({**gone.names, **kept.names}), kept.active)
    merged = await tx.run(sql.CHANGE, *row, [], [])
    await enqueue(tx, announce, Announcing(into))
    await audit.record(tx, "skill.merged", "skill", None, by=by, before=_noted(gone), after=_noted(merged))
    return merged


async def verify_skill(tx: Tx, by: Actor, person_id: UUID, slug: str, *, verified: bool) -> HeldSkill:
    """Vouch for a skill of somebody, at the level they name; or do so no more."""
    held = await tx.run(sql.VERIFY, person_id, slug, tx.now if verified else None, by.id if verified else None)
    if held is None:
        raise SkillNotHeld(slug=slug)
    await touch(tx, person_id, "skills")
    action = "skill.verified" if verified else "skill.unverified"
    await audit.record(tx, action, "user", person_id, by=by, after={"skill": slug, "level": held.level})
    return held


def keys_of(slug: str, name: str, synonyms: Iterable[str], names: dict[str, str]) -> list[str]:
    """Every spelling of a skill, folded, each once."""
    return sorted({key for each in (slug, name, *synonyms, *names.values()) if (key := key_of(each))})


async def _locked(tx: Tx, slug: str) -> Skill:
    found = await tx.run(sql.LOCKED, [slug])
    if not found:
        raise SkillNotFound(slug=slug)
    return found[0]


async def _check_free(tx: Tx, slug: str, keys: list[str]) -> None:
    taken = await tx.run(sql.TAKEN, keys, slug)
    if taken:
        raise SkillNameTaken(field=f"the spelling {taken[0].key!r}", slug=taken[0].slug)


async def _adopt(tx: Tx, slug: str, keys: list[str]) -> None:
    if await tx.run(sql.ADOPT, slug, [f"~{key}" for key in keys]):
        await enqueue(tx, announce, Announcing(slug))


def _noted(found: Skill) -> dict[str, object]:
    return {name: getattr(found, name) for name in ("slug", "name", "category", "synonyms", "active")}


def _json(names: dict[str, str]) -> str:
    return msgspec.json.encode(names).decode()
