"""Every statement of matching."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from souk.kernel.db import count, many, one, only, value, values
from souk.modules.matching.model import Match, ModelCard, ModelState, Rated, RecordCard, Recorded, Sought
from souk.modules.matching.words import Vector

# Those who can be found


class Numbered(msgspec.Struct, frozen=True):
    """One that can be found, by the number that stands in postings."""

    number: int
    id: UUID


class Kept(msgspec.Struct, frozen=True):
    """The vector of one under one model."""

    model: int
    candidate: int
    terms: list[int]
    weights: list[float]

    @property
    def vector(self) -> Vector:
        return Vector(self.terms, self.weights)


# Whoever writes vectors shares this lock; a model that becomes one to write vectors for, or to read, waits for all of them.
SHARE_LOCK = only(
    bool,
    """select pg_advisory_xact_lock_shared(hashtextextended('souk matching ' || current_schema() || ' ' || $1, 0)) is not null
       as "locked!\"""",
)
LOCK = only(
    bool,
    """select pg_advisory_xact_lock(hashtextextended('souk matching ' || current_schema() || ' ' || $1, 0)) is not null as "locked!\"""",
)

# Written even where nothing changes: the row is locked by it, so that what is loaded next is loaded by one at a time.
KNOWN = many(
    Numbered,
    """insert into match_candidates (pairing, side, id, changed_at)
       select $1, $2::match_side, each, $4 from unnest($3::uuid[]) each order by each
       on conflict (pairing, side, id) do update set id = excluded.id
       returning number, id""",
)
ENROL = count(
    """insert into match_candidates (pairing, side, id, changed_at)
       select $1, $2::match_side, each, $4 from unnest($3::uuid[]) each order by each
       on conflict (pairing, side, id) do nothing"""
)
UNKNOWN = values(
    UUID,
    """select each as "each!" from unnest($3::uuid[]) each
       where not exists (select from match_candidates c where c.pairing = $1 and c.side = $2::match_side and c.id = each) order by each""",
)
CHANGED = count("update match_candidates set changed_at = $2 where number = any($1::int[])")
REMOVE = count("delete from match_candidates where number = any($1::int[])")


class Sided(msgspec.Struct, frozen=True):
    """A number, and the side that it stands on."""

    number: int
    side: Sought


OF_PERSON = many(Sided, "select number, side from match_candidates where id = $1 order by number for update")

# Models


class Live(msgspec.Struct, frozen=True):
    """A model for which vectors are kept."""

    id: int
    state: ModelState


class Known(msgspec.Struct, frozen=True):
    """A term under a model."""

    model: int
    term: str
    number: int
    idf: float


class Term(msgspec.Struct, frozen=True):
    """A term of one model."""

    term: str
    number: int
    idf: float


LIVE = many(Live, "select id, state from match_models where pairing = $1 and state in ('building', 'current') order by id")
TERMS_OF = many(Known, "select model, term, number, idf from match_terms where model = any($1::int[]) and term = any($2::text[])")
CURRENT_TERMS = many(
    Known,
    """select t.model, t.term, t.number, t.idf from match_models m join match_terms t on t.model = m.id
       where m.pairing = $1 and m.state = 'current' and t.term = any($2::text[])""",
)
ALL_TERMS = many(Term, "select term, number, idf from match_terms where model = $1 order by number")
ADD_MODEL = only(int, "insert into match_models (pairing, documents, terms, fitted_at) values ($1, $2, $3, $4) returning id")
ADD_TERMS = count(
    """insert into match_terms (model, term, number, idf)
       select $1, term, number, idf from unnest($2::text[], $3::int[], $4::float8[]) as t(term, number, idf)"""
)
BEGIN_BUILDING = count("update match_models set state = 'building' where id = $1 and state = 'fitting'")
# Two may have built one model; when the second is ready it is current already.
RETIRE = count(
    """update match_models set state = 'retired', retired_at = $2 where pairing = $1 and state = 'current'
       and exists (select from match_models m where m.id = $3 and m.state = 'building')"""
)
MAKE_CURRENT = count("update match_models set state = 'current', current_at = $2 where id = $1 and state = 'building'")
BUILDING = value(int, "select id from match_models where pairing = $1 and state = 'building'")
UNREAD = values(
    int,
    """select id from match_models where (state = 'retired' and retired_at < $1)
       or (state = 'fitting' and fitted_at < $1 - interval '1 day') order by id""",
)
MODELS = many(
    ModelCard,
    """select id, pairing, state, documents, terms, fitted_at, current_at from match_models
       where state <> 'fitting' order by id desc limit 100""",
)


