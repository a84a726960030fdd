-- Payments, refunds, chargebacks and payouts: what was asked of a provider, and what became of it. The money itself stands in the ledger.
--
-- Every call to a provider is written down before it is made (`call`, with a key that follows from the row), so that whoever does not
-- know what became of it makes the same call again.

create type payment_state as enum ('created', 'unknown', 'pending', 'action', 'failed', 'authorised', 'captured', 'canceled');
create type payment_call as enum ('create', 'confirm', 'capture', 'cancel');

create table payments (
    id uuid primary key,
    payer_id uuid not null,
    -- Who earns it in the end, if anybody does.
    payee_id uuid,
    -- 'deposit', 'order', and whatever else a market takes money for.
    kind text not null check (kind ~ '^[a-z][a-z_]{0,39}$'),
    -- What it is for: an order, a booking. A deposit is for nothing but itself.
    reference_id uuid,
    amount bigint not null check (amount > 0),
    -- What the platform keeps of it, as it was agreed.
    fee bigint not null default 0 check (fee between 0 and amount),
    currency text not null check (currency ~ '^[A-Z][A-Z0-9-]{1,15}$'),
    provider text not null,
    provider_id text,
    state payment_state not null default 'created',
    -- Authorised first, and captured on demand.
    manual boolean not null default false,
    -- Held in the payer's wallet once it is captured, until somebody releases it.
    escrow boolean not null default false,
    captured bigint not null default 0,
    -- What was sent back, or is on its way; and what chargebacks took or may take.
    refunded bigint not null default 0 check (refunded >= 0),
    disputed bigint not null default 0 check (disputed >= 0),
    -- The open hold of an escrow, and what it holds. A refund of a part puts a smaller one in its place.
    hold_id uuid,
    held bigint not null default 0 check (held >= 0),
    -- The journals that brought the money in, and that released the escrow.
    captured_by uuid,
    released_by uuid,
    -- What the release gave to the payee and to the platform.
    released bigint not null default 0 check (released >= 0),
    fee_taken bigint not null default 0 check (fee_taken >= 0),
    fee_returned bigint not null default 0,
    -- With it the payer's browser finishes the payment at the provider.
    client_secret text,
    next_url text,
    failure_code text,
    failure text,
    -- Whoever asks twice with one key asked once.
    key text not null unique check (length(key) between 1 and 200),
    -- The call that was begun and has no outcome yet: which, the how many-th, with what, since when.
    call payment_call,
    calls integer not null default 0,
    call_method text,
    call_amount bigint,
    called_at timestamptz,
    -- Counts every change, so that what was read from the provider before a change is not written after it.
    revision integer not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    captured_at timestamptz,
    constraint payments_of_provider unique (provider, provider_id),
    constraint captured_of_amount check (captured between 0 and amount and (captured > 0) = (state = 'captured')),
    constraint captured_by_journal check ((captured_by is null) = (state <> 'captured') and (captured_at is null) = (state <> 'captured')),
    constraint refunded_of_captured check (refunded <= captured),
    constraint fee_of_captured check (fee_taken + released <= captured and fee_returned between 0 and fee_taken),
    constraint held_is_escrow check ((hold_id is null) = (held = 0) and held <= captured and (held = 0 or escrow)),
    constraint calls_are_dated check ((call is null) = (called_at is null))
) with (fillfactor = 80);

comment on table payments is 'Money that people pay in: what was asked for, how far it came, what was sent back.';

-- Ids are ordered by time.
create index payments_of_payer on payments (payer_id, id desc);
create index payments_of_payee on payments (payee_id, id desc) where payee_id is not null;
create index payments_of_reference on payments (reference_id, created_at desc) where reference_id is not null;
-- Calls nobody knows the outcome of: a small part of all, and none for long.
create index payments_called on payments (called_at) where call is not null;
-- What may still be forgotten by a lost webhook: what failed may be tried again in the browser, and what was authorised lapses.
-- Looked after for some days after it was begun; what nobody ever finished must not be in the way of that.
create index payments_unsettled on payments (created_at) where state in ('unknown', 'pending', 'action', 'failed', 'authorised');
create index payments_captured_at on payments (captured_at) where captured_at is not null;

create type refund_state as enum ('created', 'unknown', 'pending', 'succeeded', 'failed');
create type refund_source as enum ('hold', 'payer', 'payee');

