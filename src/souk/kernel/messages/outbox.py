"""The outbox: events and jobs gather here during a transaction, and are written by its last statement, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from souk.kernel.db import Rider, Tx
from souk.kernel.ids import new_id
from souk.kernel.messages import sql
from souk.kernel.messages.catalogue import Catalogue
from souk.kernel.messages.declare import PRIORITIES, Event, Job, Work

A = TypeVar("A")
encode = msgspec.json.encode


class EventRow(msgspec.Struct):
    """An event on its way into the log."""

    id: UUID
    topic: str
    version: int
    aggregate: UUID
    revision: int
    payload: msgspec.Raw
    at: datetime


class JobRow(msgspec.Struct):
    """A job on its way into the queue."""

    id: UUID
    name: str
    payload: msgspec.Raw
    priority: int
    asked_at: datetime
    run_at: datetime
    lane: str | None
    place: int
    key: str | None
    attempts: int
    trace: str | None


class SaidRow(msgspec.Struct):
    """Something on its way to be said live."""

    id: UUID
    namespace: str
    name: str
    rooms: list[str]
    payload: msgspec.Raw
    at: datetime


class Outbox:
    """What one transaction announces and asks for. In a worker, also the job that it completes."""

    __slots__ = ("_after", "_catalogue", "_completes", "_due", "_events", "_jobs", "_said", "_tx")

    def __init__(self, catalogue: Catalogue, tx: Tx) -> None:
        self._catalogue = catalogue
        self._tx = tx
        self._events: list[EventRow] = []
        self._jobs: list[JobRow] = []
        self._said: list[SaidRow] = []
        self._completes: tuple[UUID, UUID] | None = None
        self._due = False
        self._after: list[Callable[[], None]] = []

    def add_event(self, event: Event) -> None:
        """Announce a fact, and enqueue what reacts to it."""
        topic, now = event.topic, self._tx.now
        payload = msgspec.Raw(encode(event))
        about, revision = topic.aggregate(event), topic.revision(event)
        self._events.append(EventRow(new_id(), topic.name, topic.version, about, revision, payload, now))
        for namespace, says in self._catalogue.says.get(type(event), ()):
            if rooms := list(dict.fromkeys(says.to(event))):
                self._said.append(SaidRow(new_id(), namespace, says.name, rooms, msgspec.Raw(encode(says.what(event))), now))
        for work in self._catalogue.reactions.get(type(event), ()):
            lane = f"{work.name} {about}" if work.ordered else None
            self._jobs.append(self._row(work, payload, work.priority, now, lane, revision))

    def add_job(  # noqa: PLR0913 - see Work
        self, work: Work[A], args: A, *, run_at: datetime | None, priority: int | None, key: str | None, order: str | None
    ) -> None:
        """Ask for a job."""
        urgency = work.priority if priority is None else priority
        if urgency not in PRIORITIES:
            raise ValueError(f"{work.name}: priorities go from {PRIORITIES[0]} to {PRIORITIES[-1]}, not {urgency}")
        self.forget(key)
        row = self._row(work, msgspec.Raw(encode(args)), urgency, run_at or self._tx.now, order, time.time_ns())
        row.key = key
        self._jobs.append(row)

    def forget(self, key: str | None) -> int:
        """Take back what was asked for under that key, and say how much it was: of one key, only the last is written."""
        if key is None:
            return 0
        before = len(self._jobs)
        self._jobs = [row for row in self._jobs if row.key != key]
        return before - len(self._jobs)

    def completes(self, job: UUID, token: UUID) -> None:
        """Let the last statement complete that claimed job: then all is written, or the job is not ours any more and nothing is."""
        self._completes = (job, token)

    def untouched(self) -> bool:
        """Whether the completion is all there is to write; if so, it is taken out again."""
        if self._events or self._jobs or self._completes is None or not self._tx.untouched:
            return False
        self._completes = None
        return True

    @property
    def loaded(self) -> bool:
        """Whether something still waits to be written."""
        return bool(self._events or self._jobs or self._completes)

    def unload(self) -> tuple[Rider, tuple[object, ...]] | None:
        """Hand everything over, as one rider and its arguments."""
        events, jobs, said, completes = self._events, self._jobs, self._said, self._completes
        if not events and not jobs and completes is None:
            return None
        args: tuple[object, ...] = completes or ()
        if events:
            args = (*args, encode(events).decode())
            self._events = []
        if jobs:
            args = (*args, self._pack(jobs))
            self._jobs = []
        if said:
            args = (*args, encode(said).decode())
            self._said = []
            self._after.append(self.ring_news)
        self._completes = None
        return sql.RIDERS[completes is not None, bool(events), bool(jobs), bool(said)], args

    def ring_when_committed(self) -> None:
        """Something will be due that did not come by this outbox."""
        self._due = True

    def when_committed(self, call: Callable[[], None]) -> None:
        """Call this once the transaction is committed: for what a process only remembers, and so cannot be rolled back."""
        self._after.append(call)

    def committed(self) -> None:
        """Wake the workers when something is due at once."""
        after, self._after = self._after, []
        for call in after:
            call()
        if self._due:
            self._due = False
            self._catalogue.bell.ring()

    def ring_news(self) -> None:
        """Something was committed that every process has to know."""
        self._catalogue.news.ring()

    def _row(  # noqa: PLR0913, PLR0917 - see Work
        self, work: Work[Any], payload: msgspec.Raw, priority: int, run_at: datetime, lane: str | None, place: int
    ) -> JobRow:
        trace = self._catalogue.traceparent() or None
        return JobRow(new_id(), work.name, payload, priority, self._tx.now, run_at, lane, place, None, work.attempts, trace)

    def _pack(self, jobs: list[JobRow]) -> str:
        now = self._tx.now
        self._due = self._due or any(row.run_at <= now for row in jobs)
        if len(jobs) > 1:
            # Two transactions that touch the same keys do so in the same order, and cannot deadlock.
            jobs.sort(key=lambda row: row.key or "")
        return encode(jobs).decode()


def outbox_of(tx: Tx) -> Outbox:
    """The outbox of a transaction that may change something."""
    if not isinstance(tx.outbox, Outbox):
        raise TypeError("this transaction carries no messages: it only reads, or its database was opened without a catalogue")
    return tx.outbox


def when_committed(tx: Tx, call: Callable[[], None]) -> None:
    """Call this in this process once the transaction is committed. A process that dies in between does not."""
    outbox_of(tx).when_committed(call)


def tell_all(tx: Tx) -> None:
    """Let every process look for news once this is committed."""
    outbox = outbox_of(tx)
    outbox.when_committed(outbox.ring_news)


async def emit(tx: Tx, *events: Event) -> None:
    """Announce facts: they are logged, and what reacts to them is enqueued, when the transaction commits."""
    outbox = outbox_of(tx)
    for event in events:
        outbox.add_event(event)


async def enqueue(  # noqa: PLR0913 - see Work
    tx: Tx,
    job: Job[A],
    args: A,
    *,
    run_at: datetime | None = None,
    priority: int | None = None,
    key: str | None = None,
    order: str | None = None,
) -> None:
    """Ask for a job when the transaction commits.

    run_at: business time, at once by default. key: while one of that key waits there is no second; the newer replaces it,
    time and arguments and all (what was due already, and is asked for at once again, keeps its place). order: jobs of one
    `order` run one by one, first come, first served.
    """
    outbox_of(tx).add_job(job, args, run_at=run_at, priority=priority, key=key, order=order)


async def cancel(tx: Tx, key: str) -> bool:
    """Take back the waiting job of that key. False when none waits: it is done, running, or never was."""
    taken_back = outbox_of(tx).forget(key)
    return await tx.run(sql.CANCEL, key) + taken_back > 0


async def enqueue_periodic(tx: Tx, periodic: Sequence[Work[None]]) -> None:
    """Ask for work that the clock started; while an earlier run still waits, it stands for this one."""
    for work in periodic:
        outbox_of(tx).add_job(work, None, run_at=None, priority=None, key=work.name, order=None)
