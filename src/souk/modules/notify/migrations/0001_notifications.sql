create type notification_channel as enum ('in_app', 'mail', 'push', 'sms');
create type push_service as enum ('web', 'fcm');
create type notification_state as enum ('waiting', 'claimed', 'sent', 'suppressed', 'failed', 'unknown');
create type notification_reason as enum ('switched_off', 'blocked', 'not_active', 'no_address', 'read', 'device_gone');

create table notifications (
    id uuid primary key,
    -- No foreign key: whoever is erased keeps a row in people, and none here.
    person_id uuid not null,
    kind text not null,
    category text not null,
    -- Whether it stands in the person's list. What they switched off there may still go out by mail.
    shown boolean not null,
    -- As it was said in the person's language. Empty where nobody may read it.
    title text not null,
    body text not null,
    -- A path of the market's own pages, or an address.
    link text,
    about_id uuid,
    -- Who brought it about: whoever blocks them is not reached.
    actor_id uuid,
    parameters jsonb not null,
    -- What is alike while it is unread becomes one notification.
    group_key text,
    count integer not null default 1 check (count > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    read_at timestamptz,
    -- What is not in the list cannot be read there, and nothing joins it.
    check (shown or (read_at is null and group_key is null))
);

comment on table notifications is 'What each person was told, newest last.';

create index notifications_of_person on notifications (person_id, updated_at desc, id desc) where shown;
create index notifications_unread on notifications (person_id, updated_at desc, id desc) where shown and read_at is null;
-- One unread notification stands for everything of its group.
create unique index notifications_group on notifications (person_id, group_key) where group_key is not null and read_at is null;
-- Whoever is erased leaves the lists of others, too.
create index notifications_by_actor on notifications (actor_id) where actor_id is not null;
create index notifications_by_time on notifications (updated_at);

create table notification_counts (
    person_id uuid primary key,
    unread integer not null check (unread >= 0),
    listed integer not null,
    check (listed >= unread)
);

comment on table notification_counts is 'How many notifications each person has, and how many unread: what a bell shows without counting.';

create table notification_deliveries (
    id uuid primary key,
    notification_id uuid not null references notifications on delete cascade,
    person_id uuid not null,
    channel notification_channel not null,
    -- Whose push it is. No foreign key: the log outlives devices.
    device_id uuid,
    service push_service,
    state notification_state not null,
    why notification_reason,
    -- Which digest it waits for.
    digest text,
    attempts integer not null default 0 check (attempts >= 0),
    error text,
    created_at timestamptz not null,
    due_at timestamptz not null,
    done_at timestamptz,
    -- Nothing is told twice: one delivery by each channel, and by push one to each device.
    unique nulls not distinct (notification_id, channel, device_id),
    check ((state = 'suppressed') = (why is not null)),
    check ((state in ('waiting', 'claimed')) = (done_at is null)),
    check (state not in ('failed', 'unknown') or error is not null),
    check ((device_id is null) = (service is null)),
    check (device_id is null or channel = 'push')
);

comment on table notification_deliveries is 'What became of every notification on every channel, and why.';

create index notification_deliveries_by_time on notification_deliveries (created_at desc, id desc);
create index notification_deliveries_of_person on notification_deliveries (person_id, created_at desc, id desc);
create index notification_deliveries_digest on notification_deliveries (person_id, digest, due_at) where state = 'waiting' and digest is not null;
create index notification_deliveries_open on notification_deliveries (due_at) where state in ('waiting', 'claimed');

create table notification_devices (
    id uuid primary key,
    person_id uuid not null,
    service push_service not null,
    -- An address that only the browser and we know, or the token of an app. One device belongs to whoever used it last.
    endpoint text not null,
    p256dh text,
    auth text,
    name text not null,
    created_at timestamptz not null,
    last_pushed_at timestamptz,
    -- What is sent to a browser is sealed for it.
    check ((service = 'web') = (p256dh is not null and auth is not null))
);

comment on table notification_devices is 'Browsers and apps that pushes go to. One that is gone is removed.';

create unique index notification_devices_by_endpoint on notification_devices (endpoint);
create index notification_devices_of_person on notification_devices (person_id, created_at desc);

create table notification_choices (
    person_id uuid not null,
    -- A category, or a kind with `kind:` before it.
    scope text not null,
    channel notification_channel not null,
    wanted boolean not null,
    primary key (person_id, scope, channel)
);

comment on table notification_choices is 'What each person has switched on or off; what is not here is as the market has it.';

create table notification_quiet_hours (
    person_id uuid primary key,
    starts time not null,
    ends time not null,
    -- A day without an hour in which somebody may be told anything is not meant.
    check (starts <> ends)
);

comment on table notification_quiet_hours is 'When each person is not to be disturbed, by the clock on their wall.';
