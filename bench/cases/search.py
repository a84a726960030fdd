"""Searching 100,000 profiles and 100,000 projects over HTTP: how fast, how soon after a change, and how well with typos.

python -m bench.cases.search serve
"""

from __future__ import annotations

import http.client
import itertools
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.filled import DATABASE_SECRET, Sample, database, every_core, sources
from bench.load import Call, Figures, WrongAnswer, load, request
from bench.machine import CORES, SERVER_CORE, free_port, running
from bench.report import Figure, judged, noise, rate
from bench.run import Run
from bench.server import READY, Server, settings
from bench.till import run as run_souk
from souk.kernel.assembly import module
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx, count, many, values
from souk.kernel.http.guards import ANYONE
from souk.kernel.http.operation import operation
from souk.kernel.messages import Catalogue, Event, Outbox, emit, event
from souk.kernel.migrate import market_dsn, migrate
from souk.kernel.record import Record
from souk.markets.sample import SAMPLE
from souk.modules import search

PROFILES: Final = 100_000
PROJECTS: Final = 100_000
IN_FLIGHT: Final = 20
SEARCHES: Final = 4_000
TYPOS: Final = 200
CHANGES: Final = 150
MIDDLE: Final = 15.0
SLOWEST: Final = 60.0
SOON: Final = 2_000.0
WELL: Final = 0.6

FIRST: Final = """Ada Amir Amélie Anna Antoine Aïcha Béatrice Ben Camille Carla Chloé Claire Daniel David Elena Emma Fatima Felix François
Gabriel Hassan Hugo Ines Jack Jeanne Jonas Julie Karim Khadija Laura Léa Leon Lina Louis Lucas Luis Maria Marie Mehdi Mia Mohamed Nadia
Nina Noah Nora Olga Omar Paul Pierre Rania Robert Rosa Samir Sara Sofia Thomas Victor Yasmine Youssef Zoé""".split()  # noqa: SIM905 - a list to be read
SYLLABLES: Final = "ba be bo bra ca cha co da de dor du el fa fer ga gi gra ha hol is ja ka kel la le lin lo ma mar men mi mo na ner no o pa per pi qui ra ri ro sa sen si sol ta ten ti to va ver vi vo wa zi".split()  # noqa: E501, SIM905 - a list to be read
SKILLS: Final = """python javascript typescript react angular django flask photoshop illustrator branding copywriting translation plumbing
electrician carpentry painting gardening cleaning tutoring mathematics physics guitar piano photography videography editing animation
accounting bookkeeping payroll taxes marketing advertising analytics seo wordpress shopify magento laravel symfony kotlin swift flutter
android kubernetes terraform ansible postgresql mongodb redis elasticsearch spark hadoop tensorflow statistics research interviewing
recruiting coaching yoga pilates massage hairdressing barber makeup nails tattoo tailoring knitting upholstery furniture welding roofing
tiling masonry insulation heating ventilation locksmith moving delivery driving catering baking cooking bartending sommelier
babysitting nursing physiotherapy veterinary grooming training walking architecture drafting surveying modelling rendering
illustration calligraphy typography packaging printing engraving ceramics jewellery watchmaking bicycles motorcycles mechanics
bodywork detailing solar wiring alarms networking security penetration forensics compliance contracts litigation notary
immigration patents journalism proofreading subtitling dubbing voiceover podcasting songwriting mixing mastering choreography
directing screenwriting lighting staging events weddings decoration floristry landscaping irrigation arboriculture beekeeping
carpets windows chimney gutters pools appliances computers printers telephones salesforce hubspot excel powerpoint""".split()  # noqa: SIM905 - a list to be read
CITIES: Final = [
    *(("Paris", 48.86, 2.35), ("Marseille", 43.3, 5.37), ("Lyon", 45.76, 4.84), ("Toulouse", 43.6, 1.44), ("Nice", 43.7, 7.27)),
    *(("Nantes", 47.22, -1.55), ("Bordeaux", 44.84, -0.58), ("Lille", 50.63, 3.06), ("Rennes", 48.11, -1.68), ("Casablanca", 33.57, -7.59)),
    *(("Rabat", 34.02, -6.83), ("Tunis", 36.81, 10.18), ("Cairo", 30.04, 31.24), ("London", 51.51, -0.13), ("Berlin", 52.52, 13.4)),
    *(("Madrid", 40.42, -3.7), ("Rome", 41.9, 12.5), ("Brussels", 50.85, 4.35), ("Geneva", 46.2, 6.14), ("Montréal", 45.5, -73.57)),
]
TRADES: Final = ["specialist", "expert", "teacher", "consultant", "craftsman", "beginner", "contractor", "adviser", "assistant", "lead"]
OPENINGS: Final = ["I have worked with", "For many years I have taught", "My clients come to me for", "I love", "Trained in"]
MIDDLES: Final = ["and I deliver on time", "with care for every detail", "for small firms and families", "at fair prices"]
CLOSINGS: Final = ["Write to me before you decide.", "References on request.", "Free estimates within a day.", "I travel to you."]
WANTED: Final = ["Need help with", "Looking for", "Urgent:", "Small job:", "Long project in", "Fix my", "Somebody for", "Advice about"]
COMMON: Final = ["the", "a", "new", "old", "small", "large", "modern", "family", "office", "house", "shop", "website", "garden", "course"]


