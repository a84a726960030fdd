"""Bringing one market's schema forward: what is missing runs, each migration in one transaction together with its record.

Several processes may start at once: each step takes a lock for its transaction and looks again whether it is still to do.
There is no way back; a mistake is mended by the next migration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec

from souk.kernel.db import Tx, count, many, only, value
from souk.kernel.db.connection import Connection
from souk.kernel.db.direct import DatabaseError, direct, line_of, transaction
from souk.kernel.migrate.errors import Edited, Failed, OutOfOrder, Unknown
from souk.kernel.migrate.provision import check_market, database_of, ident, literal, provision, role_name
from souk.kernel.migrate.source import Migration, Source, migrations_of


class Record(msgspec.Struct, frozen=True):
    """A migration that the database has had."""

    source: str
    file: str
    checksum: str


class Applied(msgspec.Struct, frozen=True):
    """A migration that has just run."""

    market: str
    migration: Migration
    seconds: float


RECORDS = many(Record, "select source, file, checksum from migrations")
RECORDED = value(str, "select checksum from migrations where source = $1 and file = $2")
ADD_RECORD = count("insert into migrations (source, file, checksum) values ($1, $2, $3)")
HAS_RECORDS = only(bool, """select to_regclass('migrations') is not null as "exists!\"""")
WAIT_FOR_MIGRATION = only(
    bool, """select pg_advisory_xact_lock(hashtextextended('souk migrate ' || $1::text, 0)) is not null as "locked!\""""
)
TRANSACTION = only(str, """select pg_current_xact_id()::text as "id!\"""")


async def migrate(
    admin_dsn: str,
    market: str,
    sources: Iterable[Source],
    *,
    secret: str,
    heard: Callable[[Applied], None] = lambda _applied: None,
) -> list[Applied]:
    """Set the market up where that is still to do, and run every migration it has not had; `heard` is told after each."""
    sources = tuple(sources)
    applied = []
    async with direct(admin_dsn) as connection:
        async with transaction(connection):
            path = await provision(connection, market, secret)
        role = role_name(database_of(admin_dsn), market)
        for migration in await _missing(connection, market, path, sources):
            started = time.monotonic()
            if await _step(connection, market, role, path, migration):
                applied.append(Applied(market, migration, time.monotonic() - started))
                heard(applied[-1])
    return applied


async def plan(admin_dsn: str, market: str, sources: Iterable[Source]) -> list[Migration]:
    """What `migrate` would run, refusing what it would refuse. Nothing is changed."""
    check_market(market)
    async with direct(admin_dsn) as connection:
        return await _missing(connection, market, ident(market), tuple(sources))


async def pending(tx: Tx, sources: Iterable[Source]) -> int:
    """How many migrations this code has and the market's database has not: the market is ready at 0."""
    had = {(record.source, record.file) for record in await tx.run(RECORDS)}
    return sum((migration.source, migration.file) not in had for migration in migrations_of(sources))


async def _missing(connection: Connection, market: str, path: str, sources: Sequence[Source]) -> list[Migration]:
    known = migrations_of(sources)
    async with transaction(connection):
        await connection.execute(f"set local search_path to {path}")
        had = await connection.run(RECORDS, ()) if await connection.run(HAS_RECORDS, ()) else []
    used = {source.name for source in sources}
    _refuse_unknown(market, known, [record for record in had if record.source in used])
    return missing(market, known, had)


def missing(market: str, known: Sequence[Migration], had: Sequence[Record]) -> list[Migration]:
    """What is still to run, or an error naming the file that does not fit what the database has had."""
    checksums = {(record.source, record.file): record.checksum for record in had}
    found: list[Migration] = []
    for migration in known:
        checksum = checksums.get((migration.source, migration.file))
        if checksum is None:
            found.append(migration)
        elif checksum != migration.checksum:
            raise Edited(str(migration), market)
        elif found and found[-1].source == migration.source:
            raise OutOfOrder(str(found[-1]), migration.file, market)
    return found


def _refuse_unknown(market: str, known: Sequence[Migration], had: Sequence[Record]) -> None:
    """A source that the market no longer uses may stay behind in the database; a file missing from one it uses may not."""
    files = {(migration.source, migration.file) for migration in known}
    for record in sorted(had, key=lambda record: (record.source, record.file)):
        if (record.source, record.file) not in files:
            raise Unknown(f"{record.source}/{record.file}", market)


async def _step(connection: Connection, market: str, role: str, path: str, migration: Migration) -> bool:
    """Run one migration, unless another process has done so meanwhile."""
    async with transaction(connection):
        await connection.run(WAIT_FOR_MIGRATION, (market,))
        await connection.execute(f"set local search_path to {path}; set local lock_timeout to '10s'; set local statement_timeout to 0")
        checksum = await connection.run(RECORDED, (migration.source, migration.file))
        if checksum is not None:
            if checksum != migration.checksum:
                raise Edited(str(migration), market)
            return False
        await run_script(connection, role, migration.sql, str(migration))
        await connection.run(ADD_RECORD, (migration.source, migration.file, migration.checksum))
    return True


async def run_script(connection: Connection, role: str, sql: str, file: str) -> None:
    """Run a script of SQL in the open transaction; `souk.runtime_role` tells it whose rights it may take away."""
    before = await connection.run(TRANSACTION, ())
    try:
        await connection.execute(f"set local souk.runtime_role to {literal(role)}")
        await connection.execute(sql)
    except DatabaseError as error:
        raise Failed(file, line_of(error, sql), str(error).splitlines()[0]) from error
    if await connection.run(TRANSACTION, ()) != before:
        raise Failed(file, None, "it ends its transaction; it and its record are one, so leave out `begin`, `commit` and `rollback`")
