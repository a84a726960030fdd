create table fair_workers (
    id uuid primary key,
    bio text not null,
    -- What staff wrote about them.
    notes text not null,
    skills text[] not null,
    load integer not null,
    rating double precision,
    reviews integer not null,
    trust double precision not null,
    waiting_since timestamptz not null,
    hidden boolean not null default false
);

create table fair_blocks (
    client_id uuid not null,
    worker_id uuid not null,
    primary key (client_id, worker_id)
);

create table fair_jobs (
    id uuid primary key,
    client_id uuid not null,
    title text not null,
    description text not null,
    skills text[] not null,
    budget double precision not null,
    posted_at timestamptz not null
);
