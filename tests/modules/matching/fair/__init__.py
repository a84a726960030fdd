"""A fair where workers are found for jobs, and jobs for workers: two small tables, their facts, and the pairing over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.assembly import Module
from souk.kernel.db import Tx, count, many, one, values
from souk.kernel.errors import Refusal
from souk.kernel.http.guards import Actor, who
from souk.kernel.messages import Event, emit, event
from souk.kernel.record import Record
from souk.modules import matching
from souk.modules.matching import Subject, Text

CLIENT: Final = who("fair.client")
WORKER: Final = who("fair.worker")


@event("fair.worker.changed")
class WorkerChanged(Event):
    """What is known of a worker is other than before."""

    worker_id: UUID


@event("fair.worker.rated")
class WorkerRated(Event):
    """The same, said by somebody else, and so in no order with it."""

    review_id: UUID
    worker_id: UUID


@event("fair.job.changed")
class JobChanged(Event):
    """What is known of a job is other than before."""

    job_id: UUID


class NoSuchJob(Refusal, status=404, message="There is no such job, or it is not yours.", code="FAIR_JOB_NOT_FOUND"):
    """One answer for both."""


class Worker(msgspec.Struct, frozen=True, kw_only=False):
    """A worker's row."""

    id: UUID
    bio: str = ""
    notes: str = ""
    skills: list[str] = []
    load: int = 0
    rating: float | None = None
    reviews: int = 0
    trust: float = 0.5
    waiting_since: datetime = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    @property
    def subject(self) -> Subject:
        rating = {"rating": self.rating} if self.rating is not None else {}
        return Subject(
            self.id,
            {"bio": Text(self.bio), "notes": Text(self.notes, public=False)},
            tuple(self.skills),
            {"load": self.load, "reviews": self.reviews, "trust": self.trust, **rating},
            (self.load, self.waiting_since.timestamp()),
        )


class Job(msgspec.Struct, frozen=True):
    """A job's row."""

    id: UUID
    client_id: UUID
    title: str = ""
    description: str = ""
    skills: list[str] = []
    budget: float = 100.0
    posted_at: datetime = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    @property
    def subject(self) -> Subject:
        texts = {"title": Text(self.title, 2.0), "description": Text(self.description)}
        return Subject(self.id, texts, tuple(self.skills), {"budget": self.budget}, (-self.posted_at.timestamp(),))


class WorkerCard(Record):
    """What everybody may see of a worker."""

    id: UUID
    bio: str


PUT_WORKER = count(
    """insert into fair_workers (id, bio, notes, skills, load, rating, reviews, trust, waiting_since)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
       on conflict (id) do update set bio = excluded.bio, notes = excluded.notes, skills = excluded.skills, load = excluded.load,
       rating = excluded.rating, reviews = excluded.reviews, trust = excluded.trust, hidden = false"""
)
PUT_JOB = count(
    """insert into fair_jobs (id, client_id, title, description, skills, budget, posted_at) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do update set title = excluded.title, description = excluded.description, skills = excluded.skills"""
)
HIDE = count("update fair_workers set hidden = true where id = $1")
WORKERS = many(
    Worker,
    """select id, bio, notes, skills, load, rating, reviews, trust, waiting_since
       from fair_workers where id = any($1::uuid[]) and not hidden""",
)
CARDS = many(WorkerCard, "select id, bio from fair_workers where id = any($1::uuid[])")
JOBS = many(Job, "select id, client_id, title, description, skills, budget, posted_at from fair_jobs where id = any($1::uuid[])")
JOB_OF = one(Job, "select id, client_id, title, description, skills, budget, posted_at from fair_jobs where id = $1 and client_id = $2")
BLOCKED = values(
    UUID,
    """select b.worker_id from fair_blocks b join fair_jobs j on j.client_id = b.client_id
       where j.id = $1 and b.worker_id = any($2::uuid[])""",
)
NEXT_WORKERS = values(UUID, "select id from fair_workers where $1::uuid is null or id > $1 order by id limit $2")
NEXT_JOBS = values(UUID, "select id from fair_jobs where $1::uuid is null or id > $1 order by id limit $2")


