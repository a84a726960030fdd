-- What handlers of the tests leave behind. Nothing here is unique, so that an effect that happens twice is seen twice.
create table effects (
    id bigint generated always as identity primary key,
    what text not null,
    at timestamptz not null default clock_timestamp()
);