create table refunds (
    id uuid primary key,
    payment_id uuid not null references payments,
    amount bigint not null check (amount > 0),
    currency text not null,
    -- What of it the platform gives out of its fee.
    fee_returned bigint not null default 0 check (fee_returned between 0 and amount),
    -- Out of the escrow, the payer's wallet, or that of the payee to whom it was released.
    source refund_source not null,
    -- What the payee's wallet did not have: a debt that is netted from the next payout.
    owed bigint not null default 0 check (owed between 0 and amount),
    state refund_state not null default 'created',
    provider text not null,
    provider_id text,
    reason text check (length(reason) <= 500),
    -- Null where a market's rule asked for it.
    asked_by uuid,
    failure_code text,
    failure text,
    key text not null unique check (length(key) between 1 and 200),
    -- The movements, in their order: what a failure takes back.
    journals uuid[] not null,
    called_at timestamptz,
    revision integer not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint refunds_of_provider unique (provider, provider_id),
    constraint refunds_owed_by_payees check (source = 'payee' or (owed = 0 and fee_returned = 0))
);

comment on table refunds is 'Money on its way back to payers. One that succeeded may still fail: then the money is where it came from.';

create index refunds_of_payment on refunds (payment_id, created_at);
create index refunds_called on refunds (called_at) where called_at is not null;
create index refunds_unsettled on refunds (updated_at) where state in ('unknown', 'pending');

create type payment_dispute_state as enum ('open', 'won', 'lost');

create table payment_disputes (
    id uuid primary key,
    payment_id uuid not null references payments,
    provider text not null,
    provider_id text not null,
    amount bigint not null check (amount > 0),
    fee bigint not null default 0 check (fee >= 0),
    currency text not null,
    reason text not null default '',
    state payment_dispute_state not null default 'open',
    -- Where the money was taken from, how much of it was there, and what is owed by the payee since.
    source refund_source not null,
    taken bigint not null default 0 check (taken >= 0),
    owed bigint not null default 0 check (owed >= 0),
    -- Who gave it: the escrow, the payee out of what was released to them, the platform out of its fee; the rest the payer.
    from_hold bigint not null default 0 check (from_hold >= 0),
    from_payee bigint not null default 0 check (from_payee >= 0),
    from_platform bigint not null default 0 check (from_platform >= 0),
    -- The movements that took it, in their order: what a win takes back.
    journals uuid[] not null default '{}',
    revision integer not null default 0,
    opened_at timestamptz not null,
    updated_at timestamptz not null,
    closed_at timestamptz,
    constraint one_dispute_of_an_id unique (provider, provider_id),
    constraint disputed_once check (taken + owed + from_platform = amount and from_hold <= taken and from_hold + from_payee + from_platform <= amount),
    constraint closed_disputes_are_dated check ((state = 'open') = (closed_at is null))
);

comment on table payment_disputes is 'Chargebacks: a payer''s bank took money back, or wants to.';

create index payment_disputes_of_payment on payment_disputes (payment_id, opened_at);
create index payment_disputes_open on payment_disputes (opened_at) where state = 'open';

create table payers (
    person_id uuid not null,
    provider text not null,
    -- Null until the provider has answered.
    customer_id text,
    created_at timestamptz not null,
    primary key (person_id, provider),
    constraint payers_of_provider unique (provider, customer_id)
);

comment on table payers is 'Who a person is at a provider when they pay. Cards and accounts are kept there alone.';

create table recipients (
    person_id uuid not null,
    provider text not null,
    -- Null until the provider has answered.
    recipient_id text,
    country text not null check (country ~ '^[A-Z]{2}$'),
    ready boolean not null default false,
    missing text[] not null default '{}',
    -- The provider's mark of the bank account behind it: another one is a change.
    destination text not null default '',
    -- When somebody last changed where payouts go: they wait for a day after it.
    changed_at timestamptz not null,
    revision integer not null default 0,
    created_at timestamptz not null,
    primary key (person_id, provider),
    constraint recipients_of_provider unique (provider, recipient_id)
);

comment on table recipients is 'Who a person is at a provider when they are paid.';

create type payout_state as enum ('requested', 'approved', 'unknown', 'sent', 'paid', 'failed', 'returned', 'declined', 'canceled');

