"""Profiles, blocks, and what is counted of people. Skills of the catalogue are in `skills_sql`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from souk.kernel.db import call, count, many, one, value, values
from souk.kernel.record import Record
from souk.modules.profiles.model import Kept


class Own(msgspec.Struct, frozen=True):
    """A person's profile before a change, and what the catalogue knows of the skills that they name."""

    kept: Kept
    known: dict[str, tuple[str, str]]
    """Slug and name, by the folded spelling."""


class Read(msgspec.Struct, frozen=True):
    """A profile and whether a block stands between its person and the reader."""

    kept: Kept
    blocked: bool


class Public(msgspec.Struct, frozen=True):
    """A profile and what the market declares public."""

    kept: Kept
    public: tuple[str, ...]


class Featured(msgspec.Struct, frozen=True):
    """The same, with all names that the skills go by."""

    kept: Kept
    public: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


class Block(Record):
    """Whom somebody blocked, for the list and to take along."""

    person_id: UUID
    since: datetime


class Announced(msgspec.Struct, frozen=True):
    """Whose profile is told of, and at which revision."""

    person_id: UUID
    revision: int


class BlockTried(msgspec.Struct, frozen=True):
    """What stood in the way of a block, if anything did."""

    found: bool
    staff: bool
    held: int


OWN = one(
    Own,
    """select to_jsonb(w) as "kept!",
              coalesce((select jsonb_object_agg(n.key, jsonb_build_array(s.slug, s.name))
                        from skill_names n join skills s using (slug) where n.key = any($2::text[])), '{}') as "known!"
       from profile_whole w where w.id = $1""",
)

READ = one(
    Read,
    """select to_jsonb(w) as "kept!",
              exists (select from blocks where (person_id, blocked_id) in ((w.id, $2::uuid), ($2::uuid, w.id))) as "blocked!"
       from profile_whole w where w.id = $1""",
)

# What everybody sees is asked of the declaration that the database keeps. Before the first is kept, the defaults hold.
CARDS = many(
    Public,
    """select to_jsonb(w) as "kept!", coalesce((select public from profile_declaration), $2::text[]) as "public!"
       from profile_whole w where w.id = any($1::uuid[]) and w.active""",
)

PROVIDERS = many(
    Featured,
    """select to_jsonb(w) as "kept!", coalesce((select public from profile_declaration), $2::text[]) as "public!",
              coalesce((select jsonb_object_agg(s.slug, to_jsonb(array[s.name] || s.synonyms)
                                                        || coalesce((select jsonb_agg(t.value) from jsonb_each_text(s.names) t), '[]'))
                        from profile_skills h join skills s using (slug) where h.person_id = w.id), '{}') as "names!"
       from profile_whole w where w.id = any($1::uuid[]) and w.active and not w.unlisted""",
)

# All of a change or nothing: where the profile is at another revision by now, or its person has left, the statement fails.
# A skill at another level than staff vouched for is not vouched for.
WRITE = call(
    UUID,
    """with written as (
           insert into profiles (person_id, revision, headline, bio, avatar, place, city, country, latitude, longitude, radius, languages,
                                 rate, currency, experience, portfolio, social_links, availability, hours_per_week, available_from,
                                 online_until, company, industry, about, hidden, unlisted, preferences, changed_at)
           select id, $2::integer + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text::jsonb, $13, $14, $15::text::jsonb, $16::text::jsonb,
                  $17::text::jsonb, $18::availability_state, $19, $20, $21, $22, $23, $24, $25, $26, $27::text::jsonb, $28
           from people where id = $1 and status = 'active'
               and ($2::integer = 0 or exists (select from profiles where person_id = $1))
           on conflict (person_id) do update set
               revision = profiles.revision + 1, headline = excluded.headline, bio = excluded.bio, avatar = excluded.avatar,
               place = excluded.place, city = excluded.city, country = excluded.country, latitude = excluded.latitude,
               longitude = excluded.longitude, radius = excluded.radius, languages = excluded.languages, rate = excluded.rate,
               currency = excluded.currency, experience = excluded.experience, portfolio = excluded.portfolio,
               social_links = excluded.social_links, availability = excluded.availability, hours_per_week = excluded.hours_per_week,
               available_from = excluded.available_from, online_until = excluded.online_until, company = excluded.company,
               industry = excluded.industry, about = excluded.about, hidden = excluded.hidden, unlisted = excluded.unlisted,
               preferences = excluded.preferences, changed_at = excluded.changed_at
           where profiles.revision = $2
           returning person_id),
       skills_now as (
           select * from jsonb_to_recordset($29::text::jsonb)
               as s(key text, slug text, free text, level skill_level, years smallint, "position" smallint)),
       gone as (
           delete from profile_skills where person_id = $1 and $30::boolean and key not in (select key from skills_now)),
       held as (
           insert into profile_skills (person_id, key, slug, free, level, years, position)
           select written.person_id, s.key, s.slug, s.free, s.level, s.years, s.position from written, skills_now s
           on conflict (person_id, key) do update set
               free = excluded.free, years = excluded.years, position = excluded.position, level = excluded.level,
               verified_at = case when profile_skills.level is not distinct from excluded.level then profile_skills.verified_at end,
               verified_by = case when profile_skills.level is not distinct from excluded.level then profile_skills.verified_by end),
       declared as (insert into profile_declaration (public)
                    select $31 where not exists (select from profile_declaration) on conflict do nothing)
       select must_exist((select person_id from written)) as "person!\"""",
)

