"""The catalogue of skills over HTTP: for everybody to search, for staff to keep."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import ANYONE, Actor, Page, operation
from souk.modules.profiles import skills
from souk.modules.profiles.errors import SkillMergedIntoItself, SkillNameTaken, SkillNotFound, SkillNotHeld
from souk.modules.profiles.model import HeldSkill
from souk.modules.profiles.reading import STAFF
from souk.modules.profiles.skills import Merging, NewSkillOfCatalogue, SkillChanges, SkillsQuery
from souk.modules.profiles.skills_sql import Category, Skill

TAGS: Final = ("skills",)


@operation("GET", "/skills", who=ANYONE, tags=TAGS)
async def list_skills(tx: Tx, query: SkillsQuery) -> Page[Skill]:
    """Find skills by any of their names, also half typed or a letter wrong."""
    return await skills.search(tx, query)


@operation("GET", "/skills/categories", who=ANYONE, tags=TAGS)
async def list_skill_categories(tx: Tx) -> list[Category]:
    """List the categories of skills."""
    return await skills.categories(tx)


@operation("GET", "/skills/{slug}", who=ANYONE, shared=True, refusals=(SkillNotFound,), tags=TAGS)
async def read_skill(tx: Tx, slug: str) -> Skill:
    """Read about a skill."""
    return await skills.skill(tx, slug)


@operation(
    "POST",
    "/admin/skills",
    who=STAFF,
    status=201,
    idempotent=True,
    refusals=(SkillNameTaken,),
    example={"slug": "carpentry", "name": "Carpentry", "category": "home", "synonyms": ["joinery"], "names": {"fr": "menuiserie"}},
    tags=TAGS,
)
async def add_skill(tx: Tx, by: Actor, body: NewSkillOfCatalogue) -> Skill:
    """Add a skill to the catalogue. Whoever named it in their own words has this one from now on."""
    return await skills.add_skill(tx, by, body)


@operation(
    "PATCH",
    "/admin/skills/{slug}",
    who=STAFF,
    shared=True,
    refusals=(SkillNotFound, SkillNameTaken),
    example={"synonyms": ["joinery", "woodwork"]},
    tags=TAGS,
)
async def change_skill(tx: Tx, by: Actor, slug: str, body: SkillChanges) -> Skill:
    """Change a skill's names or category, or offer it no more."""
    return await skills.change_skill(tx, by, slug, body)


@operation(
    "POST",
    "/admin/skills/{slug}/merge",
    who=STAFF,
    shared=True,
    idempotent=True,
    refusals=(SkillNotFound, SkillMergedIntoItself),
    example={"into": "carpentry"},
    tags=TAGS,
)
async def merge_skill(tx: Tx, by: Actor, slug: str, body: Merging) -> Skill:
    """Make a skill part of another one: its names and the people who have it go there."""
    return await skills.merge_skills(tx, by, slug, body.into)


@operation("PUT", "/admin/users/{person_id}/skills/{slug}/verification", who=STAFF, shared=True, refusals=(SkillNotHeld,), tags=TAGS)
async def verify_skill(tx: Tx, by: Actor, person_id: UUID, slug: str) -> HeldSkill:
    """Vouch for a skill that a person names, at the level they name."""
    return await skills.verify_skill(tx, by, person_id, slug, verified=True)


@operation("DELETE", "/admin/users/{person_id}/skills/{slug}/verification", who=STAFF, shared=True, refusals=(SkillNotHeld,), tags=TAGS)
async def unverify_skill(tx: Tx, by: Actor, person_id: UUID, slug: str) -> HeldSkill:
    """Vouch for a skill no more."""
    return await skills.verify_skill(tx, by, person_id, slug, verified=False)
