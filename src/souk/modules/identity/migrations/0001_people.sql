create type person_status as enum ('active', 'suspended', 'erased');

create table people (
    id uuid primary key,
    -- As its owner writes it; `email_key` is what two spellings of one address have in common.
    email text check (length(email) <= 254),
    email_key text unique,
    -- E.164, so that one number has one spelling.
    phone text unique check (phone ~ '^\+[1-9][0-9]{6,14}$'),
    email_verified_at timestamptz,
    phone_verified_at timestamptz,
    first_name text not null,
    last_name text not null,
    roles text[] not null,
    status person_status not null default 'active',
    suspended_for text,
    -- Null for whoever only signs in by code, and for the erased.
    password_hash text,
    language text not null,
    timezone text not null,
    -- Sealed: whoever reads the table cannot make codes of it.
    second_factor bytea,
    second_factor_since timestamptz,
    -- The last time step whose code was used, so that none works twice.
    second_factor_step bigint not null default 0,
    created_at timestamptz not null,
    last_login_at timestamptz,
    check ((email is null) = (email_key is null)),
    -- Who is not erased can be reached somehow.
    check (status = 'erased' or email is not null or phone is not null),
    -- Nothing that names a person outlives their erasure.
    check (status <> 'erased' or (coalesce(email, phone, password_hash) is null and second_factor is null))
);

comment on table people is 'Everybody who signed up, under the market''s roles. The erased keep their row, without a name, for what refers to it.';

create index people_by_time on people (created_at desc, id desc);
create index people_by_role on people using gin (roles);
-- Those who are not active are few, and looked for.
create index people_not_active on people (status, created_at desc, id desc) where status <> 'active';
-- What staff search by: how an address or a name begins.
create index people_by_email on people (email_key text_pattern_ops);
create index people_by_first_name on people (lower(first_name) text_pattern_ops);
create index people_by_last_name on people (lower(last_name) text_pattern_ops);

create table devices (
    id uuid primary key,
    person_id uuid not null references people,
    -- A keyed digest of network and browser: the same device is known again, nothing is told of either.
    fingerprint bytea not null,
    agent text not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    unique (person_id, fingerprint)
);

comment on table devices is 'Where each person signs in from. A new one is told to its owner.';

create index devices_by_fingerprint on devices (fingerprint);

create table shared_devices (
    fingerprint bytea primary key,
    noticed_at timestamptz not null
);

comment on table shared_devices is 'Devices that staff were told of because many people use them: told once each.';

create table sessions (
    id uuid primary key,
    person_id uuid not null references people,
    device_id uuid not null references devices,
    address text not null,
    agent text not null,
    -- SHA-256 of the refresh token that is good now. The tokens themselves stand nowhere.
    refresh_hash bytea not null unique,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    -- However often it is refreshed, a session ends here.
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_why text,
    check ((ended_at is null) = (ended_why is null))
);

comment on table sessions is 'Each sign-in, with the refresh token that continues it.';

create index sessions_by_person on sessions (person_id) where ended_at is null;
create index sessions_by_expiry on sessions (expires_at);

-- Refresh tokens that were exchanged. One that comes again, but for a lost reply, was stolen.
create table spent_refresh_tokens (
    refresh_hash bytea primary key,
    session_id uuid not null references sessions on delete cascade,
    spent_at timestamptz not null
);

comment on table spent_refresh_tokens is 'Refresh tokens that have been used. Dropped with their session.';

create index spent_refresh_tokens_by_session on spent_refresh_tokens (session_id);

create type proof_kind as enum ('verify_email', 'change_email', 'reset_password', 'phone_code');

create table proofs (
    id uuid primary key,
    kind proof_kind not null,
    person_id uuid not null references people,
    -- The address or number that is proven: a link sent to an earlier one proves nothing of today's.
    target text not null,
    -- SHA-256 of a link's token, or a keyed digest of a code.
    hash bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    attempts smallint not null default 0,
    used_at timestamptz
);

comment on table proofs is 'Links and codes that were sent to prove an address, a number or the right to a new password.';

create unique index proofs_by_hash on proofs (hash) where kind <> 'phone_code';
-- Only the latest of a kind counts.
create unique index proofs_open on proofs (person_id, kind) where used_at is null;
-- A code is tried with nothing but the number it was sent to.
create index proofs_by_number on proofs (target) where kind = 'phone_code' and used_at is null;
create index proofs_by_expiry on proofs (expires_at);

create table recovery_codes (
    person_id uuid not null references people,
    hash bytea not null,
    used_at timestamptz,
    primary key (person_id, hash)
);

comment on table recovery_codes is 'What lets a person in who has lost the second factor. Each works once.';

create table api_keys (
    id uuid primary key,
    person_id uuid not null references people,
    name text not null,
    -- What its owner sees of it, to tell it from others.
    hint text not null,
    hash bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz
);

comment on table api_keys is 'Keys by which programs act for a person, within scopes.';

create index api_keys_by_person on api_keys (person_id);
