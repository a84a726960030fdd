"""A market of its own in which craftsmen and errands can be searched."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

from souk.kernel.assembly import Market, Module
from souk.kernel.db import Tx, many, values
from souk.kernel.http.guards import Role
from souk.kernel.messages import Event, event
from souk.kernel.record import Record
from souk.modules import search


@event("bazaar.craftsman_changed")
class CraftsmanChanged(Event):
    """Somebody has changed what they say of themselves, or is gone."""

    craftsman_id: UUID


@event("bazaar.errands_changed")
class ErrandsChanged(Event):
    """Errands have changed."""

    batch_id: UUID
    errands: list[UUID]


class Craftsman(Record):
    """A row."""

    id: UUID
    name: str
    about: str
    language: str
    skills: list[str]
    city: str
    rating: float | None
    remote: bool
    lat: float | None
    lng: float | None
    revision: int
    created_at: datetime


class Errand(Record):
    """A row, and what is shown of it."""

    id: UUID
    title: str
    category: str
    budget: float
    revision: int
    created_at: datetime


class CraftsmanCard(Record):
    """What is shown."""

    id: UUID
    name: str
    city: str
    skills: list[str]
    rating: float | None


CRAFTSMEN = many(
    Craftsman,
    """select id, name, about, language, skills, city, rating, remote, lat, lng, revision, created_at
       from craftsmen where id = any($1::uuid[]) and visible""",
)
CRAFTSMEN_AFTER = values(UUID, "select id from craftsmen where ($1::uuid is null or id > $1) order by id limit $2")
ERRANDS = many(Errand, "select id, title, category, budget, revision, created_at from errands where id = any($1::uuid[])")
ERRANDS_AFTER = values(UUID, "select id from errands where ($1::uuid is null or id > $1) order by id limit $2")


async def craftsmen(tx: Tx, ids: list[UUID]) -> list[search.Document]:
    return [
        search.Document(
            id=row.id,
            revision=row.revision,
            at=row.created_at,
            title=row.name,
            keywords=" ".join(row.skills),
            text=row.about,
            language=row.language,
            terms={"skills": row.skills, "knows": row.skills, "city": [row.city]},
            flags={"remote": row.remote},
            numbers={"rating": row.rating} if row.rating is not None else {},
            place=search.Place(row.lat, row.lng) if row.lat is not None and row.lng is not None else None,
            shown=CraftsmanCard(row.id, row.name, row.city, row.skills, row.rating),
        )
        for row in await tx.run(CRAFTSMEN, ids)
    ]


async def craftsmen_after(tx: Tx, after: UUID | None, limit: int) -> list[UUID]:
    return await tx.run(CRAFTSMEN_AFTER, after, limit)


async def errands(tx: Tx, ids: list[UUID]) -> list[search.Document]:
    return [
        search.Document(
            id=row.id,
            revision=row.revision,
            at=row.created_at,
            title=row.title,
            terms={"category": [row.category]},
            numbers={"budget": row.budget},
            shown=row,
        )
        for row in await tx.run(ERRANDS, ids)
    ]


async def errands_after(tx: Tx, after: UUID | None, limit: int) -> list[UUID]:
    return await tx.run(ERRANDS_AFTER, after, limit)


WORKERS = search.Index(
    "workers",
    path="/search/workers",
    suggests="/search/workers/suggestions",
    shows=CraftsmanCard,
    load=craftsmen,
    every=craftsmen_after,
    on=(search.Follows(CraftsmanChanged, lambda fact: [fact.craftsman_id]),),
    languages=("en", "fr", "ar"),
    facets=(search.Facet("skills"), search.Facet("city", parameter="location")),
    filters=(
        search.Choice("knows", all=True),
        search.Flag("remote"),
        search.Range("rating", least="minRating"),
        search.Near(),
    ),
    sorts=(
        search.Sort("relevance"),
        search.Sort("newest"),
        search.Sort("best", by="rating"),
        search.Sort("worst", by="rating", ascending=True),
        search.Sort("distance"),
    ),
    synonyms=(("plumber", "plombier", "سباك"), ("js", "javascript")),
)
PROJECTS = search.Index(
    "projects",
    path="/search/projects",
    shows=Errand,
    load=errands,
    every=errands_after,
    on=(search.Follows(ErrandsChanged, lambda fact: fact.errands),),
    facets=(search.Facet("category"),),
    filters=(search.Range("budget", least="minBudget", most="maxBudget"),),
    sorts=(search.Sort("newest"), search.Sort("relevance"), search.Sort("cheapest", by="budget", ascending=True)),
)

SEARCH = search.searches(WORKERS, PROJECTS)
BAZAAR = Module("bazaar", Path(__file__).parent)
MARKET = Market("sample", "/test", "Bazaar: a market for tests of searching", (Role("member"),), (BAZAAR, SEARCH))