def weights(of: int) -> list[float]:
    """How often each of so many is chosen: the first most, as words of people are."""
    return [1 / (i + 1) ** 0.9 for i in range(of)]


class Row(Record):
    """A profile or a project, as the market keeps it."""

    id: UUID
    project: bool
    title: str
    about: str
    skills: list[str]
    city: str
    lat: float
    lng: float
    rating: float
    price: float
    revision: int
    created_at: datetime


class Card(Record):
    """What is shown of it."""

    id: UUID
    title: str
    city: str
    skills: list[str]
    rating: float
    price: float


@event("bench.row_changed")
class RowChanged(Event):
    """It has another text now."""

    row_id: UUID


class Change(Record):
    """Another title."""

    title: str


TABLE: Final = """create table things (id uuid primary key, project boolean not null, title text not null, about text not null,
    skills text[] not null, city text not null, lat float8 not null, lng float8 not null, rating float8 not null, price float8 not null,
    revision bigint not null, created_at timestamptz not null)"""
ROWS = many(
    Row,
    """select id, project, title, about, skills, city, lat, lng, rating, price, revision, created_at
       from things where id = any($1::uuid[]) and project = $2""",
)
AFTER = values(UUID, "select id from things where project = $1 and ($2::uuid is null or id > $2) order by id limit $3")
RENAME = count("update things set title = $2, revision = revision + 1 where id = $1")


def document(row: Row) -> search.Document:
    """A row as it is searched."""
    return search.Document(
        id=row.id,
        revision=row.revision,
        at=row.created_at,
        title=row.title,
        keywords=" ".join(row.skills),
        text=row.about,
        terms={"skills": row.skills, "location": [row.city]},
        numbers={"price": row.price} if row.project else {"rating": row.rating, "price": row.price},
        place=search.Place(row.lat, row.lng),
        boost=0.0 if row.project else round(row.rating / 50, 3),
        shown=Card(row.id, row.title, row.city, row.skills, row.rating, row.price),
    )


def loading(*, project: bool) -> dict[str, Any]:
    """How documents are read."""

    async def some(tx: Tx, ids: list[UUID]) -> list[search.Document]:
        return [document(row) for row in await tx.run(ROWS, ids, project)]

    async def every(tx: Tx, after: UUID | None, limit: int) -> list[UUID]:
        return await tx.run(AFTER, project, after, limit)

    return {"load": some, "every": every, "on": (search.Follows(RowChanged, lambda fact: [fact.row_id]),), "shows": Card}