class Change(msgspec.Struct, frozen=True):
    """How much has changed since the current model was fitted."""

    documents: int
    changed: int
    fitted: datetime | None


CHANGE = only(
    Change,
    """select (select count(*) from match_candidates c where c.pairing = $1) as "documents!",
              (select count(*) from match_candidates c
               where c.pairing = $1 and c.changed_at > coalesce(m.fitted_at, '-infinity')) as "changed!",
              m.fitted_at as fitted
       from (select 1) one left join match_models m on m.pairing = $1 and m.state = 'current'""",
)

# Vectors and postings

VECTORS = many(Kept, "select model, candidate, terms, weights from match_vectors where candidate = any($1::int[])")
PUT_VECTORS = count(
    """insert into match_vectors (model, candidate, terms, weights)
       select $1, candidate, terms, weights from jsonb_to_recordset($2::text::jsonb) as v(candidate int, terms int[], weights real[])
       order by candidate
       on conflict (model, candidate) do update set terms = excluded.terms, weights = excluded.weights"""
)
# A candidate that is gone, or whose vector somebody wrote meanwhile, is left alone: theirs is newer.
ADD_VECTORS = values(
    int,
    """with vectors as (
           select candidate, terms, weights from jsonb_to_recordset($2::text::jsonb) as v(candidate int, terms int[], weights real[])),
       there as (
           select number from match_candidates where number in (select candidate from vectors) order by number for key share)
       insert into match_vectors (model, candidate, terms, weights)
       select $1, v.candidate, v.terms, v.weights from vectors v join there on there.number = v.candidate order by v.candidate
       on conflict (model, candidate) do nothing
       returning candidate""",
)
ADD_POSTINGS = count(
    """insert into match_postings (model, side, term, impact, candidate)
       select $1, $2::match_side, term, impact, candidate from unnest($3::int[], $4::smallint[], $5::int[]) as p(term, impact, candidate)
       order by term, impact, candidate"""
)
DROP_POSTINGS = count(
    """delete from match_postings p using unnest($3::int[], $4::smallint[], $5::int[]) as o(term, impact, candidate)
       where p.model = $1 and p.side = $2::match_side and p.term = o.term and p.impact = o.impact and p.candidate = o.candidate"""
)
PURGE_POSTINGS = count("delete from match_postings where ctid = any(array(select ctid from match_postings where model = $1 limit $2))")
PURGE_VECTORS = count(
    "delete from match_vectors where (model, candidate) in (select model, candidate from match_vectors where model = $1 limit $2)"
)
PURGE_TERMS = count("delete from match_terms where (model, term) in (select model, term from match_terms where model = $1 limit $2)")
PURGE_MODEL = count("delete from match_models where id = $1 and state in ('fitting', 'retired')")


# Fitting and building go through everybody of a side, page by page.
PAGE = many(
    Numbered,
    "select number, id from match_candidates where pairing = $1 and side = $2::match_side and number > $3 order by number limit $4",
)
WITHOUT_VECTOR = many(
    Numbered,
    """select c.number, c.id from match_candidates c
       where c.pairing = $1 and c.side = $2::match_side and c.number > $3
         and not exists (select from match_vectors v where v.model = $4 and v.candidate = c.number and v.candidate > $3)
       order by c.number limit $5""",
)
INCOMPLETE = only(
    bool,
    """select exists (select from match_candidates c where c.pairing = $1
           and not exists (select from match_vectors v where v.model = $2 and v.candidate = c.number)) as "exists!\"""",
)

