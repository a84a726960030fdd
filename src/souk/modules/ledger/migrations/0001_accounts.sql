-- One double-entry ledger for everything that has an amount: currencies, credits, tokens. Amounts are whole minor units.
--
-- `ledger_post` is the only way in. The runtime role may read these tables and call it; it may not write them. So no code of a market
-- can unbalance a journal, take what is not there, or change what happened, whatever it does wrong.

create table assets (
    code text primary key check (code ~ '^[A-Z][A-Z0-9-]{1,15}$'),
    exponent smallint not null check (exponent between 0 and 18)
);

comment on table assets is 'What is counted: how many decimals people write never changes once something was counted.';

create type account_owner as enum ('person', 'platform', 'provider', 'external');

create table accounts (
    -- Made from owner, purpose and asset (UUID v5), so that whoever knows the name knows the id.
    id uuid primary key,
    owner account_owner not null,
    owner_id uuid,
    purpose text not null check (length(purpose) between 1 and 60),
    asset text not null references assets,
    -- Accounts that many movements touch at once (fees, clearing). They gate nothing: their changes are appended and folded in later.
    hot boolean not null default false,
    below_zero boolean not null default false,
    -- What it holds are grants that expire one by one.
    in_lots boolean not null default false,
    posted bigint not null default 0,
    held bigint not null default 0 check (held >= 0),
    created_at timestamptz not null default clock_timestamp(),
    constraint one_account_of_a_name unique nulls not distinct (owner, owner_id, purpose, asset),
    constraint nothing_below_floor check (below_zero or posted >= held),
    constraint hot_accounts_gate_nothing check (not hot or (below_zero and not in_lots and held = 0)),
    constraint lots_are_never_owed check (not in_lots or not below_zero)
) with (fillfactor = 70);

comment on table accounts is 'total = posted, on hold = held, available = posted - held. Of a hot account the rest stands in hot_changes.';

create index accounts_of_owner on accounts (owner_id) where owner_id is not null;

create table journals (
    id uuid primary key,
    -- Unique for ever: what was done once is never done again, it is answered again.
    key text not null check (length(key) between 1 and 200),
    digest bytea not null check (length(digest) = 32),
    kind text not null check (length(kind) between 1 and 60),
    -- What it was about: an order, a payment, a payout.
    reference_id uuid,
    -- Null for the clock, a provider, the house.
    actor_id uuid,
    reverses uuid references journals,
    detail jsonb,
    -- Business time; `created_at` is the machine's.
    at timestamptz not null,
    created_at timestamptz not null default clock_timestamp(),
    constraint journals_key_reused unique (key)
);

comment on table journals is 'Why something moved. Never changed: a correction is a journal that points to the one it reverses.';

create index journals_of_reference on journals (reference_id, at) where reference_id is not null;
create index journals_reversing on journals (reverses) where reverses is not null;

create table entries (
    -- Ascending within an account, since they are given under its lock: the order in which its balance came about. (Not of hot ones.)
    position bigint generated always as identity,
    journal_id uuid not null references journals,
    -- No foreign key: its locks would queue up on the row of a hot account. A law looks after it.
    account_id uuid not null,
    amount bigint not null check (amount <> 0),
    -- The total afterwards. Null for hot accounts, which do not wait to know it.
    balance bigint,
    primary key (account_id, position),
    constraint one_entry_for_each_account unique (journal_id, account_id)
);

comment on table entries is 'What moved: positive into the account, negative out of it. Of every journal and asset they add up to nothing.';

create table hot_changes (
    position bigint generated always as identity primary key,
    account_id uuid not null,
    amount bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

comment on table hot_changes is 'What hot accounts have not been told yet.';

create index hot_changes_of_account on hot_changes (account_id);

create type hold_state as enum ('open', 'captured', 'voided', 'expired');

create table holds (
    id uuid primary key,
    account_id uuid not null,
    amount bigint not null check (amount > 0),
    state hold_state not null default 'open',
    -- The rest went back: captured + released = amount.
    captured bigint,
    expires_at timestamptz,
    journal_id uuid not null references journals,
    resolved_by uuid references journals,
    constraint resolved_once check ((state = 'open') = (resolved_by is null) and (state = 'open') = (captured is null)),
    constraint captured_within check (captured between 0 and amount and (state = 'captured') = (captured > 0))
) with (fillfactor = 80);

comment on table holds is 'Part of an account that is spoken for. Each ends once: captured whole or in part, voided, or expired.';

create index holds_open on holds (account_id) where state = 'open';
create index holds_expiring on holds (expires_at) where state = 'open' and expires_at is not null;
create index holds_of_journal on holds (journal_id);
create index holds_resolved_by on holds (resolved_by) where resolved_by is not null;

create table lots (
    id uuid primary key,
    account_id uuid not null,
    amount bigint not null check (amount > 0),
    remaining bigint not null,
    held bigint not null default 0 check (held >= 0),
    expires_at timestamptz,
    journal_id uuid not null references journals,
    constraint lots_never_below_zero check (remaining between held and amount)
) with (fillfactor = 80);

comment on table lots is 'A grant of credits. Spending draws those that expire first; what comes back goes where it came from.';

create index lots_to_draw on lots (account_id, expires_at, id) where remaining > 0;
create index lots_expiring on lots (expires_at) where remaining > held and expires_at is not null;
create index lots_of_journal on lots (journal_id);

-- What each journal took from a lot (negative) or gave (back) to it.
create table lot_changes (
    journal_id uuid not null references journals,
    lot_id uuid not null references lots,
    amount bigint not null check (amount <> 0),
    primary key (journal_id, lot_id)
);

create index lot_changes_of_lot on lot_changes (lot_id);

create table held_lots (
    hold_id uuid not null references holds,
    lot_id uuid not null references lots,
    amount bigint not null check (amount > 0),
    primary key (hold_id, lot_id)
);

comment on table held_lots is 'From which lots a hold reserved its credits.';

create index held_lots_of_lot on held_lots (lot_id);

-- Read by all, written by `ledger_post` and `ledger_fold` alone.
do $$
declare
    runtime text := current_setting('souk.runtime_role');
    each text;
begin
    foreach each in array array['assets', 'accounts', 'journals', 'entries', 'hot_changes', 'holds', 'lots', 'lot_changes', 'held_lots'] loop
        execute format('revoke insert, update, delete, truncate on %I from %I', each, runtime);
    end loop;
end $$;

select append_only('journals');
select append_only('entries');
