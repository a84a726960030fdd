create type match_side as enum ('candidate', 'request');
create type match_model_state as enum ('fitting', 'building', 'current', 'retired');

create table match_models (
    id integer primary key generated always as identity,
    pairing text not null,
    state match_model_state not null default 'fitting',
    documents integer not null check (documents >= 0),
    terms integer not null check (terms >= 0),
    fitted_at timestamptz not null,
    current_at timestamptz,
    retired_at timestamptz,
    -- A model was current before it is retired, and says since when.
    check ((state in ('current', 'retired')) = (current_at is not null)),
    check ((state = 'retired') = (retired_at is not null))
);

comment on table match_models is 'Vocabularies with the rarity of their words, each fitted to what was written at one time.';

-- Requests read the one model that is current; a second one cannot be, so a switch is one statement or none.
create unique index match_models_current on match_models (pairing) where state = 'current';
-- Whoever continues a build finds one.
create unique index match_models_building on match_models (pairing) where state = 'building';

create table match_terms (
    model integer not null references match_models on delete cascade,
    term text not null,
    number integer not null check (number >= 0),
    -- Inverse document frequency.
    idf double precision not null check (idf > 0),
    primary key (model, term)
);

create table match_candidates (
    number integer primary key generated always as identity,
    pairing text not null,
    side match_side not null,
    id uuid not null,
    -- When what is written of them changed last: a model is fitted again after enough such changes.
    changed_at timestamptz not null,
    unique (pairing, side, id)
);

comment on table match_candidates is 'Whoever and whatever can be found by a match. What they are stands in the market''s own tables.';

-- Page by page while a model is built, and the newest first where nobody shares a word.
create index match_candidates_in_order on match_candidates (pairing, side, number);
create index match_candidates_by_change on match_candidates (pairing, changed_at);
create index match_candidates_by_id on match_candidates (id);

create table match_vectors (
    model integer not null references match_models,
    candidate integer not null references match_candidates on delete cascade,
    terms integer[] not null,
    weights real[] not null,
    primary key (model, candidate),
    check (cardinality(terms) = cardinality(weights))
);

create index match_vectors_of_candidate on match_vectors (candidate);

-- One row for each of a candidate's strongest terms. All of it is the key, so that a term's list is read in the order of its impact from
-- the index alone, and a row is found again from the vector that it was made of. There are millions: what a foreign key would keep, a law does.
create table match_postings (
    model integer not null,
    term integer not null,
    candidate integer not null,
    side match_side not null,
    -- The weight, in 32767ths.
    impact smallint not null check (impact > 0),
    primary key (model, side, term, impact, candidate)
);

create table match_records (
    id uuid primary key,
    pairing text not null,
    seeks match_side not null,
    request_id uuid not null,
    -- The number of the model. It may be gone when this is read: what counted is written down here.
    model integer,
    weights jsonb not null,
    made_at timestamptz not null
);

comment on table match_records is 'Matches that a market acted upon, as they were, to be read and replayed under other weights.';

create index match_records_by_request on match_records (request_id, id desc);
create index match_records_by_pairing on match_records (pairing, id desc);

create table match_entries (
    record_id uuid not null references match_records on delete cascade,
    place smallint not null check (place > 0),
    candidate_id uuid not null,
    score double precision not null check (score between 0 and 1),
    parts jsonb not null,
    ties double precision[] not null,
    features jsonb not null,
    primary key (record_id, place),
    unique (record_id, candidate_id)
);

create index match_entries_of_candidate on match_entries (candidate_id);
