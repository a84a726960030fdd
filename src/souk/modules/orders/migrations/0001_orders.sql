-- Orders of every process that has no table of its own: where each stands, and what its market knows of it.
create table orders (
    id uuid primary key,
    process text not null,
    version smallint not null check (version > 0),
    state text not null,
    revision integer not null check (revision > 0),
    -- The revision at which it came into this state: what was armed at an earlier one is stale.
    entered integer not null check (entered between 1 and revision),
    -- The fields of the process's own type, by their names outside.
    content jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

comment on table orders is 'Orders: where each stands in its process, and what is known of it.';

-- For boards and reports. Ids are ordered by time.
create index orders_by_state on orders (process, state, id desc);

-- Who is in which order: a person's list is one look at an index, however many orders there are.
create table order_parties (
    person_id uuid not null,
    process text not null,
    order_id uuid not null references orders on delete cascade,
    primary key (person_id, process, order_id)
);

comment on table order_parties is 'Who has a part in which order. Nobody else is told that it exists.';

create index order_parties_of_order on order_parties (order_id);

create type escrow as enum ('nothing', 'reserved', 'held', 'settled');

-- An order's money as the process sees it. The money itself is in the ledger; here stands where.
create table order_money (
    order_id uuid primary key,
    process text not null,
    escrow escrow not null,
    asset text not null,
    payer_id uuid not null,
    amount bigint not null check (amount >= 0),
    -- What the platform keeps of it when it is released: as it was agreed, whatever rates are now.
    fee bigint not null default 0 check (fee between 0 and amount),
    -- Held in the payer's wallet by the process, or by a payment; an amount of nothing is held by neither.
    hold_id uuid,
    payment_id uuid,
    constraint held_somewhere check (escrow <> 'held' or amount = 0 or num_nonnulls(hold_id, payment_id) = 1)
);

comment on table order_money is 'How the money of an order stands, and where it is.';

create unique index order_money_of_payment on order_money (payment_id) where payment_id is not null;

-- What happened to an order, step by step. Written once, never changed.
create table order_steps (
    order_id uuid not null,
    revision integer not null,
    process text not null,
    step text not null,
    -- As what they took it: client, worker, clock, payments …; and who it was, if it was a person.
    actor text not null,
    person_id uuid,
    source text not null,
    target text not null,
    params jsonb,
    -- What moved: amounts by verb, and the journal.
    money jsonb,
    at timestamptz not null,
    primary key (order_id, revision)
);

select append_only('order_steps');

comment on table order_steps is 'The history of orders: who took which step, when, with what, and what it moved.';

-- What one of several has agreed to, until the others do. It counts while the order is in the state in which it was said.
create table order_consents (
    order_id uuid not null,
    step text not null,
    actor text not null,
    person_id uuid not null,
    entered integer not null,
    params jsonb,
    at timestamptz not null,
    primary key (order_id, step, actor)
);

comment on table order_consents is 'Steps that take the agreement of several: who has agreed, and to what.';

-- An order as its market's own type reads it.
create function order_whole(o orders) returns jsonb language sql stable return
    o.content || jsonb_build_object('id', o.id, 'state', o.state, 'revision', o.revision, 'version', o.version,
        'createdAt', o.created_at, 'updatedAt', o.updated_at);

-- What is written down with every step: its history, how the money stands, who has a part in the order; and what the ledger moves.
create function order_noted(
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
        on conflict on constraint order_money_pkey do update set escrow = excluded.escrow, amount = excluded.amount, fee = excluded.fee,
            hold_id = excluded.hold_id, payment_id = excluded.payment_id;
    end if;
    if parties is not null then
        insert into order_parties (person_id, process, order_id)
        select each, order_noted.process, order_noted.order_id from unnest(parties) each on conflict do nothing;
    end if;
    if movement is not null then
        perform ledger_post(movement, false);
    end if;
    return revision;
end $$;

comment on function order_noted is 'Called by the two functions that begin and move an order, and by nothing else.';

create function order_begun(
    id uuid, process text, version integer, state text, content jsonb, at timestamptz,
    step text, actor text, person_id uuid, source text, params jsonb, moved jsonb, purse jsonb, parties uuid[], movement jsonb) returns integer
language plpgsql as $$
begin
    insert into orders (id, process, version, state, revision, entered, content, created_at, updated_at)
    values (id, process, version, state, 1, 1, content, at, at);
    return order_noted(id, process, state, 1, at, step, actor, person_id, source, params, moved, purse, parties, movement);
end $$;

comment on function order_begun is 'An order begins.';

create function order_moved(
    id uuid, expected integer, state text, is_entry boolean, content jsonb, at timestamptz,
    step text, actor text, person_id uuid, source text, params jsonb, moved jsonb, purse jsonb, parties uuid[], movement jsonb) returns integer
language plpgsql as $$
declare
    process text;
begin
    update orders o set state = order_moved.state, revision = o.revision + 1,
        entered = case when is_entry then o.revision + 1 else o.entered end,
        content = case when order_moved.content is null then o.content else o.content || order_moved.content end, updated_at = at
    where o.id = order_moved.id and o.revision = expected returning o.process into process;
    if not found then
        raise exception 'the order has moved on' using errcode = 'serialization_failure';
    end if;
    return order_noted(id, process, state, expected + 1, at, step, actor, person_id, source, params, moved, purse, parties, movement);
end $$;

comment on function order_moved is 'An order takes a step, unless somebody else was faster.';

-- An order goes on by another version of its process. It enters its state anew: what the old one had armed or agreed is stale.
create function order_migrated(
    id uuid, expected integer, version integer, source text, state text, at timestamptz, params jsonb, parties uuid[]) returns integer
language plpgsql as $$
declare
    process text;
begin
    update orders o set version = order_migrated.version, state = order_migrated.state, revision = o.revision + 1, entered = o.revision + 1,
        updated_at = at
    where o.id = order_migrated.id and o.revision = expected returning o.process into process;
    if not found then
        raise exception 'the order has moved on' using errcode = 'serialization_failure';
    end if;
    return order_noted(id, process, state, expected + 1, at, 'migrated', 'platform', null, source, params, null, null, parties, null);
end $$;

comment on function order_migrated is 'An order goes over to another version of its process.';
