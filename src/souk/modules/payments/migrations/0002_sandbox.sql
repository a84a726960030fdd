-- The books of the sandbox, a bank of one's own. Nothing here is the market's: it asks the bank as it would ask any other.

create table sandbox_objects (
    kind text not null,
    id text not null,
    -- Whose books it stands in: the platform's (empty) or a connected account's.
    account text not null,
    -- Two processes that change one object at once: the second finds another version and begins again.
    version integer not null,
    created_at timestamptz not null,
    -- When the bank looks at it again by itself.
    due_at timestamptz,
    content jsonb not null,
    primary key (kind, id)
);

comment on table sandbox_objects is 'What the sandbox knows, as Stripe would show it: payment intents, charges, refunds, payouts and so on.';

create index sandbox_objects_by_time on sandbox_objects (kind, account, created_at desc, id desc);
create index sandbox_objects_due on sandbox_objects (due_at) where due_at is not null;
-- Lists are asked for by a field: the methods of a customer, the refunds of a payment.
create index sandbox_objects_by_content on sandbox_objects using gin (content jsonb_path_ops);

create table sandbox_keys (
    key text primary key,
    -- Which call it was used for, and with which parameters: a digest.
    asked text not null,
    refused boolean not null,
    answer text not null,
    at timestamptz not null
);

comment on table sandbox_keys is 'What calls with an idempotency key were answered. Kept for a day.';

create index sandbox_keys_by_time on sandbox_keys (at);

create table sandbox_events (
    id text primary key,
    -- One event may be on its way twice.
    event text not null,
    raw text not null,
    due_at timestamptz not null,
    created_at timestamptz not null,
    attempts integer not null default 0
);

comment on table sandbox_events is 'Events on their way to the market. What arrived, or was given up, is gone from here.';

create index sandbox_events_due on sandbox_events (due_at, id);
