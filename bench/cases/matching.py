"""Matching over 100,000 candidates: how long the best twenty take, how many of the best of all they are, and how good the order is.

What is right is known here and nowhere else: people have abilities, and say only some of them, in words of their trade and of others.
Relevance is what they are able to do of what a project really needs, and how well they do it; no part of the score knows that.
"""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import accumulate
from math import log2
from random import Random
from statistics import mean, median, quantiles
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import uvloop

from bench.filled import DATABASE_SECRET, Sample, database, sources
from bench.report import Figure, judged
from bench.run import Run
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx, many, values
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn, migrate
from souk.modules import matching
from souk.modules.matching import Match, Pairing, Side, Subject, Text
from souk.modules.matching.finding import asked_by, matches_for
from souk.modules.matching.fitting import Fitting, fit
from souk.modules.matching.indexing import index
from souk.modules.matching.model import Sought
from souk.modules.matching.pairing import Pairings
from souk.modules.matching.scoring import ranked
from souk.modules.matching.words import Vector, skill_key

WORKERS: Final = 100_000
PROJECTS: Final = 2_000
ASKED: Final = 400
LOOKED_AT: Final = 10
"""Projects for which everybody is scored as well: it takes seconds each."""
CHANGED: Final = 200
TOP: Final = 20
JUDGED: Final = 10
TRADES: Final = 40
SKILLS: Final = 50
"""Of each trade."""
DIALECT: Final = 4
"""Words that people use who have a skill, whether they name it or not."""
ORDINARY: Final = 20_000
"""Words of everybody, as rare as words are."""
GOAL: Final = 50.0
SYLLABLES: Final = [consonant + vowel for consonant in "bdfghklmnprstv" for vowel in "aeiou"]


class Ability(msgspec.Struct, frozen=True):
    """What somebody can really do, and how well; and whether they have time."""

    skills: dict[int, float]
    quality: float