FACETS: Final = (search.Facet("skills"), search.Facet("location"))
WORKERS: Final = search.Index(
    "workers",
    path="/search/workers",
    languages=("en", "fr"),
    facets=FACETS,
    filters=(search.Range("rating", least="minRating"), search.Range("price", most="maxPrice"), search.Near()),
    sorts=(search.Sort("relevance"), search.Sort("newest"), search.Sort("best", by="rating"), search.Sort("distance")),
    **loading(project=False),
)
WORK: Final = search.Index(
    "projects",
    path="/search/projects",
    facets=FACETS,
    filters=(search.Range("price", least="minBudget", most="maxBudget"), search.Near()),
    sorts=(search.Sort("relevance"), search.Sort("newest"), search.Sort("distance")),
    **loading(project=True),
)


@operation("PUT", "/things/{row_id}", who=ANYONE, example={"title": "Another title"})
async def rename(tx: Tx, row_id: UUID, body: Change) -> Change:
    """Give it another title."""
    await emit(tx, RowChanged(row_id))
    await tx.finish(RENAME, row_id, body.title)
    return body


MARKET: Final = msgspec.structs.replace(
    SAMPLE, modules=(*SAMPLE.modules, module("things", sys.modules[__name__]), search.searches(WORKERS, WORK))
)


def made_up(number: int, dice: random.Random) -> Row:
    """A profile that looks real, or from half of them on a project."""
    project = number >= PROFILES
    skills: list[str] = list(dict.fromkeys(dice.choices(SKILLS, weights(len(SKILLS)), k=dice.randint(2, 6))))
    city, lat, lng = dice.choices(CITIES, weights(len(CITIES)))[0]
    main = skills[0]
    if project:
        title = f"{dice.choice(WANTED)} {main} {dice.choice(COMMON)} {dice.choice(COMMON)}"
    else:
        surname = "".join(dice.choices(SYLLABLES, k=dice.randint(2, 4))).title()
        title = f"{dice.choice(FIRST)} {surname}, {main} {dice.choice(TRADES)}"
    said = [
        f"{dice.choice(OPENINGS)} {dice.choice(skills)} {dice.choice(MIDDLES)}, {dice.choice(COMMON)}" for _ in range(dice.randint(2, 6))
    ]
    about = ". ".join([*said, dice.choice(CLOSINGS), city])
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    where = lat + dice.gauss(0, 0.15), lng + dice.gauss(0, 0.15)
    rating, price = round(min(5.0, max(1.0, dice.gauss(4.2, 0.6))), 1), round(dice.lognormvariate(4, 1), 2)
    return Row(UUID(int=(number + 1) << 80), project, title, about, skills, city, *where, rating, price, 1, at)


INDEXES: Final = """select indexname, indexdef from pg_indexes where schemaname = $1 and tablename in ('search_documents', 'search_words')
    and indexname not like '%pkey'"""
"""They are made when the documents are there: to fill them one by one takes four times as long."""


async def fill(made: Sample) -> tuple[list[Row], float]:
    """The table by COPY, the index by its own engine. Answers how long that took."""
    dice = random.Random(6)
    rows = [made_up(number, dice) for number in range(PROFILES + PROJECTS)]
    raw = await asyncpg.connect(made.admin_dsn)
    await raw.execute(f"set search_path to {MARKET.name}, extensions; set synchronous_commit to off")
    await raw.execute(TABLE)
    await raw.copy_records_to_table("things", records=[msgspec.structs.astuple(row) for row in rows], schema_name=MARKET.name)
    began = time.perf_counter()
    pool = Pool(made.runtime_dsn, size=2, answer=600)
    catalogue = Catalogue(MARKET.modules)
    books = Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
    engine = search.PostgreSQL()
    indexes = await raw.fetch(INDEXES, MARKET.name)
    for name, _definition in indexes:
        await raw.execute(f"drop index {name}")
    for first in range(0, len(rows), 2_000):
        part = rows[first : first + 2_000]
        index = WORK if part[0].project else WORKERS

        async def put(tx: Tx, index: search.Index = index, part: list[Row] = part) -> None:
            await engine.put(tx, index, [document(row) for row in part])

        await books.write(put)
    for _name, definition in indexes:
        await raw.execute(definition, timeout=None)
    took = time.perf_counter() - began
    await pool.close()
    for last in ("select search_add_up(100000000)", "vacuum analyze", "checkpoint"):
        await raw.execute(last, timeout=None)
    await raw.close()
    return rows, took


