"""The market of lessons for one run: its database with people who are rich and lessons that wait to be paid, and its server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

import asyncpg
import msgspec
import uvloop

from bench.filled import DATABASE_SECRET, SECRET, Sample, database, sources
from bench.server import Server, souk
from examples.lessons import LESSONS
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import Actor
from souk.kernel.http.tokens import Tokens
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn, migrate
from souk.modules import ledger
from souk.modules.ledger import USD, WALLET

SETTINGS: Final = {"SOUK_MARKETS": "examples.lessons:LESSONS", "SOUK_ENV": "development"}
RICH: Final = 10**12
PRICE: Final = 1_250
PEOPLE: Final = UUID(int=7)


def person(role: str, number: int) -> UUID:
    """Somebody, the same in every run."""
    return uuid5(PEOPLE, f"{role} {number}")


class School(msgspec.Struct, frozen=True):
    """The filled market."""

    made: Sample
    students: int

    def student(self, number: int) -> UUID:
        return person("student", number % self.students)

    def tokens(self) -> list[str]:
        """Access tokens of its students, as signing in would give them."""
        keys = Settings.load({"SOUK_SECRET": SECRET}).keys(f"access tokens of {LESSONS.name}")
        tokens = Tokens(LESSONS.name, keys, LESSONS.roles)
        return [tokens.issue(Actor(self.student(i), frozenset({"student"}), new_id(), LESSONS.name)) for i in range(self.students)]

    def ask(self, sql: str, *arguments: object) -> object:
        """One value, past everything."""
        return uvloop.run(self._ask(sql, *arguments))

    async def _ask(self, sql: str, *arguments: object) -> object:
        connection = await asyncpg.connect(self.made.admin_dsn)
        try:
            await connection.execute(f"set search_path to {LESSONS.name}")
            return await connection.fetchval(sql, *arguments, timeout=300)
        finally:
            await connection.close()

    def lessons(self, how_many: int) -> list[UUID]:
        """Lessons that wait to be paid, spread over the students, past everything."""
        ids = [new_id() for _ in range(how_many)]
        self._fill(ids)
        return ids

    def numbered(self, clients: int, first: int, each: int) -> None:
        """Lessons to be paid whose ids follow from numbers: for each connection of pgbench, so many from a number on."""
        numbers = (client * 1_000_000 + first + 1 + number for client in range(clients) for number in range(each))
        self._fill([UUID(md5(f"lesson{number}".encode(), usedforsecurity=False).hexdigest()) for number in numbers])

    def _fill(self, ids: list[UUID]) -> None:
        students = [self.student(number) for number in range(len(ids))]
        now = datetime.now(UTC)
        self.ask(FILL, ids, students, person("tutor", 0), now + timedelta(days=9), PRICE, now)

    def opened(self, pool: Pool) -> Database:
        """The market in this process."""
        catalogue = Catalogue(LESSONS.modules)
        return Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))


FILL: Final = """
with given as (select * from unnest($1::uuid[], $2::uuid[]) g(id, student)),
lessons as (
    insert into orders (id, process, version, state, revision, entered, content, created_at, updated_at)
    select id, 'lesson', 1, 'accepted', 1, 1, jsonb_build_object('studentId', student, 'tutorId', $3::uuid, 'subject', 'Greek',
        'startsAt', $4::timestamptz, 'price', $5::bigint), $6, $6 from given),
steps as (
    insert into order_steps (order_id, revision, process, step, actor, person_id, source, target, at)
    select id, 1, 'lesson', 'book', 'student', student, 'start', 'accepted', $6 from given)
insert into order_parties (person_id, process, order_id)
select student, 'lesson', id from given union all select $3, 'lesson', id from given
"""

KNOWN: Final = """
insert into people (id, email, email_key, first_name, last_name, roles, language, timezone, created_at, email_verified_at)
select id, id || '@example.com', id || '@example.com', 'Somebody', 'at school', array[role], 'en', 'UTC', now(), now()
from unnest($1::uuid[], $2::text[]) p(id, role)
"""


@contextmanager
def school(server: str, students: int = 200) -> Iterator[School]:
    """The market, with so many students who are rich, and a tutor."""
    with database(server) as dsn:
        uvloop.run(migrate(dsn, LESSONS.name, sources(LESSONS), secret=DATABASE_SECRET))
        found = School(Sample(dsn, market_dsn(dsn, LESSONS.name, DATABASE_SECRET), 0, students), students)
        people = [found.student(number) for number in range(students)] + [person("tutor", 0)]
        found.ask(KNOWN, people, ["student"] * students + ["tutor"])
        uvloop.run(_enrich(found))
        found.ask("analyze")
        yield found


async def _enrich(found: School) -> None:
    pool = Pool(found.made.runtime_dsn, size=1)
    try:
        opened, issued = found.opened(pool), ledger.ISSUED.of(USD)
        for first in range(0, found.students, 100):
            some = range(first, min(first + 100, found.students))
            parts = [(WALLET.of(USD, found.student(number)), RICH) for number in some]
            gift = ledger.transfer(f"gift {first}", "gift", issued, parts)
            await opened.write(lambda tx, gift=gift: ledger.post(tx, gift, last=True))  # type: ignore[misc]
    finally:
        await pool.close()


@contextmanager
def serving(found: School, home: Path) -> Iterator[Server]:
    """The market's server, on a core of its own."""
    with souk(found.made, home, more=SETTINGS) as server:
        yield server