DECLARE = count(
    """insert into profile_declaration (public) select $1
       where not exists (select from profile_declaration where public = $1)
       on conflict (only_row) do update set public = excluded.public"""
)

# What others note

NOTE_RATING = value(
    int,
    """insert into profiles (person_id, revision, rating, reviews, changed_at)
       select id, 1, $2, $3, $4 from people where id = $1 and status <> 'erased'
       on conflict (person_id) do update set rating = excluded.rating, reviews = excluded.reviews, revision = profiles.revision + 1,
                                             changed_at = excluded.changed_at
       where (profiles.rating, profiles.reviews) is distinct from (excluded.rating, excluded.reviews)
       returning revision""",
)

NOTE_COMPLETED = value(
    int,
    """insert into profiles (person_id, revision, completed, changed_at)
       select id, 1, $2, $3 from people where id = $1 and status <> 'erased'
       on conflict (person_id) do update set completed = excluded.completed, revision = profiles.revision + 1,
                                             changed_at = excluded.changed_at
       where profiles.completed <> excluded.completed
       returning revision""",
)

TOUCH = value(
    int,
    """insert into profiles (person_id, revision, changed_at) select id, 1, $2 from people where id = $1 and status <> 'erased'
       on conflict (person_id) do update set revision = profiles.revision + 1 returning revision""",
)

# Blocks

# Permission, the limit and the block in one statement; its answer says what stood in the way.
BLOCK = one(
    BlockTried,
    """with target as (select id, roles && $3::text[] as staff from people where id = $2 and status <> 'erased'),
            held as (select count(*)::integer as n from blocks where person_id = $1 and blocked_id <> $2),
            added as (
                insert into blocks (person_id, blocked_id, created_at)
                select $1, target.id, $4 from target, held where not target.staff and held.n < $5
                on conflict do nothing)
       select exists (select from target) as "found!", coalesce((select staff from target), false) as "staff!",
              (select n from held) as "held!\"""",
)

UNBLOCK = count("delete from blocks where person_id = $1 and blocked_id = $2")

BLOCKS = many(
    Block,
    """select blocked_id as person_id, created_at as since from blocks
       where person_id = $1 and ($2::timestamptz is null or (created_at, blocked_id) < ($2, $3::uuid))
       order by created_at desc, blocked_id desc limit $4""",
)

BLOCKED_AMONG = values(
    UUID,
    """select blocked_id as "id!" from blocks where person_id = $1 and blocked_id = any($2::uuid[])
       union select person_id from blocks where blocked_id = $1 and person_id = any($2::uuid[])""",
)

# Leaving

BLOCKS_KNOWN = many(
    Block, "select blocked_id as person_id, created_at as since from blocks where person_id = $1 order by created_at, blocked_id"
)

ERASE = value(
    int,
    """with forgotten as (delete from blocks where $1 in (person_id, blocked_id))
       delete from profiles where person_id = $1 returning revision""",
)

# Telling many that something changed which their profiles show

ANNOUNCE = many(
    Announced,
    """with page as (
           select person_id from profiles p
           where p.person_id > $2
               and ($1::text is null or exists (select from profile_skills h where h.person_id = p.person_id and h.key = $1))
           order by person_id limit $3 for no key update)
       update profiles p set revision = p.revision + 1 from page where p.person_id = page.person_id
       returning p.person_id, p.revision""",
)