def slip(word: str, dice: random.Random) -> str:
    """A word as it is mistyped: a letter lost, doubled, changed, or two of them turned round."""
    at = dice.randrange(1, len(word) - 1)
    before, here, after = word[:at], word[at], word[at + 1 :]
    return before + dice.choice((after, here * 2 + after, dice.choice("aeioustrn") + after, after[0] + here + after[1:]))


def question(dice: random.Random) -> tuple[str, dict[str, Any]]:
    """One search, as people make them."""
    kind = dice.choice(("workers", "projects"))
    skill = dice.choices(SKILLS, weights(len(SKILLS)))[0]
    city, lat, lng = dice.choices(CITIES, weights(len(CITIES)))[0]
    also: list[dict[str, Any]] = [
        *({}, {"q": f"{skill} {dice.choice(SKILLS)}"}, {"q": f"{skill} {dice.choice(SKILLS)}"}, {"location": city}, {"q": skill[:4]}),
        {"q": slip(skill, dice) if len(skill) > 4 else skill},
        {"q": f"{dice.choice(FIRST)} {skill}" if kind == "workers" else f"{skill} {dice.choice(COMMON)}"},
        {"lat": lat, "lng": lng, "radius": 20},
        {"q": "", "skills": skill, "location": city, "sort": "newest"},
        {"minRating": 4.5} if kind == "workers" else {"maxBudget": 50},
    ]
    what = {"q": skill, "limit": 20, **dice.choice(also)}
    return kind, what


def somebody() -> str:
    """Of whoever is not signed in, one address may not ask often: searches say that they come from many."""
    number = next(VISITORS)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


VISITORS: Final = itertools.count()


def asked(kind: str, what: dict[str, Any]) -> Call:
    path = f"{MARKET.base}/search/{kind}?{urlencode(what, quote_via=quote)}"
    sent = request("GET", path, headers=[f"X-Forwarded-For: {somebody()}"])
    return Call(sent, b"200", lambda body: msgspec.json.decode(body)["data"]["facets"] is not None)


def cases(run: Run) -> list[Figure]:
    """Fill, ask, change, and mistype. Searching is the database's work, so it may use every core."""
    with filled(run) as (made, rows, took):
        per = took / len(rows) * 1000
        found = [Figure("filling the index", f"{len(rows) / took:,.0f}/s", note=f"{len(rows):,} documents, {per:.2f} ms each, one writer")]
        with every_core(run.server), serving(made, run.home) as server:
            found += speed(run, server)
            found.append(delays(server, rows))
            found.append(quality(server, rows))
    return found


@contextmanager
def filled(run: Run) -> Iterator[tuple[Sample, list[Row], float]]:
    with database(run.server) as dsn:
        uvloop.run(migrate(dsn, MARKET.name, sources(MARKET), secret=DATABASE_SECRET))
        made = Sample(dsn, market_dsn(dsn, MARKET.name, DATABASE_SECRET), 0, 0)
        rows, took = uvloop.run(fill(made))
        yield made, rows, took


@contextmanager
def serving(made: Sample, home: Path) -> Iterator[Server]:
    """The market's server, on a core of its own, and a worker."""
    port = free_port()
    words = [sys.executable, "-m", "bench.cases.search", "serve"]
    environ = {**settings(made, port, home), "SOUK_TRUSTED_PROXIES": "127.0.0.1"}
    with running(words, ready=READY, cores=(SERVER_CORE,), environ=environ) as program:
        environ = {**environ, "SOUK_PORT": str(free_port())}
        with running([*words[:-1], "work"], ready="souk: at work", cores=CORES, environ=environ):
            yield Server(port, program)


