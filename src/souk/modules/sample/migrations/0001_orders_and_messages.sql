create type order_state as enum ('open', 'active', 'lapsed');

create table orders (
    id uuid primary key,
    customer_id uuid not null,
    provider_id uuid not null,
    title text not null check (length(title) between 1 and 200),
    state order_state not null default 'open',
    -- Minor units: 12500 is 125.00.
    price bigint not null check (price >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    message_count integer not null default 0 check (message_count >= 0),
    created_at timestamptz not null,
    -- Nobody orders from themselves.
    check (customer_id <> provider_id)
);

-- A person's own orders, newest first.
create index orders_of_customer on orders (customer_id, created_at desc);
create index orders_of_provider on orders (provider_id, created_at desc);
-- The orders that may still lapse: a small part of all.
create index orders_unanswered on orders (created_at) where state = 'open' and message_count = 0;

create table messages (
    id uuid primary key,
    order_id uuid not null references orders,
    sender_id uuid not null,
    body text not null check (length(body) between 1 and 4000),
    sent_at timestamptz not null
);

-- A conversation, newest first. Ids are ordered by time.
create index messages_of_order on messages (order_id, id desc);
