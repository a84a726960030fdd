-- The first answer to each Idempotency-Key, kept so that a repeated request gets it byte for byte.
create table idempotency (
    -- A digest of principal, route and key: bounded, whatever the length of a path.
    request uuid primary key,
    -- What was asked: another body under the same key is refused.
    digest bytea not null,
    status smallint not null,
    headers bytea not null,
    body bytea not null,
    -- The database's clock, not business time: moving a market's clock must not make a retry charge twice.
    created timestamptz not null default clock_timestamp()
);

comment on table idempotency is 'Answers by idempotency key, kept for at least 24 hours.';

create index idempotency_by_age on idempotency (created);

-- Takes the key for the rest of the transaction and answers what is stored under it, in one round trip. Written in plpgsql
-- because each of its statements sees what was committed before it: the look-up comes after the lock, so two requests of
-- one key can never both find nothing. `free` is false while another transaction holds the key.
create function idempotency_answer(wanted uuid, out free boolean, out digest bytea, out status smallint, out headers bytea, out body bytea)
language plpgsql as $$
begin
    -- Advisory locks are shared by all schemas of a database, so the schema is part of the name.
    free := pg_try_advisory_xact_lock(hashtextextended(current_schema() || wanted::text, 0));
    if free then
        select kept.digest, kept.status, kept.headers, kept.body into digest, status, headers, body
        from idempotency kept where kept.request = wanted;
    end if;
end
$$;

-- Sessions whose access tokens are refused although they have not expired. Every process reads them several times a second.
create table revocations (
    session uuid primary key,
    -- Tokens issued before this: `infinity` when the session ended, a moment when its holder's roles changed.
    before timestamptz not null,
    -- The machine's time, as that of access tokens: afterwards the last of them has expired by itself.
    until timestamptz not null,
    -- Processes remember which transactions had ended when they looked, so nothing is missed however late it commits.
    txid xid8 not null default pg_current_xact_id()
);

comment on table revocations is 'Sessions whose access tokens are refused before they expire. Small: a row lives as long as a token.';

create index revocations_by_txid on revocations (txid);