def speed(run: Run, server: Server) -> Iterator[Figure]:
    """Searches with facets, so many in flight."""
    dice = random.Random(7)
    made = [asked(*question(dice)) for _ in range(SEARCHES)]
    rounds: list[Figures] = []
    for number in range(run.rounds + 1):
        figures = load([server.port], made, run.seconds if number else 3.0, connections=IN_FLIGHT)
        rounds += [figures] if number else []
    alone = load([server.port], made, run.seconds, connections=1)
    p50, p99 = median(each.p50 for each in rounds), median(each.p99 for each in rounds)
    name = f"search with facets among {PROFILES + PROJECTS:,}, {IN_FLIGHT} in flight"
    note = f"{noise([each.per_second for each in rounds])}; alone p50 {alone.p50:.1f} ms, p99 {alone.p99:.1f} ms"
    yield Figure(name, rate(median(each.per_second for each in rounds)), "", "", "", f"{p99:.1f} ms", note)
    yield Figure(f"{name}: p50", f"{p50:.1f} ms", "", f"≤ {MIDDLE:.0f} ms", judged(p50 <= MIDDLE))
    yield Figure(f"{name}: p99", f"{p99:.1f} ms", "", f"≤ {SLOWEST:.0f} ms", judged(p99 <= SLOWEST))


def get(server: Server, kind: str, **what: Any) -> Any:
    """One search."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"{MARKET.base}/search/{kind}?{urlencode(what)}", headers={"X-Forwarded-For": somebody()})
    answer = connection.getresponse()
    raw = answer.read()
    connection.close()
    if answer.status != 200:
        raise WrongAnswer(f"{kind} {what}: {answer.status} {raw!r}")
    return msgspec.json.decode(raw)["data"]


def delays(server: Server, rows: list[Row]) -> Figure:
    """From the answer to a change until a search finds it, by a word that nobody had."""
    dice = random.Random(8)
    took: list[float] = []
    for number in range(CHANGES):
        row = rows[dice.randrange(PROFILES)]
        word = f"zq{number:04d}x"
        server.ask("PUT", f"/things/{row.id}", body={"title": f"{row.title} {word}"})
        began = time.perf_counter()
        while str(row.id) not in [item["id"] for item in get(server, "workers", q=word)["items"]]:
            if time.perf_counter() - began > 10:
                raise WrongAnswer(f"{word} is not found within 10 s")
            time.sleep(0.002)
        took.append((time.perf_counter() - began) * 1000)
    p99 = quantiles(took, n=100)[98]
    note = f"p50 {median(took):.0f} ms, {CHANGES} changes"
    return Figure("from a change to its being found, p99", f"{p99:.0f} ms", "", f"≤ {SOON:.0f} ms", judged(p99 <= SOON), note=note)


def quality(server: Server, rows: list[Row]) -> Figure:
    """At which place somebody stands who is looked for by name and skill, both mistyped once: the mean of 1 / place."""
    dice, scores = random.Random(9), []
    for row in dice.sample(rows[:PROFILES], TYPOS):
        _first, surname, skill, _trade = row.title.split()
        words = [slip(each, dice) if len(each) > 4 else each for each in (surname.rstrip(","), skill)]
        ids = [item["id"] for item in get(server, "workers", q=" ".join(words), limit=20)["items"]]
        scores.append(1 / (ids.index(str(row.id)) + 1) if str(row.id) in ids else 0.0)
    mrr = sum(scores) / TYPOS
    note = f"{TYPOS} searches by surname and skill, both mistyped; the right one of {PROFILES:,} was first {scores.count(1.0)} times"
    return Figure("quality with typos, MRR", f"{mrr:.3f}", "", f"≥ {WELL}", judged(mrr >= WELL), note=note)


if __name__ == "__main__":
    run_souk(MARKET)
