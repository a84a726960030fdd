"""Every statement of the messages, and the riders that carry an outbox on the last statement of a transaction."""

from __future__ import annotations

from datetime import datetime
from itertools import compress, product
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Rider, count, many, one, only, values
from souk.kernel.db.query import PARAMETER

# Writing. One JSON document each for all events and all jobs: measured, it costs the server less than an array a column.

ADD_EVENTS: Final = """announced as (
    insert into events (id, topic, version, aggregate_id, revision, payload, at)
    select e.id, e.topic, e.version, e.aggregate, e.revision, e.payload, e.at
    from json_to_recordset($1::text::json)
        e(id uuid, topic text, version smallint, aggregate uuid, revision bigint, payload jsonb, at timestamptz))"""

ADD_JOBS: Final = """enqueued as (
    insert into jobs (id, name, payload, priority, asked_at, run_at, rank, lane, place, key, attempts_allowed, trace)
    select j.id, j.name, coalesce(j.payload, 'null'), j.priority, j.asked_at, j.run_at, j.run_at - j.priority * interval '30 seconds',
        j.lane, j.place, j.key, j.attempts, j.trace
    from json_to_recordset($1::text::json) j(id uuid, name text, payload jsonb, priority smallint, asked_at timestamptz,
        run_at timestamptz, lane text, place bigint, key text, attempts smallint, trace text)
    on conflict (key) where token is null and key is not null do update set
        name = excluded.name, payload = excluded.payload, priority = excluded.priority, asked_at = excluded.asked_at,
        run_at = case when excluded.run_at <= excluded.asked_at then least(jobs.run_at, excluded.run_at) else excluded.run_at end,
        rank = case when excluded.run_at <= excluded.asked_at then least(jobs.run_at, excluded.run_at) else excluded.run_at end
            - excluded.priority * interval '30 seconds',
        lane = excluded.lane, place = excluded.place, attempts = 0, losses = 0,
        attempts_allowed = excluded.attempts_allowed, error = null, trace = excluded.trace)"""
"""Of one key, the newer replaces what waits. What is due at once keeps the place it had, or it would never come to its turn."""

ADD_SAID: Final = """spoken as (
    insert into said (id, namespace, name, room, payload, at)
    select s.id, s.namespace, s.name, unnest(s.rooms), s.payload, s.at
    from json_to_recordset($1::text::json) s(id uuid, namespace text, name text, rooms text[], payload jsonb, at timestamptz))"""
"""What is said live (`kernel/live`), a row for each room."""

COMPLETE: Final = "completed as (insert into relays (name) select '' where complete_job($1, $2))"
"""The claim ends here, or the whole statement fails because the claim is no longer ours.

Nothing is ever inserted; but a CTE that nobody reads is only run when it is one that writes.
"""


def riders(first: str, *more: str) -> Rider:
    """Several CTEs as one rider, their parameters numbered on."""
    whole = Rider(first)
    for cte in more:
        numbered = PARAMETER.sub(lambda m, taken=whole.parameters: f"${int(m[1]) + taken}", cte)  # type: ignore[misc]
        whole = Rider(f"{whole.ctes}, {numbered}")
    return whole


PARTS: Final = (COMPLETE, ADD_EVENTS, ADD_JOBS, ADD_SAID)
RIDERS: Final = {parts: riders(*compress(PARTS, parts)) for parts in product((True, False), repeat=len(PARTS)) if any(parts)}
"""By whether a job is completed, events are announced, jobs are enqueued, something is said live."""

CANCEL = count("delete from jobs where key = $1 and token is null")


# Working


class Claimed(msgspec.Struct, frozen=True):
    """A job that is ours until its lease runs out."""

    id: UUID
    token: UUID
    name: str
    payload: msgspec.Raw
    attempts: int
    attempts_allowed: int
    rank: datetime
    laned: bool
    trace: str | None


CLAIM = many(
    Claimed,
    """select id as "id!", token as "token!", name as "name!", payload as "payload!", attempts as "attempts!",
        attempts_allowed as "attempts_allowed!", rank as "rank!", lane is not null as "laned!", trace
    from claim_jobs($1, $2, $3, $4)""",
)
RENEW = count(
    """update jobs set leased_until = clock_timestamp() + make_interval(secs => $3::float8)
    where id = any ($1::uuid[]) and token = any ($2::uuid[])"""
)
DONE = count("select complete_jobs($1, $2)")

GIVE_BACK = count(
    """with mine as materialized (
        select j.id, j.key, h.wait, h.unused, h.lost, h.error
        from unnest($1::uuid[], $2::uuid[], $3::float8[], $4::smallint[], $5::smallint[], $6::text[])
            h(id, token, wait, unused, lost, error)
        join jobs j on j.id = h.id and j.token = h.token
        for update of j),
    replaced as (
        delete from jobs using mine where jobs.id = mine.id and mine.key is not null and exists (
            select from jobs newer where newer.key = mine.key and newer.id <> mine.id
                and (newer.token is null or (newer.id > mine.id and newer.id in (select id from mine))))
        returning jobs.id)
    update jobs set
        token = null, leased_until = null,
        attempts = attempts - mine.unused, losses = losses + mine.lost, error = coalesce(mine.error, jobs.error),
        run_at = case when mine.wait is null then run_at else $7::timestamptz + make_interval(secs => mine.wait) end,
        rank = case when mine.wait is null then rank
            else $7::timestamptz + make_interval(secs => mine.wait) - priority * interval '30 seconds' end
    from mine where jobs.id = mine.id and not exists (select from replaced where replaced.id = jobs.id)"""
)
"""Back to waiting. One whose key has been enqueued anew meanwhile is replaced by the newer, as it would have been while it waited."""

