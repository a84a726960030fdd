-- How credits are drawn, reserved, given back: what `ledger_post` does where an account is kept in lots.

-- Which lots a movement draws on, reserves, fills. The accounts are locked, so their lots are ours.
create function ledger_lots(journal uuid, movement jsonb, legs ledger_leg[]) returns void language plpgsql as $$
declare
    now timestamptz := (movement->>'at')::timestamptz;
    made integer;
    each record;
begin
    insert into lots (id, account_id, amount, remaining, expires_at, journal_id)
    select (g->>0)::uuid, (g->>1)::uuid, (g->>2)::bigint, (g->>2)::bigint, (g->>3)::timestamptz, journal
    from jsonb_array_elements(movement->'grants') g
    where (select in_lots from accounts where id = (g->>1)::uuid and id = any (array(select account from unnest(legs))));
    get diagnostics made = row_count;
    if made < coalesce(jsonb_array_length(movement->'grants'), 0) then
        raise check_violation using constraint = 'lot_unknown', message = 'credits are granted to the accounts that keep them, as they come in';
    end if;
    insert into lot_changes (journal_id, lot_id, amount)
    select journal, (g->>0)::uuid, (g->>2)::bigint from jsonb_array_elements(movement->'grants') g;

    for each in select (r->>0)::uuid as hold, case r->>2 when 'captured' then (r->>1)::bigint else 0 end as captured
        from jsonb_array_elements(movement->'resolves') r loop
        perform ledger_end_held_lots(journal, each.hold, each.captured);
    end loop;
    for each in select (h->>0)::uuid as hold, (h->>1)::uuid as account, (h->>2)::bigint as amount
        from jsonb_array_elements(movement->'holds') h where (select in_lots from accounts where id = (h->>1)::uuid) loop
        perform ledger_hold_lots(each.hold, each.account, each.amount, now, legs);
    end loop;
    -- What neither grants nor ended holds explain is drawn, or comes back.
    for each in
        select leg.account, (leg.amount - coalesce((
            select sum(c.amount) from lot_changes c
            where c.journal_id = journal and (select account_id from lots where id = c.lot_id) = leg.account), 0))::bigint as amount
        from unnest(legs) leg where (select in_lots from accounts where id = leg.account) loop
        if each.amount < 0 then
            -- A grant that is taken back is taken from its own lot.
            perform ledger_draw_lots(journal, each.account, -each.amount, now, coalesce((movement->>'lot')::uuid,
                (select id from lots where journal_id = (movement->>'reverses')::uuid and account_id = each.account)), legs);
        elsif each.amount > 0 then
            perform ledger_refill_lots(journal, each.account, each.amount, (movement->>'reverses')::uuid);
        end if;
    end loop;
end $$;

-- How much to take of each lot, those first that expire first. A named lot is drawn alone, expired or not.
create function ledger_pick_lots(account uuid, wanted bigint, now timestamptz, named uuid) returns table (lot uuid, taken bigint)
language sql as $$
    select id, least(free, wanted - before)::bigint from (
        select id, remaining - held as free,
            coalesce(sum(remaining - held) over (order by expires_at nulls last, id rows between unbounded preceding and 1 preceding), 0) as before
        from lots where account_id = account and remaining > 0 and remaining > held
            and case when named is null then coalesce(expires_at, 'infinity') > now else id = named end) able
    where before < wanted
$$;

create function ledger_hold_lots(hold uuid, account uuid, wanted bigint, now timestamptz, legs ledger_leg[]) returns void
language plpgsql as $$
declare
    found_so_much bigint;
begin
    with picked as (select * from ledger_pick_lots(account, wanted, now, null)),
    reserved as (
        update lots set held = held + (select taken from picked where picked.lot = lots.id) where id = any (array(select lot from picked))),
    noted as (insert into held_lots (hold_id, lot_id, amount) select hold, picked.lot, taken from picked)
    select coalesce(sum(taken), 0) into found_so_much from picked;
    if found_so_much < wanted then
        perform ledger_refuse(account, legs, found_so_much);
    end if;
end $$;

create function ledger_draw_lots(journal uuid, account uuid, wanted bigint, now timestamptz, named uuid, legs ledger_leg[]) returns void
language plpgsql as $$
declare
    found_so_much bigint;
begin
    with picked as (select * from ledger_pick_lots(account, wanted, now, named)),
    drawn as (
        update lots set remaining = remaining - (select taken from picked where picked.lot = lots.id)
        where id = any (array(select lot from picked))),
    noted as (
        insert into lot_changes (journal_id, lot_id, amount) select journal, picked.lot, -taken from picked
        on conflict (journal_id, lot_id) do update set amount = lot_changes.amount + excluded.amount)
    select coalesce(sum(taken), 0) into found_so_much from picked;
    if found_so_much < wanted then
        perform ledger_refuse(account, legs, found_so_much);
    end if;
end $$;

-- The end of a hold: so much of what it reserved is spent, from the lots that expire first; null is all of it.
create function ledger_end_held_lots(journal uuid, hold uuid, captured bigint) returns void language plpgsql as $$
begin
    with parts as (
        select h.lot_id, h.amount, least(h.amount, greatest(0, coalesce(captured, 9223372036854775807) - coalesce(
            sum(h.amount) over (order by l.expires_at nulls last, l.id rows between unbounded preceding and 1 preceding), 0)))::bigint as spent
        from held_lots h, lateral (select id, expires_at from lots where id = h.lot_id offset 0) l where h.hold_id = hold
    ), ended as (
        update lots set (held, remaining) = (select held - parts.amount, remaining - spent from parts where lot_id = lots.id)
        where id = any (array(select lot_id from parts))
    )
    insert into lot_changes (journal_id, lot_id, amount) select journal, lot_id, -spent from parts where spent > 0
    on conflict (journal_id, lot_id) do update set amount = lot_changes.amount + excluded.amount;
end $$;

-- Back to the lots it came from, to the longest-lived first. Without a journal that is reversed there are none.
create function ledger_refill_lots(journal uuid, account uuid, returned bigint, original uuid) returns void
language plpgsql as $$
declare
    found_so_much bigint;
    reversals uuid[] := array(select id from journals where reverses = original);
begin
    with gone as (
        select c.lot_id, l.expires_at, -c.amount - coalesce((
            select sum(b.amount) from lot_changes b where b.lot_id = c.lot_id and b.journal_id = any (reversals)), 0) as owed
        from lot_changes c, lateral (select expires_at from lots where id = c.lot_id and account_id = account offset 0) l
        where c.journal_id = original and c.amount < 0
    ), parts as (
        select lot_id, least(owed, returned - before)::bigint as given from (
            select lot_id, owed,
                coalesce(sum(owed) over (order by expires_at desc nulls first, lot_id desc rows between unbounded preceding and 1 preceding), 0) as before
            from gone where owed > 0) able
        where before < returned
    ), refilled as (
        update lots set remaining = remaining + (select given from parts where lot_id = lots.id) where id = any (array(select lot_id from parts))
    ), noted as (
        insert into lot_changes (journal_id, lot_id, amount) select journal, lot_id, given from parts
    )
    select coalesce(sum(given), 0) into found_so_much from parts;
    if found_so_much < returned then
        raise check_violation using constraint = 'lot_unknown', message = 'credits come in as a grant, or back to the lots they came from';
    end if;
end $$;
