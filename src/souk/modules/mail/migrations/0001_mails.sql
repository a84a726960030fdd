create type mail_channel as enum ('email', 'sms');
create type mail_state as enum ('waiting', 'sent', 'failed', 'bounced', 'suppressed');

create table mails (
    id uuid primary key,
    channel mail_channel not null,
    -- As it was given. Empty once the person behind it is erased.
    recipient text not null,
    -- What two spellings of one address have in common; bounces are known by it.
    address text not null,
    template text not null,
    language text not null,
    -- Whom it is about. No foreign key: people stand above mail.
    person_id uuid,
    -- What is filled into the template, sealed: it holds links that let somebody in.
    sealed bytea,
    state mail_state not null default 'waiting',
    attempts integer not null default 0,
    error text,
    message_id text,
    created_at timestamptz not null,
    sent_at timestamptz,
    -- What was handed over says when and as which message, and nothing else does.
    check (state = 'bounced' or (state = 'sent') = (sent_at is not null)),
    check ((sent_at is null) = (message_id is null)),
    -- A letter can only be written while its values are there.
    check (state <> 'waiting' or sealed is not null),
    -- Whatever did not arrive says why.
    check (state not in ('failed', 'bounced', 'suppressed') or error is not null)
);

comment on table mails is 'Every letter and short text that was asked for, and what became of it.';

create index mails_by_time on mails (created_at desc, id desc);
create index mails_by_address on mails (address, created_at desc, id desc);
create index mails_by_person on mails (person_id, created_at desc) where person_id is not null;

create type bounce_kind as enum ('refused', 'bounce', 'complaint');

create table bounced_addresses (
    address text primary key,
    -- Refused when it was handed over, reported later, or reported as unwanted.
    kind bounce_kind not null,
    reason text not null,
    mail_id uuid,
    created_at timestamptz not null
);

comment on table bounced_addresses is 'Where no letter is sent any more, until staff clear it.';

create index bounced_addresses_by_time on bounced_addresses (created_at desc, address);

create table bounce_reports (
    id text primary key,
    received_at timestamptz not null
);

comment on table bounce_reports is 'Reports that were taken already: the same one may come again. Kept for a day.';

create index bounce_reports_by_time on bounce_reports (received_at);