async def put_worker(tx: Tx, worker: Worker) -> None:
    """A worker comes, or is other than before."""
    await emit(tx, WorkerChanged(worker.id))
    await tx.run(PUT_WORKER, *msgspec.structs.astuple(worker))


async def hide_worker(tx: Tx, worker_id: UUID) -> None:
    await emit(tx, WorkerChanged(worker_id))
    await tx.run(HIDE, worker_id)


async def put_job(tx: Tx, job: Job) -> None:
    await emit(tx, JobChanged(job.id))
    await tx.run(PUT_JOB, *msgspec.structs.astuple(job))


# What matching asks for


async def load_workers(tx: Tx, ids: Sequence[UUID]) -> list[Subject]:
    return [worker.subject for worker in await tx.run(WORKERS, list(ids))]


async def load_jobs(tx: Tx, ids: Sequence[UUID]) -> list[Subject]:
    return [job.subject for job in await tx.run(JOBS, list(ids))]


async def next_workers(tx: Tx, after: UUID | None, most: int) -> list[UUID]:
    return await tx.run(NEXT_WORKERS, after, most)


async def next_jobs(tx: Tx, after: UUID | None, most: int) -> list[UUID]:
    return await tx.run(NEXT_JOBS, after, most)


async def access_job(tx: Tx, job_id: UUID, by: Actor) -> Subject:
    job = await tx.run(JOB_OF, job_id, by.id)
    if job is None:
        raise NoSuchJob
    return job.subject


async def blocked_workers(tx: Tx, job: Subject, ids: Sequence[UUID]) -> list[UUID]:
    return await tx.run(BLOCKED, job.id, list(ids))


async def worker_cards(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, WorkerCard]:
    return {card.id: card for card in await tx.run(CARDS, list(ids))}


def reviews_of(worker: Subject) -> str:
    return f"{worker.features['rating']:g} over {worker.features['reviews']:g} reviews" if "rating" in worker.features else ""


PARTS: Final = (
    matching.overlap("0.40"),
    matching.likeness("0.25"),
    matching.feature("availability", "0.15", matching.falling(5), of="load", says=lambda worker: f"{worker.features['load']:g} jobs now"),
    matching.feature("rating", "0.20", matching.upto(5), says=reviews_of, missing=0.5),
)
PAIRING: Final = matching.Pairing(
    name="workers for jobs",
    candidates=matching.Side(
        "workers",
        load_workers,
        on=(
            matching.Follows(WorkerChanged, lambda fact: [fact.worker_id]),
            matching.Follows(WorkerRated, lambda fact: [fact.worker_id]),
        ),
        every=next_workers,
        bars=blocked_workers,
    ),
    requests=matching.Side("jobs", load_jobs, on=(matching.Follows(JobChanged, lambda fact: [fact.job_id]),), every=next_jobs),
    parts=PARTS,
    filters=(matching.Filter("not full", lambda _job, worker: worker.features["load"] < 5),),
    ask=matching.Asking("/matching/match", CLIENT, "worker", parameter="job_id", access=access_job, card=WorkerCard, cards=worker_cards),
    back=matching.Asking("/matching/jobs", WORKER, "job"),
)
SECRETIVE: Final = msgspec.structs.replace(
    PAIRING,
    name="workers by trust",
    parts=(
        matching.overlap("0.40"),
        matching.likeness("0.20"),
        matching.feature("trust", "0.40", says=lambda worker: f"trust {worker.features['trust']}", public=False),
    ),
    filters=(),
    ask=matching.Asking("/matching/trusted", CLIENT, "trusted", parameter="job_id", access=access_job),
    back=None,
)
"""The same workers, by what staff alone may know."""

FAIR: Final = Module("fair", Path(__file__).parent)