create table payouts (
    id uuid primary key,
    person_id uuid not null,
    -- What is sent; what was owed and kept back from it stands beside it.
    amount bigint not null check (amount > 0),
    netted bigint not null default 0 check (netted >= 0),
    currency text not null,
    provider text not null,
    recipient_id text not null,
    provider_id text,
    state payout_state not null default 'requested',
    -- How many people have to approve; the hold after an account was changed, and the hold period.
    approvals_needed smallint not null default 0 check (approvals_needed between 0 and 2),
    held_until timestamptz,
    -- Those that were sent together.
    batch uuid,
    failure_code text,
    failure text,
    key text not null unique check (length(key) between 1 and 200),
    journals uuid[] not null default '{}',
    -- Of each attempt to send it another key; one whose outcome is not known is repeated with the same.
    calls smallint not null default 0,
    called_at timestamptz,
    revision integer not null default 0,
    requested_at timestamptz not null,
    updated_at timestamptz not null,
    sent_at timestamptz,
    paid_at timestamptz,
    constraint payouts_of_provider unique (provider, provider_id)
);

comment on table payouts is 'Money that people take out. One that was paid may still come back.';

-- Ids are ordered by time.
create index payouts_of_person on payouts (person_id, id desc);
create index payouts_by_state on payouts (state, requested_at) where state in ('requested', 'approved', 'unknown', 'sent');
create index payouts_called on payouts (called_at) where called_at is not null;
-- Those that their banks may still send back.
create index payouts_paid_lately on payouts (paid_at) where state = 'paid';
create index payouts_in_doubt on payouts (provider, recipient_id) where state = 'unknown';
create index payouts_of_batch on payouts (batch) where batch is not null;

create table payout_approvals (
    payout_id uuid not null references payouts,
    person_id uuid not null,
    approved_at timestamptz not null,
    primary key (payout_id, person_id)
);

comment on table payout_approvals is 'Who let a payout go. Nobody does so twice.';

create table webhook_events (
    provider text not null,
    event_id text not null,
    kind text not null,
    object_kind text not null,
    object_id text not null,
    -- Other things that it names, by kind.
    about jsonb not null default '{}',
    happened_at timestamptz not null,
    received_at timestamptz not null,
    processed_at timestamptz,
    primary key (provider, event_id)
);

comment on table webhook_events is 'The inbox: what providers told, once each. Hints; what counts is read from the provider.';

create index webhook_events_waiting on webhook_events (received_at) where processed_at is null;
create index webhook_events_of_object on webhook_events (object_id);
create index webhook_events_done on webhook_events (processed_at) where processed_at is not null;

create table reconciliations (
    id uuid primary key,
    provider text not null,
    day date not null,
    -- What the provider told, what the ledger has, and how many of them agree.
    bookings integer not null default 0,
    movements integer not null default 0,
    matched integer not null default 0,
    -- How far the ledger's entries had come: the day after the next looks from there on, so that none is late for it.
    upto bigint not null default 0,
    finished_at timestamptz not null,
    constraint one_reconciliation_of_a_day unique (provider, day)
);

comment on table reconciliations is 'Day by day: the provider''s books beside the ledger.';

create type difference_kind as enum ('missing_here', 'missing_there', 'amount');

create table reconciliation_differences (
    id uuid primary key,
    -- The day on which it was found.
    reconciliation_id uuid not null references reconciliations,
    provider text not null,
    kind difference_kind not null,
    -- What it is about (payment, refund, dispute, payout …), its name at the provider, and our row.
    what text not null,
    source text not null,
    reference_id uuid,
    currency text not null,
    there bigint not null,
    here bigint not null,
    found_at timestamptz not null,
    explained_at timestamptz,
    -- Null where both agreed later.
    explained_by uuid,
    explanation text check (length(explanation) between 1 and 2000),
    constraint explained_by_somebody check ((explained_at is null) = (explanation is null))
);

comment on table reconciliation_differences is 'Where the provider and the ledger do not agree, until they do or somebody has explained it.';

create unique index one_open_difference_of_a_source on reconciliation_differences (provider, what, source, currency) where explained_at is null;
create index reconciliation_differences_open on reconciliation_differences (found_at) where explained_at is null;
create index reconciliation_differences_of on reconciliation_differences (reconciliation_id);

-- The provider's own books, line by line as it told them. Its fee is a line of its own.
create table provider_bookings (
    provider text not null,
    -- The provider's id; of its fee, the same with ':fee'.
    line text not null,
    kind text not null,
    what text not null,
    source text not null,
    currency text not null,
    amount bigint not null,
    at timestamptz not null,
    primary key (provider, line)
);

comment on table provider_bookings is 'What providers have booked. Read once a day, never changed.';

create index provider_bookings_of_source on provider_bookings (provider, what, source);
create index provider_bookings_by_time on provider_bookings (provider, at);