class World:
    """Everybody as they are, and what they say of it."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.words = [self._word() for _ in range(ORDINARY)]
        self.heavy = list(accumulate(1 / (rank + 1) for rank in range(ORDINARY)))
        self.names = [f"{self._word()} {self._word()}" if random.random() < 0.3 else self._word() for _ in range(TRADES * SKILLS)]
        self.dialect = [[self._word() for _ in range(DIALECT)] for _ in range(TRADES * SKILLS)]
        self.trades = list(accumulate(1 / (rank + 1) ** 0.7 for rank in range(TRADES)))
        self.within = list(accumulate(1 / (rank + 1) for rank in range(SKILLS)))
        self.abilities: list[Ability] = []
        self.needs: list[list[int]] = []

    def _word(self) -> str:
        return "".join(self.random.choices(SYLLABLES, k=self.random.randint(2, 4)))

    def _skills(self, trade: int, many: int) -> list[int]:
        return list({trade * SKILLS + each for each in self.random.choices(range(SKILLS), cum_weights=self.within, k=many)})

    def _trade(self) -> int:
        return self.random.choices(range(TRADES), cum_weights=self.trades)[0]

    def _speech(self, about: Sequence[int], share: float, length: int) -> str:
        """Ordinary words, and between them those that belong to skills."""
        random = self.random
        said = random.choices(self.words, cum_weights=self.heavy, k=length)
        said += [random.choice(self.dialect[each]) for each in about for _ in range(2) if random.random() < share]
        random.shuffle(said)
        return " ".join(said)

    def workers(self, many: int) -> Iterator[tuple[UUID, str, str, list[str], float, int, int]]:
        """Rows of workers: a third of their skills they do not name, and some name what they cannot do."""
        random = self.random
        for number in range(many):
            trade = self._trade()
            able = self._skills(trade, random.randint(3, 14)) + (self._skills(self._trade(), 2) if random.random() < 0.3 else [])
            ability = Ability({each: random.betavariate(3, 2) for each in able}, random.betavariate(4, 2))
            self.abilities.append(ability)
            named = [each for each in ability.skills if random.random() < 0.65] + [
                each for each in self._skills(trade, 2) if random.random() < 0.3
            ]
            proud = [each for each, level in ability.skills.items() if random.random() < level]
            rating = min(5.0, max(1.0, 1.5 + 3.5 * ability.quality + random.gauss(0, 0.35)))
            title = self._speech(proud[:2], 0.6, 3)
            bio = self._speech(proud, 0.55, random.randint(15, 70))
            skills = [self.names[each] for each in dict.fromkeys(named)]
            yield UUID(int=number + 1), title, bio, skills, rating, int(random.expovariate(0.08)), min(5, int(random.expovariate(0.7)))

    def projects(self, many: int) -> Iterator[tuple[UUID, str, str, list[str]]]:
        """Rows of projects: they need more than they name."""
        random = self.random
        for number in range(many):
            need = self._skills(self._trade(), random.randint(3, 7))
            self.needs.append(need)
            named = [self.names[each] for each in need if random.random() < 0.6]
            yield UUID(int=(1 << 64) + number), self._speech(need[:2], 0.5, 4), self._speech(need, 0.6, random.randint(20, 60)), named

    def relevance(self, project: int) -> dict[int, float]:
        """By the numbers of workers: how much of it they can do, how well, as 0..3. All others have 0."""
        need = self.needs[project]
        found: dict[int, float] = {}
        for each in need:
            for worker in self.able[each]:
                found[worker] = found.get(worker, 0.0) + self.abilities[worker].skills[each] / len(need)
        return {worker: round(3 * level * (0.4 + 0.6 * self.abilities[worker].quality)) for worker, level in found.items()}

    def settle(self) -> None:
        """Who has which ability."""
        self.able: list[list[int]] = [[] for _ in range(TRADES * SKILLS)]
        for worker, ability in enumerate(self.abilities):
            for each in ability.skills:
                self.able[each].append(worker)


# The market


class Worker(msgspec.Struct, frozen=True):
    """A worker's row."""

    id: UUID
    title: str
    bio: str
    skills: list[str]
    rating: float
    reviews: int
    load: int

    @property
    def subject(self) -> Subject:
        texts = {"title": Text(self.title, 1.5), "bio": Text(self.bio)}
        features = {"rating": self.rating, "reviews": self.reviews, "load": self.load}
        return Subject(self.id, texts, tuple(self.skills), features, (self.load,))


class Project(msgspec.Struct, frozen=True):
    """A project's row."""

    id: UUID
    title: str
    description: str
    skills: list[str]

    @property
    def subject(self) -> Subject:
        return Subject(self.id, {"title": Text(self.title, 1.5), "description": Text(self.description)}, tuple(self.skills))


TABLES: Final = """
create table workers (id uuid primary key, title text not null, bio text not null, skills text[] not null, rating float8 not null,
                      reviews integer not null, load integer not null);
create table projects (id uuid primary key, title text not null, description text not null, skills text[] not null);
"""
WORKERS_OF = many(Worker, "select id, title, bio, skills, rating, reviews, load from workers where id = any($1::uuid[])")
PROJECTS_OF = many(Project, "select id, title, description, skills from projects where id = any($1::uuid[])")
NEXT = values(UUID, "select id from workers where $1::uuid is null or id > $1 order by id limit $2")


async def load_workers(tx: Tx, ids: Sequence[UUID]) -> list[Subject]:
    return [worker.subject for worker in await tx.run(WORKERS_OF, list(ids))]


async def load_projects(tx: Tx, ids: Sequence[UUID]) -> list[Subject]:
    return [project.subject for project in await tx.run(PROJECTS_OF, list(ids))]


async def every_worker(tx: Tx, after: UUID | None, most: int) -> list[UUID]:
    return await tx.run(NEXT, after, most)


PAIRING: Final = Pairing(
    name="workers for projects",
    candidates=Side("workers", load_workers, every=every_worker),
    requests=Side("projects", load_projects),
    parts=(
        matching.likeness("0.55"),
        matching.overlap("0.20"),
        matching.feature("availability", "0.05", matching.falling(5), of="load"),
        matching.feature("rating", "0.20", matching.upto(5), says=lambda worker: f"{worker.features['rating']:.1f}"),
    ),
    many=TOP,
)
MARKET: Final = Market("bench", "/bench", "Matching", (), (matching.matches(PAIRING),))


