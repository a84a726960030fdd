-- What is searched in these tests.
create table craftsmen (
    id uuid primary key,
    name text not null,
    about text not null,
    -- Nobody may ever find anybody by this.
    secret text not null,
    language text not null,
    skills text[] not null,
    city text not null,
    rating float8,
    remote boolean not null,
    lat float8,
    lng float8,
    visible boolean not null,
    revision bigint not null,
    created_at timestamptz not null
);

create table errands (
    id uuid primary key,
    title text not null,
    category text not null,
    budget float8 not null,
    revision bigint not null,
    created_at timestamptz not null
);