# Finding


class Pooled(msgspec.Struct, frozen=True):
    """One that is looked at more closely."""

    id: UUID
    terms: list[int] | None
    weights: list[float] | None

    @property
    def vector(self) -> Vector | None:
        return Vector(self.terms, self.weights) if self.terms is not None and self.weights is not None else None


# The lists of the request's strongest terms, each from its top and no further than that. Sums are of whole numbers, so that their
# order does not depend on the plan.
POOL = many(
    Pooled,
    """with found as (
           select p.candidate, sum(w.weight::bigint * p.impact) as likeness
           from unnest($3::int[], $4::int[]) as w(term, weight) cross join lateral (
               select candidate, impact from match_postings
               where model = $1 and side = $2::match_side and term = w.term order by impact desc, candidate desc limit $5) p
           group by p.candidate order by 2 desc, 1 limit $6)
       select c.id, v.terms, v.weights from found
       join match_candidates c on c.number = found.candidate
       join match_vectors v on v.model = $1 and v.candidate = found.candidate""",
)
NEWEST = many(
    Pooled,
    """select c.id, v.terms, v.weights
       from (select number, id from match_candidates where pairing = $1 and side = $2::match_side order by number desc limit $4) c
       left join match_vectors v on v.model = $3 and v.candidate = c.number""",
)

# What was recorded


class Entry(msgspec.Struct, frozen=True):
    """One of a recorded match."""

    place: int
    candidate_id: UUID
    score: float
    parts: list[Rated]
    ties: list[float]
    features: dict[str, float]

    @property
    def match(self) -> Match:
        return Match(self.candidate_id, self.place, self.score, self.parts, self.ties, self.features)


class Head(msgspec.Struct, frozen=True):
    """A recorded match without those it found."""

    id: UUID
    pairing: str
    seeks: Sought
    request_id: UUID
    model: int | None
    weights: dict[str, float]
    made_at: datetime

    def recorded(self, matches: list[Match]) -> Recorded:
        return Recorded(self.id, self.pairing, self.seeks, self.request_id, self.model, self.weights, self.made_at, matches)


ADD_RECORD = count(
    """with record as (
           insert into match_records (id, pairing, seeks, request_id, model, weights, made_at)
           values ($1, $2, $3::match_side, $4, $5, $6::text::jsonb, $7) returning id)
       insert into match_entries (record_id, place, candidate_id, score, parts, ties, features)
       select record.id, e.place, e.candidate_id, e.score, e.parts, e.ties, e.features
       from record, jsonb_to_recordset($8::text::jsonb)
           as e(place smallint, candidate_id uuid, score float8, parts jsonb, ties float8[], features jsonb)"""
)
RECORD = one(Head, "select id, pairing, seeks, request_id, model, weights, made_at from match_records where id = $1")
ENTRIES = many(Entry, "select place, candidate_id, score, parts, ties, features from match_entries where record_id = $1 order by place")
RECORDS = many(
    RecordCard,
    """select id, pairing, seeks, request_id, model, made_at from match_records
       where ($1::text is null or pairing = $1) and ($2::uuid is null or request_id = $2)
         and id < coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
       order by id desc limit $4""",
)

# Leaving


class Part(msgspec.Struct, frozen=True):
    """Where somebody stood in a recorded match."""

    pairing: str
    made_at: datetime
    place: int
    score: float
    parts: list[Rated]


PLACES_OF = many(
    Part,
    """select r.pairing, r.made_at, e.place, e.score, e.parts from match_entries e join match_records r on r.id = e.record_id
       where e.candidate_id = $1 order by r.id desc limit $2""",
)
FORGET_ENTRIES = count("delete from match_entries where candidate_id = $1")
FORGET_REQUESTS = count("delete from match_records where request_id = $1")
