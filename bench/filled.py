"""A database for one run: created, migrated and filled with orders, dropped at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import msgspec
import psutil
import uvloop

from bench.machine import CORES, OTHER_CORE, pin
from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.migrate import Source, kernel_sources, market_dsn, migrate
from souk.kernel.postgres import Choices, serve
from souk.markets.sample import SAMPLE
from souk.modules.sample.model import person

SECRET: Final = "a secret of the benchmarks, long enough"  # noqa: S105 - the database lives for one run
DATABASE_SECRET: Final = Settings.load({"SOUK_SECRET": SECRET}).key("database").hex()
"""What the passwords of runtime roles are made from, as Souk itself does it."""
ORDERS_EACH: Final = 50
"""A person's orders: their number does not grow with the table, so a list is the same work in any."""

FILL: Final = """
insert into orders (id, customer_id, provider_id, title, state, price, currency, message_count, created_at)
select ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
       coalesce(($1::uuid[])[c], md5('customer' || c)::uuid), coalesce(($2::uuid[])[p], md5('provider' || p)::uuid),
       'Order ' || i || ', a title of ordinary length', 'open', 1000 + i % 90000, 'EUR', 0, now() - i * interval '1 second' / $4
from (select i, 1 + i % $3 as c, 1 + (i / 7) % $3 as p from generate_series(1, $5) i) numbered
"""


class Order(msgspec.Struct, frozen=True):
    """One of the orders that stand ready."""

    id: str
    customer: int


class Sample(msgspec.Struct, frozen=True):
    """The filled market `sample`."""

    admin_dsn: str
    runtime_dsn: str
    rows: int
    people: int

    def orders(self) -> list[Order]:
        """The orders of the customers who sign in, spread over the whole table."""
        persons = self.persons()
        numbers = (k * persons + who for k in range(ORDERS_EACH) for who in range(min(self.people, persons)))
        return [Order(f"00000000-0000-7000-8000-{i:012x}", i % persons) for i in numbers if 1 <= i <= self.rows]

    def persons(self) -> int:
        """How many customers, and how many providers, the orders are spread over."""
        return max(1, self.rows // ORDERS_EACH)

    async def ask(self, sql: str, *arguments: object) -> Any:
        """A question to the database past everything, to check what the load claims to have done."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            await connection.execute(f"set search_path to {SAMPLE.name}")
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()


@contextmanager
def postgres(url: str, *, durable: bool) -> Iterator[str]:
    """The administrator's DSN of a server that keeps to its core: the one of SOUK_BENCH_DATABASE_URL, or an embedded one of its own."""
    if url:
        with kept_to_core(url):
            yield url
        return
    home = Path(tempfile.mkdtemp(prefix="souk-bench-"))
    home.chmod(0o755)  # the database's own user has to enter it
    pin(OTHER_CORE)
    try:
        with serve(home, Choices(durable=durable)) as server:
            yield server.dsn
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def kept_to_core(url: str) -> Iterator[None]:
    """Pin a server that runs already, if it runs here and we may; afterwards it has all cores again."""
    ours = _postmaster(url)
    if not ours:
        print("PostgreSQL cannot be kept to one core from here: the figures compare less well.")
        yield
        return
    processes = [ours, *ours.children()]
    for process in processes:
        pin(OTHER_CORE, pid=process.pid)
    try:
        yield
    finally:
        for process in (ours, *ours.children()):
            pin(*CORES, pid=process.pid)


@contextmanager
def every_core(url: str) -> Iterator[None]:
    """Let the server, and whoever asks it, use all cores for a while: what the database can do by itself."""
    ours = _postmaster(url)
    everybody = [psutil.Process(), *([ours, *ours.children()] if ours else [])]
    for process in everybody:
        pin(*CORES, pid=process.pid)
    try:
        yield
    finally:
        for process in everybody:
            if process.is_running():
                pin(OTHER_CORE, pid=process.pid)


def _postmaster(url: str) -> psutil.Process | None:
    """The server's first process, where it runs on this machine and we may move it."""
    if urlsplit(url).hostname not in (None, "127.0.0.1", "localhost", "::1"):
        return None
    folder = uvloop.run(ask(url, "show data_directory"))
    try:
        pid = int((Path(folder) / "postmaster.pid").read_text().split()[0])
        pin(*CORES, pid=pid)
        return psutil.Process(pid)
    except (OSError, ValueError, psutil.Error):
        return None


async def ask(dsn: str, *statements: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        answer = None
        for statement in statements:
            answer = await connection.fetchval(statement)
        return answer
    finally:
        await connection.close()


@contextmanager
def database(server: str) -> Iterator[str]:
    """The administrator's DSN of a database of one's own."""
    name = f"souk_bench_{uuid4().hex[:8]}"
    uvloop.run(ask(server, f"create database {name}"))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        roles = "select string_agg(format('drop role %I;', rolname), '') from pg_roles where starts_with(rolname, $$" + name + "_$$)"
        uvloop.run(ask(server, f"drop database if exists {name} with (force)", uvloop.run(ask(server, roles)) or "select 1"))


def sources(market: Market) -> tuple[Source, ...]:
    """Whose migrations a market has."""
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules))


@contextmanager
def sample(server: str, rows: int, people: int = 200) -> Iterator[Sample]:
    """The market `sample` with so many orders."""
    with database(server) as dsn:
        made = Sample(dsn, market_dsn(dsn, SAMPLE.name, DATABASE_SECRET), rows, people)
        uvloop.run(_fill(made))
        yield made


async def _fill(made: Sample) -> None:
    await migrate(made.admin_dsn, SAMPLE.name, sources(SAMPLE), secret=DATABASE_SECRET)
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        await connection.execute(f"set search_path to {SAMPLE.name}; set synchronous_commit to off")
        customers = [person(f"customer {i}") for i in range(made.people)]
        providers = [person(f"provider {i}") for i in range(made.people)]
        # All within the last hour, so that nothing becomes due while the clock runs.
        await connection.execute(FILL, customers, providers, made.persons(), made.rows / 3600, made.rows, timeout=None)
        await connection.execute("vacuum analyze")
        await connection.execute("checkpoint")
    finally:
        await connection.close()