@contextmanager
def filled(server: str, world: World) -> Iterator[Sample]:
    """The market with everybody in it."""
    with database(server) as dsn:
        made = Sample(dsn, market_dsn(dsn, MARKET.name, DATABASE_SECRET), 0, WORKERS)
        uvloop.run(fill(made, world))
        yield made


async def fill(made: Sample, world: World) -> None:
    await migrate(made.admin_dsn, MARKET.name, sources(MARKET), secret=DATABASE_SECRET)
    raw = await asyncpg.connect(made.admin_dsn)
    try:
        await raw.execute(f"set search_path to {MARKET.name}; set synchronous_commit to off;" + TABLES)
        await raw.copy_records_to_table("workers", records=world.workers(WORKERS), timeout=600)
        await raw.copy_records_to_table("projects", records=world.projects(PROJECTS), timeout=600)
        await raw.execute("vacuum analyze workers, projects")
    finally:
        await raw.close()
    world.settle()


@asynccontextmanager
async def opened(made: Sample) -> AsyncIterator[Database]:
    pool = Pool(made.runtime_dsn, size=4)
    catalogue = Catalogue(MARKET.modules)
    try:
        yield Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
    finally:
        await pool.close()


# The figures


def cases(run: Run) -> list[Figure]:
    """How long it takes, how much it misses, how good it is."""
    world = World(7)
    with filled(run.server, world) as made:
        return uvloop.run(measured(made, world))


async def measured(made: Sample, world: World) -> list[Figure]:
    async with opened(made) as books:
        began = time.perf_counter()
        await fit(books, Fitting(PAIRING.name), pairings=Pairings(PAIRING))
        fitted = time.perf_counter() - began
        await settled(made)
        terms = await made.ask(f"select max(terms) from {MARKET.name}.match_models")
        postings = await made.ask(f"select count(*) from {MARKET.name}.match_postings")
        note = f"{terms:,} terms, {postings:,} postings"
        return [
            Figure(f"fit, build and switch, {WORKERS:,} candidates", f"{fitted:.0f} s", note=note),
            *await quick(books),
            await changing(books),
            await complete(books),
            *await good(books, world),
        ]


async def settled(made: Sample) -> None:
    """What autovacuum does in its own time."""
    raw = await asyncpg.connect(made.admin_dsn)
    await raw.execute(f"set search_path to {MARKET.name}")
    await raw.execute("vacuum analyze match_postings, match_vectors, match_candidates, match_terms", timeout=600)
    await raw.close()


def project(number: int) -> UUID:
    return UUID(int=(1 << 64) + number)


async def ask(books: Database, number: int, pairing: Pairing = PAIRING) -> list[Match]:
    return (await books.read(partial(matches_for, pairing=pairing, request_id=project(number)))).found


async def quick(books: Database) -> list[Figure]:
    """The best twenty, one request after the other."""
    gc.collect()
    gc.freeze()  # all that is known of everybody here is nothing that a server would hold
    for number in range(20):
        await ask(books, number)
    took, computed = [], time.process_time()
    for number in range(ASKED):
        began = time.perf_counter()
        found = await ask(books, number)
        took.append((time.perf_counter() - began) * 1000)
        assert len(found) == TOP
    p99 = quantiles(took, n=100)[98]
    note = f"p50 {median(took):.1f} ms; {(time.process_time() - computed) / ASKED * 1000:.1f} ms of the processor, without the database's"
    return [Figure(f"top {TOP} of {WORKERS:,}, explained", f"{p99:.1f} ms", "", f"p99 ≤ {GOAL:g} ms", judged(p99 <= GOAL), note=note)]


