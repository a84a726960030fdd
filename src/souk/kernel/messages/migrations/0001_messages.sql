-- Facts, in the order in which they were written. Nobody changes or removes one; whole days are dropped when they are old.
create table events (
    id uuid not null,
    topic text not null,
    version smallint not null,
    aggregate_id uuid not null,
    revision bigint not null,
    payload jsonb not null,
    at timestamptz not null,
    -- Sequence numbers become visible out of order, and a reader that remembers the last one loses late commits.
    -- Below the oldest transaction still open, nothing can appear any more.
    txid xid8 not null default pg_current_xact_id()
) partition by range (at);

comment on table events is 'The append-only log of facts, a partition for each day of business time.';

create index events_by_txid on events (txid, id);

-- An insert never fails for want of a partition.
create table events_default partition of events default;

-- For each row, not each statement, because only such a trigger holds for every partition, those still to come included.
create trigger append_only before update or delete on events for each row execute function refuse_change();

create table jobs (
    id uuid primary key,
    name text not null,
    payload jsonb not null,
    priority smallint not null check (priority between -10 and 10),
    -- Business time, as `run_at`, which says when it may run at the earliest.
    asked_at timestamptz not null,
    run_at timestamptz not null,
    -- Its place in the queue: `run_at`, up to five minutes earlier or later by priority. So low ones age: nothing waits
    -- behind what became due ten minutes after it.
    rank timestamptz not null,
    -- Jobs of one lane run one by one, in the order of `place`.
    lane text,
    place bigint not null default 0,
    key text,
    -- Counted when it is claimed, so that a job that kills its worker is used up as well.
    attempts smallint not null default 0,
    attempts_allowed smallint not null check (attempts_allowed > 0),
    -- How often a worker vanished with it.
    losses smallint not null default 0,
    error text,
    -- The trace of whoever asked for it (W3C traceparent).
    trace text,
    -- The fencing token of the claim. Leases use the database's own clock, which nobody moves.
    token uuid,
    leased_until timestamptz,
    check ((token is null) = (leased_until is null))
) with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 5000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);

comment on table jobs is 'What is still to do: jobs, reactions to events, timers and periodic work.';

create index jobs_waiting on jobs (rank, run_at) where token is null;
create index jobs_leased on jobs (leased_until) where token is not null;
create index jobs_in_lanes on jobs (lane, place, id) where lane is not null;
-- While one waits, there is no second of its key.
create unique index jobs_waiting_key on jobs (key) where token is null and key is not null;
create index jobs_leased_key on jobs (key) where token is not null and key is not null;

-- What runs all the time on `jobs` stands in functions, because a plan is kept for as long as a connection lives: one made while the
-- queue was empty would read the whole table (measured: 3 s a claim with 500,000 jobs). Their settings leave only the indexes.

-- Takes what may run at business time `clock`, the most urgent first, for so many seconds of the database's own clock.
create function claim_jobs(clock timestamptz, most integer, mine uuid, seconds double precision) returns setof jobs
language plpgsql set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
begin
    return query
    with due as materialized (
        select id from jobs j
        -- Five minutes are the most that a low priority puts `rank` behind `run_at`.
        where token is null and rank <= clock + interval '5 minutes' and run_at <= clock
            and (lane is null or not exists (select from jobs e where e.lane = j.lane and (e.place, e.id) < (j.place, j.id)))
        order by rank limit most
        for update skip locked
    )
    update jobs set token = mine, leased_until = clock_timestamp() + make_interval(secs => seconds), attempts = attempts + 1
    -- An array, not a join, whose order would be guessed as well.
    where id = any (array(select due.id from due))
    returning jobs.*;
end
$$;

-- Whether something is claimed, or could be claimed but for a lock that somebody holds.
create function jobs_unfinished(clock timestamptz) returns boolean
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    return exists (select from jobs where token is not null) or exists (
        select from jobs j where token is null and rank <= clock + interval '5 minutes' and run_at <= clock
            and (lane is null or not exists (select from jobs e where e.lane = j.lane and (e.place, e.id) < (j.place, j.id)))
    );
