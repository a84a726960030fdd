"""Through PgBouncer in transaction mode: each transaction, and each statement by itself, may meet another server connection.

Debian's PgBouncer (1.18) keeps no prepared statements, so this is the hardest case; newer ones can be told to keep them.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Query, Tx, roll_back
from souk.kernel.db.business_clock import advance, load
from souk.kernel.db.query import Shape
from tests.kernel.db.test_queries import ADD, COLUMNS, FULL, THING, Thing
from tests.plugins.needs import need

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
NOBODY = 65534


def query(shape: Shape, kind: object, sql: str) -> Query[object]:
    return Query(shape, kind, sql, __name__)


BACKEND = query("only", int, "select pg_backend_pid()")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(0.025)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"PgBouncer did not start:\n{log.read_text()}")


@pytest.fixture
def bounced_dsn(runtime_dsn: str) -> Iterator[str]:
    """The market's database through a PgBouncer of its own, with three server connections for everybody."""
    if PGBOUNCER is None:
        need("pgbouncer", "apt-get install pgbouncer")
    with tempfile.TemporaryDirectory(prefix="souk-pgbouncer-") as folder:
        yield from run_pgbouncer(PGBOUNCER, urlsplit(runtime_dsn), Path(folder))


def run_pgbouncer(program: str, parts: SplitResult, folder: Path) -> Iterator[str]:
    port, log, users, ini = free_port(), folder / "log", folder / "users", folder / "ini"
    users.write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
    ini.write_text(
        f"""[databases]
* = host={parts.hostname} port={parts.port or 5432}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = 3
server_lifetime = 3600
logfile = {log}
"""
    )
    as_root = os.geteuid() == 0
    if as_root:
        for path in (folder, users, ini):
            os.chown(path, NOBODY, NOBODY)
    # PgBouncer refuses to run as root.
    command = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"] if as_root else []
    process = subprocess.Popen([*command, program, "-q", str(ini)])
    try:
        await_listening(port, process, log)
        yield urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}", query=""))
    finally:
        process.terminate()
        process.wait(5)


@pytest.fixture
def bounced(bounced_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Database:
    """More connections to PgBouncer than it has to the server, so that they have to share."""
    pool = Pool(bounced_dsn, size=8, prepared=False)
    closing(pool.close)
    return Database(pool, Clock())


async def add_and_read(database: Database, number: int) -> Thing:
    key = uuid4()

    async def add(tx: Tx) -> object:
        await tx.run(ADD, key, f"thing {number}", *FULL)
        return await tx.run(THING, key)

    written = await database.write(add)
    read = await database.read(lambda tx: tx.run(THING, key))
    assert isinstance(read, Thing)
    assert read == written
    return read


async def test_many_clients_share_few_server_connections_and_each_gets_its_own_answers(bounced: Database) -> None:
    for _ in range(4):
        things = await asyncio.gather(*(add_and_read(bounced, number) for number in range(20)))
        assert [thing.name for thing in things] == [f"thing {number}" for number in range(20)]
    pids = await asyncio.gather(*(bounced.read(lambda tx: tx.run(BACKEND)) for _ in range(40)))
    assert 1 <= len(set(pids)) <= 3


async def test_a_connection_meets_other_servers_and_its_statements_still_run(bounced: Database) -> None:
    """The same client connection, moved on purpose: a held transaction occupies the server connection it used before."""
    bounced.pool.size = 3

    async def backend_of_next_reader() -> object:
        return await bounced.read(lambda tx: tx.run(BACKEND))

    await bounced.read(lambda tx: tx.run(THING, uuid4()))
    before = await backend_of_next_reader()
    reader = bounced.pool.take_idle()
    assert reader is not None
    holder = bounced.tx()
    assert await holder.run(BACKEND) == before
    assert await reader.run(BACKEND, ()) != before
    assert await reader.run(THING, (uuid4(),)) is None
    assert await reader.run(query("many", Thing, f"select {COLUMNS} from things"), ()) == []
    await roll_back(holder)
    bounced.pool.give_back(reader)


async def test_the_settings_of_the_role_hold_on_every_server_connection(bounced: Database) -> None:
    rows = await asyncio.gather(*(bounced.read(lambda tx: tx.run(SETTINGS_TEXT)) for _ in range(10)))
    for settings in rows:
        assert isinstance(settings, list)
        assert "search_path=sample, extensions" in settings
        assert "jit=off" in settings
        assert "TimeZone=UTC" in settings


SETTINGS_TEXT = query("values", str, "select name || '=' || setting from pg_settings where source = 'database user'")


async def test_a_change_by_one_statement_and_the_business_clock_work_as_well(bounced: Database) -> None:
    await bounced.write(lambda tx: tx.finish(ADD, uuid4(), "alone", *FULL))
    await bounced.write(lambda tx: advance(tx, timedelta(hours=3)))
    await bounced.read(lambda tx: load(tx, bounced.clock))
    assert bounced.clock.offset == timedelta(hours=3)
