create type colour as enum ('red', 'green');

create table things (
    id uuid primary key,
    name text not null,
    colour colour not null default 'red',
    colours colour[] not null default '{}',
    amount bigint not null default 0,
    small smallint,
    place jsonb,
    marks text[] not null default '{}',
    due timestamptz,
    rest interval
);

create table posted (id bigint generated always as identity, note text not null);
