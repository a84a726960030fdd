-- Who did what to which thing, when. Only ids and words of the program stand here, so a row can stay for ever; what names or shows
-- a person stands in `audit_details`, which can be erased, and only its digests stand here.
create table audit_entries (
    id uuid primary key,
    at timestamptz not null,
    action text not null check (length(action) between 1 and 100),
    entity text not null check (length(entity) between 1 and 100),
    entity_id uuid,
    -- Null for what nobody did: the clock, a provider, somebody who is not signed in.
    person_id uuid,
    -- Whose data the change holds; it is erased with them.
    subject_id uuid,
    request_id text not null check (length(request_id) <= 100),
    -- SHA-256 over salt and content of the details; null where there are none.
    change_digest bytea check (length(change_digest) = 32),
    circumstances_digest bytea check (length(circumstances_digest) = 32)
);

comment on table audit_entries is 'Every privileged or money action. Sealed into a chain by `audit_seals`.';

create index audit_entries_by_time on audit_entries (at desc, id desc);
create index audit_entries_of_person on audit_entries (person_id, at desc, id desc);
create index audit_entries_of_subject on audit_entries (subject_id) where subject_id is not null;
-- An id is of one thing only, so this serves `entityId` with and without `entity`.
create index audit_entries_of_entity on audit_entries (entity_id, at desc, id desc);
create index audit_entries_of_kind on audit_entries (entity, at desc, id desc);
create index audit_entries_of_action on audit_entries (action, at desc, id desc);

select append_only('audit_entries');

create type audit_part as enum ('change', 'circumstances');

create table audit_details (
    entry_id uuid not null references audit_entries,
    part audit_part not null,
    -- Without it a short content, such as an address, could be guessed from its digest after it was erased.
    salt bytea not null check (length(salt) = 16),
    -- `json` keeps the text as it was digested; `jsonb` would not.
    content json not null,
    primary key (entry_id, part)
);

comment on table audit_details is 'What an entry says of people: before and after, or address and agent. Removed when they are erased, never changed.';

do $$
begin
    execute format('revoke update, truncate on audit_details from %I', current_setting('souk.runtime_role'));
end
$$;

create trigger never_changed before update or truncate on audit_details for each statement execute function refuse_change();

create table audit_erasures (
    entry_id uuid not null references audit_entries,
    part audit_part not null,
    -- The entry that says whom it was erased for. It is added after this row, since it holds the digest of all of them.
    erasure_id uuid not null references audit_entries deferrable initially deferred,
    primary key (entry_id, part)
);

comment on table audit_erasures is 'Which details were erased, and by which erasure. Details that are gone without a row here were removed by somebody.';

create index audit_erasures_of_erasure on audit_erasures (erasure_id, entry_id, part);

select append_only('audit_erasures');

create table audit_seals (
    position bigint primary key check (position > 0),
    entry_id uuid not null unique references audit_entries,
    -- HMAC-SHA256 over the hash before and the entry, under a key that the database does not have.
    hash bytea not null check (length(hash) = 32),
    key_id text not null
);

comment on table audit_seals is 'The chain: each entry''s place, and what proves that it and all before it are as they were.';

select append_only('audit_seals');

-- Entries that have no seal yet. Those of a transaction that is still open must not be passed over, so it says which one wrote them.
create table audit_unsealed (
    entry_id uuid primary key references audit_entries,
    txid xid8 not null default pg_current_xact_id()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

comment on table audit_unsealed is 'What waits for its seal.';

create index audit_unsealed_by_txid on audit_unsealed (txid, entry_id);
