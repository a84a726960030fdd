-- What is said live, a row for each room: written with the events it comes from, dropped after some days.
create table said (
    -- Sequence numbers become visible out of order, and a reader that remembers the last one loses late commits. So readers
    -- remember which transactions had ended when they looked (`pg_snapshot`); what is new to them is what the others wrote.
    txid xid8 not null default pg_current_xact_id(),
    seq bigint not null generated always as identity,
    -- The same in every room: what was said once.
    id uuid not null,
    namespace text not null,
    name text not null,
    room text not null,
    payload jsonb not null,
    -- Business time, as the event's.
    at timestamptz not null,
    -- The database's clock: moving a market's must not forget what was said a minute ago.
    written timestamptz not null default clock_timestamp(),
    primary key (txid, seq)
);

comment on table said is 'What is said live: every process reads it for its sockets, and clients that were away catch up from it.';

create index said_in_rooms on said (room, txid, seq);

create table said_dropped (
    only_row boolean primary key default true check (only_row),
    txid xid8 not null default '0'
);

comment on table said_dropped is 'The latest transaction of which something was dropped: who has not read it yet has missed something.';

insert into said_dropped default values;

-- These stand in functions, because a plan is kept for as long as a connection lives: one made while the table was empty would
-- read all of it. Their settings leave only the indexes. What is new consists of two stretches: transactions that began after
-- the last look, and those that were open then; so a transaction that stays open for an hour costs nobody more than one look-up.

-- What ended after `since` and before `till`, in order, from behind a row that was handed out already.
create function said_between(since pg_snapshot, till pg_snapshot, after_txid xid8, after_seq bigint, most integer) returns setof said
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    return query
    (
        select s.* from said s
        where s.txid >= pg_snapshot_xmax(since) and s.txid < pg_snapshot_xmax(till) and (s.txid, s.seq) > (after_txid, after_seq)
            and pg_visible_in_snapshot(s.txid, till)
        order by s.txid, s.seq limit most
    )
    union all
    (
        select late.* from pg_snapshot_xip(since) was_open cross join lateral (
            select s.* from said s
            where s.txid = was_open and (s.txid, s.seq) > (after_txid, after_seq) and pg_visible_in_snapshot(s.txid, till)
            order by s.txid, s.seq limit most
        ) late
        order by late.txid, late.seq limit most
    )
    order by 1, 2 limit most;
end
$$;

-- The same of some rooms, in some namespaces.
create function said_in(
    rooms text[], namespaces text[], since pg_snapshot, till pg_snapshot, after_txid xid8, after_seq bigint, most integer
) returns setof said
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    return query
    select found.* from unnest(rooms) wanted cross join lateral (
        (
            select s.* from said s
            where s.room = wanted and s.txid >= pg_snapshot_xmax(since) and s.txid < pg_snapshot_xmax(till)
                and (s.txid, s.seq) > (after_txid, after_seq) and s.namespace = any (namespaces) and pg_visible_in_snapshot(s.txid, till)
            order by s.txid, s.seq limit most
        )
        union all
        (
            select late.* from pg_snapshot_xip(since) was_open cross join lateral (
                select s.* from said s
                where s.room = wanted and s.txid = was_open and (s.txid, s.seq) > (after_txid, after_seq)
                    and s.namespace = any (namespaces) and pg_visible_in_snapshot(s.txid, till)
                order by s.txid, s.seq limit most
            ) late
            order by late.txid, late.seq limit most
        )
    ) found
    order by found.txid, found.seq limit most;
end
$$;

-- Drops the oldest that are older than so many seconds, not more than `most`, and says how many that were.
create function drop_said(seconds double precision, most integer) returns integer
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    latest xid8;
    dropped integer;
begin
    with oldest as materialized (select s.txid, s.seq, s.written from said s order by s.txid, s.seq limit most),
    gone as (
        delete from said s using oldest o
        where s.txid = o.txid and s.seq = o.seq and o.written < clock_timestamp() - make_interval(secs => seconds)
        returning s.txid
    )
    select count(*), (select g.txid from gone g order by g.txid desc limit 1) into dropped, latest from gone;
    update said_dropped set txid = latest where txid < latest;
    return dropped;
end
$$;

-- Who is connected where. Unlogged: after a crash of the server every process says it again.
create unlogged table presence_processes (
    process uuid primary key,
    -- The database's own clock. One that has run out is swept by any other process.
    leased_until timestamptz not null
);

comment on table presence_processes is 'Processes that hold live connections, for as long as they say so.';

create unlogged table presence (
    person uuid not null,
    process uuid not null references presence_processes on delete cascade,
    since timestamptz not null default clock_timestamp(),
    primary key (person, process)
);

comment on table presence is 'Who is connected, by process.';

create index presence_by_process on presence (process);

-- Notes who came to a process and who left it, sweeps processes that are gone, and answers who is now here or gone altogether.
-- Written in plpgsql because each of its statements sees what was committed before it: they come after the lock, so of two
-- processes that a person leaves at once, the second knows that nothing is left.
create function presence_changed(mine uuid, came uuid[], gone uuid[]) returns table (who uuid, is_here boolean)
language plpgsql as $$
declare
    dead uuid[];
    touched uuid[];
    before uuid[];
begin
    -- Advisory locks are shared by all schemas of a database, so the schema is part of the name.
    perform pg_advisory_xact_lock(hashtextextended(current_schema() || ' presence', 0));
    dead := array(select p.process from presence_processes p where p.leased_until < clock_timestamp() and p.process <> mine);
    touched := came || gone || array(select p.person from presence p where p.process = any (dead));
    before := array(select distinct p.person from presence p where p.person = any (touched));
    delete from presence_processes p where p.process = any (dead);
    delete from presence p where p.process = mine and p.person = any (gone);
    insert into presence (person, process) select distinct each, mine from unnest(came) each on conflict do nothing;
    return query
    select each, not each = any (before) from (select distinct unnest(touched) as each) changed
    where (each = any (before)) <> exists (select from presence p where p.person = each);
end
$$;