BURY = count(
    """with gone as (
        delete from jobs using unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) h(id, token, error, traceback)
        where jobs.id = h.id and jobs.token = h.token returning jobs.*, h.error as final_error, h.traceback)
    insert into dead_jobs (id, name, payload, priority, run_at, lane, place, key, attempts, attempts_allowed, error, traceback, asked_at)
    select id, name, payload, priority, run_at, lane, place, key, attempts, attempts_allowed, final_error, traceback, asked_at
    from gone"""
)


class Lost(msgspec.Struct, frozen=True):
    """A job whose worker vanished."""

    id: UUID
    token: UUID
    name: str
    attempts: int
    attempts_allowed: int
    losses: int


LOST = many(
    Lost,
    """select id, token as "token!", name, attempts, attempts_allowed, losses from jobs
    where token is not null and leased_until < clock_timestamp() limit 50 for update skip locked""",
)
UNFINISHED = only(bool, 'select jobs_unfinished($1) as "unfinished!"')
START_PERIODIC = values(
    str,
    """with moved as (
        insert into periodic_runs (name, scheduled_at) select * from unnest($1::text[], $2::timestamptz[])
        on conflict (name) do update set scheduled_at = excluded.scheduled_at where periodic_runs.scheduled_at < excluded.scheduled_at
        returning name, xmax <> 0 as was_known)
    select name from moved where was_known""",
)
"""A job seen for the first time is only noted: it is due from its next time on."""

KEEP_EVENT_DAYS = only(int, """select keep_event_days($1, $2, $3) as "changed!\"""")
HINT = count("select pg_notify('souk_' || current_schema() || $1::text, hint) from unnest($2::text[]) hint")
CHANNEL = only(str, """select 'souk_' || current_schema() || $1::text as "channel!\"""")


# Dead letters and figures


class DeadJob(msgspec.Struct, frozen=True):
    """A job that failed for good."""

    id: UUID
    name: str
    payload: msgspec.Raw
    attempts: int
    error: str
    traceback: str
    asked_at: datetime
    died_at: datetime


DEAD_JOBS = many(
    DeadJob,
    """select id, name, payload, attempts, error, traceback, asked_at, died_at from dead_jobs
    where ($1::timestamptz is null or (died_at, id) < ($1, $2::uuid)) and ($3::text is null or name = $3)
    order by died_at desc, id desc limit $4""",
)
REPLAY = only(
    int,
    """with risen as (delete from dead_jobs where id = $1 returning *),
    back as (
        insert into jobs (id, name, payload, priority, asked_at, run_at, rank, lane, place, key, attempts_allowed)
        select id, name, payload, priority, asked_at, $2::timestamptz, $2::timestamptz - priority * interval '30 seconds',
            lane, place, key, attempts_allowed
        from risen
        on conflict (key) where token is null and key is not null do nothing)
    select count(*)::int as "risen!" from risen""",
)
"""One whose key waits again is done by that one, which is newer."""

DROP_DEAD = count("delete from dead_jobs where id = $1")


class Depth(msgspec.Struct, frozen=True):
    """How much there is to do. `due` is counted up to 10,000."""

    due: int
    leased: int
    dead: int
    oldest_seconds: float
    """How long the oldest due job has waited, in business time."""
    watermark_gap: int
    """How many transactions the oldest open one holds up: relays and vacuum wait for it."""
    oldest_transaction_seconds: float


DEPTH = only(
    Depth,
    """with due as (
        select run_at, rank from jobs
        where token is null and rank <= $1::timestamptz + interval '5 minutes' and run_at <= $1::timestamptz
        order by rank limit 10000),
    open as (select pg_current_snapshot() as snapshot)
    select
        (select count(*) from due)::int as "due!",
        (select count(*) from jobs where token is not null)::int as "leased!",
        (select count(*) from dead_jobs)::int as "dead!",
        coalesce((select extract(epoch from $1::timestamptz - min(run_at)) from due), 0)::float8 as "oldest_seconds!",
        pg_snapshot_xmax(snapshot)::text::bigint - pg_snapshot_xmin(snapshot)::text::bigint as "watermark_gap!",
        coalesce((select extract(epoch from clock_timestamp() - min(xact_start)) from pg_stat_activity
            where datname = current_database() and (backend_xmin is not null or backend_xid is not null)), 0)::float8
            as "oldest_transaction_seconds!"
    from open""",
)


# The log and its relays


class Fact(msgspec.Struct, frozen=True):
    """An event as the log keeps it."""

    id: UUID
    topic: str
    version: int
    aggregate_id: UUID
    revision: int
    payload: msgspec.Raw
    at: datetime
    txid: int


FACTS = many(
    Fact,
    """select id, topic, version, aggregate_id, revision, payload, at, txid from events
    where (txid, id) > ($1::xid8, $2::uuid) and txid < pg_snapshot_xmin(pg_current_snapshot())
    order by txid, id limit $3""",
)
"""Sealed facts only: no transaction that is still open can add one below the watermark."""


class Position(msgspec.Struct, frozen=True):
    """How far a relay has come."""

    txid: int
    event: UUID


TAKE_RELAY = one(
    Position,
    """insert into relays as r (name, token, leased_until) values ($1, $2, clock_timestamp() + make_interval(secs => $3::float8))
    on conflict (name) do update set token = excluded.token, leased_until = excluded.leased_until
        where r.token is null or r.token = excluded.token or r.leased_until < clock_timestamp()
    returning txid, event""",
)
MOVE_RELAY = count("update relays set txid = $3::xid8, event = $4 where name = $1 and token = $2")
LEAVE_RELAY = count("update relays set token = null, leased_until = null where name = $1 and token = $2")
