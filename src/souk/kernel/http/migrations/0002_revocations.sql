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
