"""Statements of the catalogue of skills."""

from __future__ import annotations

import msgspec
from msgspec.structs import astuple

from souk.kernel.db import count, many, one, only, value
from souk.kernel.record import Record
from souk.modules.profiles.model import HeldSkill


class Skill(Record):
    """A skill of the catalogue."""

    slug: str
    name: str
    category: str
    description: str
    synonyms: tuple[str, ...]
    names: dict[str, str]
    """Its name in other languages."""
    active: bool


class Listed(Skill):
    """A skill in a list, and how many the whole list has."""

    total: int

    @property
    def skill(self) -> Skill:
        return Skill(*astuple(self)[:-1])


class Category(Record):
    """A category, and how many skills that are offered it has."""

    category: str
    skills: int


class Taken(msgspec.Struct, frozen=True):
    """A spelling and the skill that it means."""

    key: str
    slug: str


SKILL = one(Skill, "select slug, name, category, description, synonyms, names, active from skills where slug = $1")

# By any of the names: whole, how it begins, or much like it. `$5` is the language that names are shown in.
SEARCH = many(
    Listed,
    """select s.slug, coalesce(s.names ->> $5, s.name) as "name!", s.category, s.description, s.synonyms, s.names, s.active,
              count(*) over () as "total!"
       from skills s join (
           select n.slug, max(case when n.key = $1 then 3 when starts_with(n.key, $1) then 2 else similarity(n.key, $1) end) as score
           from skill_names n where starts_with(n.key, $1) or n.key % $1 group by n.slug) found using (slug)
       where s.active and ($2::text is null or s.category = $2)
       order by found.score desc, s.name, s.slug limit $3 offset $4""",
)

LIST = many(
    Listed,
    """select s.slug, coalesce(s.names ->> $4, s.name) as "name!", s.category, s.description, s.synonyms, s.names, s.active,
              count(*) over () as "total!"
       from skills s where s.active and ($1::text is null or s.category = $1)
       order by s.name, s.slug limit $2 offset $3""",
)

CATEGORIES = many(Category, """select category, count(*) as "skills!" from skills where active group by category order by category""")

# Staff

TAKEN = many(Taken, "select key, slug from skill_names where key = any($1::text[]) and slug <> $2 order by key")

LOCKED = many(
    Skill,
    """select slug, name, category, description, synonyms, names, active from skills
       where slug = any($1::text[]) order by slug for update""",
)

ADD = only(
    Skill,
    """with added as (
           insert into skills (slug, name, category, description, synonyms, names, created_at)
           values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
           returning slug, name, category, description, synonyms, names, active),
       named as (insert into skill_names (key, slug) select unnest($8::text[]), added.slug from added)
       select slug as "slug!", name as "name!", category as "category!", description as "description!", synonyms as "synonyms!",
              names as "names!", active as "active!" from added""",
)

CHANGE = only(
    Skill,
    """with unnamed as (delete from skill_names where slug = $1 and key = any($9::text[])),
            named as (insert into skill_names (key, slug) select unnest($8::text[]), $1)
       update skills set name = $2, category = $3, description = $4, synonyms = $5, names = $6::text::jsonb, active = $7 where slug = $1
       returning slug, name, category, description, synonyms, names, active""",
)

KEYS = one(frozenset[str], """select array_agg(key) as "keys!" from skill_names where slug = $1""")

# What people named in free words, and the catalogue now has. Who has both keeps the catalogue's.
ADOPT = count(
    """with twice as (
           delete from profile_skills f using profile_skills h
           where f.slug is null and f.key = any($2::text[]) and h.person_id = f.person_id and h.key = $1),
       first as (
           select distinct on (f.person_id) f.person_id, f.key from profile_skills f
           where f.slug is null and f.key = any($2::text[])
               and not exists (select from profile_skills h where h.person_id = f.person_id and h.key = $1)
           order by f.person_id, f.position),
       others as (
           delete from profile_skills f using first
           where f.person_id = first.person_id and f.slug is null and f.key = any($2::text[]) and f.key <> first.key)
       update profile_skills f set slug = $1, key = $1, free = null from first
       where f.person_id = first.person_id and f.key = first.key"""
)

# Who has both keeps the one that stays.
MOVE = count(
    """with twice as (
           delete from profile_skills f using profile_skills h
           where f.key = $1 and h.person_id = f.person_id and h.key = $2)
       update profile_skills f set slug = $2, key = $2
       where f.key = $1 and not exists (select from profile_skills h where h.person_id = f.person_id and h.key = $2)"""
)

RENAME = count("update skill_names set slug = $2 where slug = $1")

DROP = count("delete from skills where slug = $1")

VERIFY = one(
    HeldSkill,
    """update profile_skills h set verified_at = $3, verified_by = $4 from skills s, people who
       where h.person_id = $1 and h.key = $2 and s.slug = h.slug and who.id = h.person_id and who.status <> 'erased'
       returning h.slug, s.name, h.level, h.years::integer as years, h.verified_at is not null as "verified!\"""",
)

ANY_SKILL = value(str, "select slug from skills limit 1")
