-- What is written down with every step, as in 0001; but money that is paid anew by another asset or person is told as it is, and who has no
-- part in an order any more does not see it: an order that somebody hands back is open to others.
create or replace function order_noted(
    order_id uuid, process text, state text, revision integer, at timestamptz,
    step text, actor text, person_id uuid, source text, params jsonb, moved jsonb, purse jsonb, parties uuid[], movement jsonb) returns integer
language plpgsql as $$
begin
    insert into order_steps (order_id, revision, process, step, actor, person_id, source, target, params, money, at)
    values (order_id, revision, process, step, actor, person_id, source, state, params, moved, at);
    if purse is not null then
        insert into order_money as m (order_id, process, escrow, asset, payer_id, amount, fee, hold_id, payment_id)
        select order_noted.order_id, order_noted.process, p.escrow, p.asset, p.payer_id, p.amount, p.fee, p.hold_id, p.payment_id
        from jsonb_populate_record(null::order_money, purse) p
        on conflict on constraint order_money_pkey do update set escrow = excluded.escrow, asset = excluded.asset,
            payer_id = excluded.payer_id, amount = excluded.amount, fee = excluded.fee, hold_id = excluded.hold_id,
            payment_id = excluded.payment_id;
    end if;
    if parties is not null then
        delete from order_parties p where p.order_id = order_noted.order_id and p.person_id <> all (parties);
        insert into order_parties (person_id, process, order_id)
        select each, order_noted.process, order_noted.order_id from unnest(parties) each on conflict do nothing;
    end if;
    if movement is not null then
        perform ledger_post(movement, false);
    end if;
    return revision;
end $$;