end
$$;

-- The fence: a job that is not ours any more fails the whole statement that completes it, and everything written with it.
-- It never answers true: it stands as a condition where a statement calls it for nothing but this (`sql.COMPLETE`).
create function complete_job(job uuid, mine uuid) returns boolean language plpgsql set enable_seqscan = off as $$
begin
    delete from jobs where id = job and token = mine;
    if not found then
        raise exception 'job % is not held any more: its lease ran out and another worker took it', job using errcode = 'SK001';
    end if;
    return false;
end
$$;

-- Those of them that are still ours.
create function complete_jobs(done uuid[], tokens uuid[]) returns void
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    delete from jobs where id = any (done) and token = tokens[array_position(done, id)];
end
$$;

create table dead_jobs (
    id uuid primary key,
    name text not null,
    payload jsonb not null,
    priority smallint not null,
    run_at timestamptz not null,
    lane text,
    place bigint not null,
    key text,
    attempts smallint not null,
    attempts_allowed smallint not null,
    error text not null,
    traceback text not null,
    asked_at timestamptz not null,
    died_at timestamptz not null default clock_timestamp()
);

comment on table dead_jobs is 'Jobs that failed for good: staff replay or drop them.';

create index dead_jobs_by_time on dead_jobs (died_at desc);

create table periodic_runs (
    name text primary key,
    scheduled_at timestamptz not null
);

comment on table periodic_runs is 'The latest time each periodic job was started for: whoever moves it forward starts the job.';

create table relays (
    name text primary key,
    txid xid8 not null default '0',
    event uuid not null default '00000000-0000-0000-0000-000000000000',
    token uuid,
    leased_until timestamptz
);

comment on table relays is 'How far each relay has published the log. It moves after the publishing: at least once.';

-- Partitions are made and dropped by the owner of the tables on behalf of the runtime role, which has no right to.
create function keep_event_days(today date, ahead integer, keep integer) returns integer
language plpgsql security definer as $$
declare
    day date;
    part record;
    changed integer := 0;
begin
    -- Behind a long reader this would hold up every writer: rather try again next time.
    set local lock_timeout = '1s';
    for day in select d::date from generate_series(today, today + ahead, interval '1 day') d loop
        if to_regclass(format('events_%s', to_char(day, 'YYYYMMDD'))) is null
            -- After a jump of the clock the day may already have begun in the default partition: it stays there.
            and not exists (select from events_default where at >= day and at < day + 1)
        then
            execute format('create table events_%s (like events including defaults)', to_char(day, 'YYYYMMDD'));
            execute format(
                'alter table events attach partition events_%s for values from (%L) to (%L)',
                to_char(day, 'YYYYMMDD'), day::timestamptz, (day + 1)::timestamptz
            );
            changed := changed + 1;
        end if;
    end loop;
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'events'::regclass and c.relname ~ '^events_\d{8}$'
            and to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep
    loop
        execute format('drop table %I', part.relname);
        changed := changed + 1;
    end loop;
    if exists (select from events_default where at < today - keep) then
        alter table events_default disable trigger append_only;
        delete from events_default where at < today - keep;
        alter table events_default enable trigger append_only;
    end if;
    return changed;
end
$$;

do $$
begin
    -- A function that runs with its owner's rights must not look for names where others may create some.
    execute format('alter function keep_event_days(date, integer, integer) set search_path = %I, pg_temp', current_schema());
    execute 'alter function keep_event_days(date, integer, integer) set timezone = ''UTC''';
    execute 'revoke execute on function keep_event_days(date, integer, integer) from public';
    if coalesce(current_setting('souk.runtime_role', true), '') <> '' then
        execute format('revoke update, delete on events, events_default from %I', current_setting('souk.runtime_role'));
    end if;
end
$$;

select keep_event_days((clock_timestamp() at time zone 'UTC')::date, 7, 3650);
