-- The schema itself refuses an unbalanced journal, whoever writes it.

create function entries_balance() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select journal_id, amount, (select asset from accounts where id = account_id) as asset from added) each
        group by journal_id, asset having sum(amount) <> 0
    ) then
        raise check_violation using constraint = 'entries_balance', message = 'the entries of a journal do not add up to nothing';
    end if;
    return null;
end $$;

create trigger entries_balance after insert on entries referencing new table as added for each statement execute function entries_balance();

create type ledger_leg as (account uuid, amount bigint, held bigint);

-- One movement, whole or not at all: {id, key, digest, kind, reference, actor, at, reverses, detail, legs: [[account, amount]],
-- holds: [[id, account, amount, expires_at]], resolves: [[hold, captured or null for all of it, state]],
-- grants: [[lot, account, amount, expires_at]], lot, accounts: [{id, owner, …}] to open where they are missing}.
--
-- A key that was used answers its journal again, with `replayed`; where that must not be mistaken for news, because messages ride
-- on the same statement, `first_only` fails it instead, and they with it.
--
-- Every lock is taken in the order of ids, after the key: two movements cannot wait for each other. Plans are fixed, because planning
-- anew costs three times what doing it does. They may be made when the tables are empty and all ways through them look alike; so every
-- lookup is written to have one way only: by an array of ids, a lateral or a scalar subquery, never by a join that could be turned round.
create function ledger_post(movement jsonb, first_only boolean, out journal uuid, out replayed boolean) language plpgsql security definer
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    legs ledger_leg[];
    ids uuid[];
    known integer;
    lotted boolean;
    short uuid;
    same boolean;
begin
    insert into journals (id, key, digest, kind, reference_id, actor_id, reverses, detail, at)
    values ((movement->>'id')::uuid, movement->>'key', decode(movement->>'digest', 'hex'), movement->>'kind', (movement->>'reference')::uuid,
        (movement->>'actor')::uuid, (movement->>'reverses')::uuid, movement->'detail', (movement->>'at')::timestamptz)
    on conflict (key) do nothing returning id into journal;
    replayed := journal is null;
    if replayed then
        select id, digest = decode(movement->>'digest', 'hex') into journal, same from journals where key = movement->>'key';
        if not same then
            raise unique_violation using constraint = 'journals_key_reused', message = 'the key was used for another movement';
        elsif first_only then
            raise unique_violation using constraint = 'journals_replayed', message = 'the movement was made before', detail = journal;
        end if;
        return;
    end if;

    legs := ledger_legs(movement);
    ids := array(select account from unnest(legs));
    select count(*) into known from accounts where id = any (ids);
    if known < cardinality(ids) then
        perform ledger_open(movement->'accounts');
    end if;

    select count(*), bool_or(in_lots), (array_agg(id) filter (where not enough))[1] into known, lotted, short from (
        select a.id, a.in_lots, a.below_zero or a.posted - a.held + leg.amount - leg.held >= 0 or leg.amount >= leg.held as enough
        from (select * from accounts where id = any (ids) and not hot order by id::text for no key update) a
        join unnest(legs) leg on leg.account = a.id) cold;
    if short is not null then
        perform ledger_refuse(short, legs);
    end if;
    if movement ? 'resolves' then
        perform ledger_resolve(journal, movement->'resolves', (movement->>'at')::timestamptz);
    end if;

    with changed as (
        update accounts a set posted = a.posted + leg.amount, held = a.held + leg.held
        from unnest(legs) leg where a.id = leg.account and a.id = any (ids) and not a.hot
        returning a.id, leg.amount, a.posted
    ), warm as (
        insert into hot_changes (account_id, amount)
        select a.id, leg.amount from unnest(legs) leg join accounts a on a.id = leg.account and a.id = any (ids) and a.hot
        where leg.amount <> 0 returning account_id, amount
    ), written as (
        insert into entries (journal_id, account_id, amount, balance)
        select journal, id, amount, posted from changed where amount <> 0 union all select journal, account_id, amount, null from warm
    )
    select (select count(*) from changed) + (select count(*) from accounts where id = any (ids) and hot) into known;
    if known < cardinality(ids) then
        raise foreign_key_violation using constraint = 'account_unknown', message = 'a movement names an account that is not there';
    end if;

    if movement ? 'reverses' then
        perform ledger_check_reversal((movement->>'reverses')::uuid);
    end if;
    if movement ? 'holds' then
        if exists (select from accounts where id = any (array(select account from unnest(legs) where held <> 0)) and hot) then
            raise check_violation using constraint = 'hot_accounts_gate_nothing', message = 'nothing can be held on a hot account';
        end if;
        insert into holds (id, account_id, amount, expires_at, journal_id)
        select (h->>0)::uuid, (h->>1)::uuid, (h->>2)::bigint, (h->>3)::timestamptz, journal from jsonb_array_elements(movement->'holds') h;
    end if;
    if lotted or movement ? 'grants' then
        perform ledger_lots(journal, movement, legs);
    end if;
end $$;

