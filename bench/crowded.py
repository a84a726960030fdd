"""A market of people: `tulifo`, migrated and full of members who may sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop
from pwdlib.hashers.bcrypt import BcryptHasher

from bench.filled import DATABASE_SECRET, Sample, database, sources
from souk.kernel.migrate import market_dsn, migrate
from souk.markets.tulifo import TULIFO
from souk.modules.identity.passwords import prepared
from souk.modules.identity.seed import DEMO_HASH, DEMO_PASSWORD

FILL: Final = """
insert into people (id, email, email_key, first_name, last_name, roles, password_hash, language, timezone, created_at, email_verified_at)
select each, 'member' || n || '@example.com', 'member' || n || '@example.com', 'Member', 'Number ' || n, '{client}',
    case when n <= $4 then $3 else $2 end, 'en', 'UTC', now(), now()
from unnest($1::uuid[]) with ordinality found(each, n)
"""
QUICK: Final = 300
"""So many of the first members have a password that is hashed quickly (`QUICKLY`), to have many sessions soon. Those of the others
are hashed with bcrypt at cost 12: signing in is the work that it is in life."""
QUICK_COST: Final = 4
QUICKLY: Final = {"SOUK_PASSWORD_COST": str(QUICK_COST)}
"""What a server is told at which they sign in, so that it does not hash their passwords anew."""


class Crowd(msgspec.Struct, frozen=True):
    """The market, and who its members are, in the order of their addresses."""

    made: Sample
    members: list[UUID]


def email(number: int) -> str:
    """The address of a member, counted from 1."""
    return f"member{number}@example.com"


@contextmanager
def crowd(server: str, how_many: int = 1_000) -> Iterator[Crowd]:
    """The market with so many members."""
    with database(server) as dsn:
        members = [uuid4() for _ in range(how_many)]
        made = Sample(dsn, market_dsn(dsn, TULIFO.name, DATABASE_SECRET), 0, how_many)
        uvloop.run(_fill(dsn, members))
        yield Crowd(made, members)


async def _fill(dsn: str, members: list[UUID]) -> None:
    await migrate(dsn, TULIFO.name, sources(TULIFO), secret=DATABASE_SECRET)
    quick = BcryptHasher(rounds=QUICK_COST).hash(prepared(DEMO_PASSWORD))
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"set search_path to {TULIFO.name}")
        await connection.execute(FILL, members, DEMO_HASH, quick, QUICK)
        await connection.execute("vacuum analyze people")
    finally:
        await connection.close()