async def changing(books: Database) -> Figure:
    """One candidate is weighed again, as the reaction to a fact does it."""
    took = []
    for number in range(CHANGED):
        began = time.perf_counter()
        ids = [UUID(int=number * 7 + 1)]
        await books.write(partial(index, pairing=PAIRING, seeks=Sought.CANDIDATE, ids=ids))
        took.append((time.perf_counter() - began) * 1000)
    return Figure("weigh a candidate again", f"{median(took):.1f} ms", p99=f"{quantiles(took, n=100)[98]:.1f} ms")


class Whole(msgspec.Struct, frozen=True):
    """A candidate's vector."""

    id: UUID
    terms: list[int]
    weights: list[float]


EVERYBODY = many(Whole, "select c.id, v.terms, v.weights from match_candidates c join match_vectors v on v.candidate = c.number")


async def complete(books: Database) -> Figure:
    """How many of the best twenty of all are among those that were found."""
    rows = await books.survey(lambda tx: tx.run(EVERYBODY))
    vectors = {row.id: Vector(row.terms, row.weights) for row in rows}
    subjects = await books.survey(partial(load_workers, ids=list(vectors)))
    shares = []
    for number in range(LOOKED_AT):
        (wanted,) = await books.read(partial(load_projects, ids=[project(number)]))
        asked = await books.read(partial(asked_by, pairing=PAIRING, seeks=Sought.CANDIDATE, subject=wanted))
        best = ranked(asked, PAIRING.parts, (), subjects, vectors)[:TOP]
        found = {match.id for match in await ask(books, number)}
        shares.append(len(found & {each.subject.id for each in best}) / TOP)
    return Figure(f"of the best {TOP} of all", f"{mean(shares):.1%} found", note=f"{LOOKED_AT} projects, everybody scored")


async def good(books: Database, world: World) -> list[Figure]:
    """How good the order is, by what nobody told the score."""
    skills = await named(books)
    by_score, by_overlap, by_chance = [], [], []
    for number in range(ASKED):
        truth = world.relevance(number)
        by_score.append(ndcg([match.id.int - 1 for match in (await ask(books, number))[:JUDGED]], truth))
        (wanted,) = await books.read(partial(load_projects, ids=[project(number)]))
        by_overlap.append(ndcg(overlapping(wanted, skills, world.random), truth))
        by_chance.append(ndcg(world.random.sample(range(WORKERS), JUDGED), truth))
    full, overlap, chance = mean(by_score), mean(by_overlap), mean(by_chance)
    note = f"{ASKED} projects, made relevance"
    return [
        Figure(f"nDCG@{JUDGED} of the score", f"{full:.3f}", f"{full / overlap:.2f}", "> skills alone", judged(full > overlap), note=note),
        Figure(f"nDCG@{JUDGED} of named skills alone", f"{overlap:.3f}", note="equals in any order"),
        Figure(f"nDCG@{JUDGED} of chance", f"{chance:.3f}"),
    ]


async def named(books: Database) -> dict[str, list[int]]:
    """Who names which skill."""
    found: dict[str, list[int]] = {}
    ids = [UUID(int=number + 1) for number in range(WORKERS)]
    for worker in await books.survey(partial(load_workers, ids=ids)):
        for skill in worker.skills:
            found.setdefault(skill_key(skill), []).append(worker.id.int - 1)
    return found


def overlapping(wanted: Subject, skills: dict[str, list[int]], random: Random) -> list[int]:
    """Those who name most of what is wanted."""
    shared: dict[int, int] = {}
    for skill in wanted.skills:
        for worker in skills.get(skill_key(skill), ()):
            shared[worker] = shared.get(worker, 0) + 1
    best = sorted(shared, key=lambda worker: (-shared[worker], random.random()))[:JUDGED]
    return best or random.sample(range(WORKERS), JUDGED)


def ndcg(order: Sequence[int], truth: dict[int, float]) -> float:
    """What an order gains, as a share of what the best one would."""
    ideal = gained(sorted(truth.values(), reverse=True)[:JUDGED])
    return gained([truth.get(each, 0.0) for each in order]) / ideal if ideal else 1.0


def gained(grades: Sequence[float]) -> float:
    return sum((2**grade - 1) / log2(place + 2) for place, grade in enumerate(grades))
