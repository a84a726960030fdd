"""What every test may use: a PostgreSQL server (embedded, or the one of `SOUK_TEST_DATABASE_URL`), a fresh database on it,
and a market that is migrated already.

The market's database is copied from a template that each test process migrates once for each set of sources, so a test
has it in a fraction of the time that migrating takes. Names carry a random part: any number of runs may share a server.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import uvloop

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.migrate import Source, kernel_sources, market_dsn, migrate, role_name
from souk.kernel.migrate.provision import SHARED, ident, settings_script
from tests.plugins.loopback_only import Loop
from tests.plugins.one_server import one_server

pytest_plugins = ("tests.plugins.needs",)

MARKET = "sample"

# Copying files is the quicker way to a new database where nothing has to reach a disk.
COPIED = "" if os.environ.get("SOUK_TEST_DATABASE_URL") else "strategy file_copy"
SECRET = "a secret of the tests"

Closers = list[Callable[[], Awaitable[object]]]
CLOSING: pytest.StashKey[Closers] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests, each on an event loop of its own, and close what its fixtures opened before that loop ends."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def story() -> None:
        try:
            await pyfuncitem.obj(**arguments)
        finally:
            opened: Closers = pyfuncitem.stash.get(CLOSING, [])
            for close in reversed(opened):
                await close()

    uvloop.run(story(), loop_factory=Loop)
    return True


@pytest.fixture
def closing(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[object]]], None]:
    """Register what is to be awaited when an async test is over, still on its event loop."""
    opened: Closers = request.node.stash.setdefault(CLOSING, [])
    return opened.append


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of a server on which tests may create databases and roles: one for all processes of a run."""
    with one_server() as dsn:
        yield dsn


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _on(server: str, database: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


async def _drop(server: str, database: str) -> None:
    """Drop a database and every runtime role that was made for it."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"drop database if exists {database} with (force)")
        for row in await connection.fetch("select rolname from pg_roles where starts_with(rolname, $1)", f"{database}_"):
            await connection.execute(f"drop role {ident(row['rolname'])}")
    finally:
        await connection.close()


@pytest.fixture
def dsn(server: str) -> Iterator[str]:
    """The DSN of an empty database of one's own, as an administrator."""
    name = f"souk_test_{uuid4().hex[:12]}"
    uvloop.run(_execute(server, f"create database {name} {COPIED}"))
    yield _on(server, name)
    uvloop.run(_drop(server, name))


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[Callable[[tuple[Source, ...]], str]]:
    """The name of a database in which the market `sample` is migrated from these sources; made once, never written to."""
    made: dict[tuple[Source, ...], str] = {}

    def migrated(sources: tuple[Source, ...]) -> str:
        if sources not in made:
            name = f"souk_test_{uuid4().hex[:12]}"
            uvloop.run(_execute(server, f"create database {name} {COPIED}"))
            made[sources] = name
            uvloop.run(migrate(_on(server, name), MARKET, sources, secret=SECRET))
        return made[sources]

    yield migrated
    for name in made.values():
        uvloop.run(_drop(server, name))


@pytest.fixture
def sources() -> tuple[Source, ...]:
    """What the market of `database` consists of. A test file that needs more overrides this fixture."""
    return kernel_sources()


@pytest.fixture
def admin_dsn(server: str, template: Callable[[tuple[Source, ...]], str], sources: tuple[Source, ...]) -> Iterator[str]:
    """The DSN of a fresh database with the migrated market `sample`, as an administrator."""
    original = template(sources)
    name = f"souk_test_{uuid4().hex[:12]}"
    settings = settings_script(role_name(original, MARKET), name, f"{MARKET}, {SHARED}")
    uvloop.run(_execute(server, f"create database {name} template {original} {COPIED}", settings))
    yield _on(server, name)
    uvloop.run(_execute(server, f"drop database {name} with (force)"))


@pytest.fixture
def runtime_dsn(server: str, admin_dsn: str, template: Callable[[tuple[Source, ...]], str], sources: tuple[Source, ...]) -> str:
    """The same database as the market's runtime role, as a running market sees it."""
    as_role = market_dsn(_on(server, template(sources)), MARKET, SECRET)
    return urlunsplit(urlsplit(as_role)._replace(path=urlsplit(admin_dsn).path))


@pytest.fixture
def clock() -> Clock:
    """The business clock of `database`; move it with `clock.move_to(offset)`."""
    return Clock()


@pytest.fixture
def pool(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Pool:
    """Connections to the market `sample` as its runtime role."""
    pool = Pool(runtime_dsn, size=5, wait=5)
    closing(pool.close)
    return pool


@pytest.fixture
def database(pool: Pool, clock: Clock) -> Database:
    """The market `sample`: migrated, empty, its own."""
    return Database(pool, clock)