-- What changes on each account, those of holds that end included, in the order in which they are locked.
create function ledger_legs(movement jsonb) returns ledger_leg[] language plpgsql stable as $$
begin
    if not movement ?| '{holds,resolves}' then
        if movement ? 'reverses' and not movement ? 'legs' then
            -- All of it back.
            return array(
                select (account_id, -amount, 0)::ledger_leg from entries where journal_id = (movement->>'reverses')::uuid order by account_id);
        end if;
        return array(
            select ((leg->>0)::uuid, sum((leg->>1)::bigint), 0)::ledger_leg
            from jsonb_array_elements(movement->'legs') leg group by (leg->>0)::uuid order by (leg->>0)::uuid);
    end if;
    return array(
        select (account, sum(amount), sum(held))::ledger_leg from (
            select (leg->>0)::uuid as account, (leg->>1)::bigint as amount, 0 as held from jsonb_array_elements(movement->'legs') leg
            union all
            select (h->>1)::uuid, 0, (h->>2)::bigint from jsonb_array_elements(movement->'holds') h
            union all
            select h.account_id, -coalesce((r->>1)::bigint, h.amount), -h.amount
            from jsonb_array_elements(movement->'resolves') r,
                lateral (select account_id, amount from holds where id = (r->>0)::uuid offset 0) h
            union all
            select account_id, -amount, 0 from entries where journal_id = (movement->>'reverses')::uuid and not movement ? 'legs') each
        group by account order by account);
end $$;

-- Accounts that are used for the first time. In the order of ids, as everything.
create function ledger_open(wanted jsonb) returns void language plpgsql as $$
begin
    insert into assets (code, exponent)
    select distinct a->>'asset', (a->>'exponent')::smallint from jsonb_array_elements(wanted) a order by 1 on conflict do nothing;
    if exists (select from jsonb_array_elements(wanted) a join assets on code = a->>'asset' where exponent <> (a->>'exponent')::smallint) then
        raise check_violation using constraint = 'exponents_never_change', message = 'an asset is counted with another number of decimals here';
    end if;
    insert into accounts (id, owner, owner_id, purpose, asset, hot, below_zero, in_lots)
    select id, owner, owner_id, purpose, asset, hot, below_zero, in_lots
    from jsonb_to_recordset(wanted) a(id uuid, owner account_owner, owner_id uuid, purpose text, asset text, hot boolean, below_zero boolean,
        in_lots boolean)
    order by id on conflict do nothing;
end $$;

-- Say how much there is, of what, and how much would have been needed.
create function ledger_refuse(short uuid, legs ledger_leg[], available bigint default null) returns void language plpgsql as $$
declare
    told jsonb;
begin
    select jsonb_build_object('account', a.id, 'asset', a.asset, 'exponent', s.exponent, 'available', coalesce(available, a.posted - a.held),
        'needed', leg.held - leg.amount)
    into told from accounts a join assets s on s.code = a.asset join unnest(legs) leg on leg.account = a.id where a.id = short;
    raise check_violation using constraint = 'nothing_below_floor', message = 'there is not enough on an account', detail = told;
end $$;

-- Of no account more may come back than went out, nor in the same direction. Reversals of one journal wait for each other.
create function ledger_check_reversal(original uuid) returns void language plpgsql as $$
declare
    reversals uuid[];
begin
    perform from journals where id = original for no key update;
    reversals := array(select id from journals where reverses = original);
    if exists (
        with moved as materialized (select account_id, amount from entries where journal_id = original),
        back as materialized (select account_id, amount from entries where journal_id = any (reversals))
        select from back left join moved using (account_id)
        group by account_id, moved.amount
        having moved.amount is null or sum(back.amount) not between least(-moved.amount, 0) and greatest(-moved.amount, 0)
            or bool_or(sign(back.amount) = sign(moved.amount))
    ) then
        raise check_violation using constraint = 'reversed_within', message = 'more would come back than has moved';
    end if;
end $$;

create function ledger_resolve(journal uuid, resolves jsonb, now timestamptz) returns void language plpgsql as $$
declare
    done integer;
begin
    update holds h set state = (r->>2)::hold_state, captured = case r->>2 when 'captured' then coalesce((r->>1)::bigint, h.amount) else 0 end,
        resolved_by = journal
    from jsonb_array_elements(resolves) r
    where h.id = (r->>0)::uuid and h.id = any (array(select (e->>0)::uuid from jsonb_array_elements(resolves) e))
        and h.resolved_by is null and (r->>2 = 'voided' or (coalesce(h.expires_at, 'infinity') <= now) = (r->>2 = 'expired'))
        and (r->>2 = 'captured' or (r->>1)::bigint = 0);  -- what is not captured takes nothing along
    get diagnostics done = row_count;
    if done < jsonb_array_length(resolves) then
        raise check_violation using constraint = 'hold_not_open', message = 'a hold has ended already, or there is none';
    end if;
end $$;

-- Tell hot accounts what was added since; how many changes that were. Two at once take different ones, and lock accounts in one order.
create function ledger_fold(most integer) returns bigint language plpgsql security definer as $$
declare
    folded bigint;
begin
    with gone as (
        delete from hot_changes where position = any (array(
            select position from hot_changes order by position limit most for update skip locked))
        returning account_id, amount
    ), summed as (
        select account_id, sum(amount)::bigint as amount, count(*) as changes from gone group by account_id
    ), locked as materialized (
        select id from accounts where id = any (array(select account_id from summed)) order by id::text for no key update
    ), told as (
        update accounts a set posted = a.posted + summed.amount from summed where a.id = summed.account_id and a.id = any (array(select id from locked))
    )
    select coalesce(sum(changes), 0) into folded from summed;
    return folded;
end $$;

revoke execute on function ledger_post(jsonb, boolean), ledger_fold(integer) from public;

-- They run with their owner's rights, so they must not look for names where others may create some: without `pg_temp` as the last, a
-- temporary table called `entries` would be taken for the books.
do $$
begin
    execute format('alter function ledger_post(jsonb, boolean) set search_path = %I, pg_temp', current_schema());
    execute format('alter function ledger_fold(integer) set search_path = %I, pg_temp', current_schema());
end $$;
