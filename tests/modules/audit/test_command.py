"""`souk audit verify`, as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import uvloop
from click.testing import CliRunner

from souk.app import run
from souk.cli import main
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn
from souk.markets import MARKETS
from souk.modules.audit import record, seal, sealer_of
from souk.modules.audit.model import Head

MARKET: Market = MARKETS["nimmit"]

Souk = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def souk(dsn: str) -> Souk:
    """The command line, with a migrated market."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    mine |= {"SOUK_DATABASE_URL": dsn, "SOUK_MARKETS": MARKET.name, "COLUMNS": "200"}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", *words]
        return subprocess.run(program, env=mine, capture_output=True, text=True, check=False, timeout=120)

    return typed


def work(dsn: str, job: Callable[[Database], Any]) -> None:
    """Something that the running market does."""
    settings = Settings.load({})

    async def done() -> None:
        pool = Pool(market_dsn(dsn, MARKET.name, settings.key("database").hex()), size=1)
        catalogue = Catalogue(MARKET.modules)
        try:
            await job(Database(pool, Clock(), lambda tx: Outbox(catalogue, tx)))
        finally:
            await pool.close()

    uvloop.run(done())


async def three_entries(database: Database) -> None:
    sealer = sealer_of(Settings.load({}), MARKET)
    for _ in range(3):
        await database.write(lambda tx: record(tx, "user.suspended", "user", uuid4(), by=None))
    done = 0
    while done < 3:  # a transaction of another test may hold it up for a moment
        done += await database.write(lambda tx: seal(tx, sealer))


def as_owner(dsn: str, statement: str) -> None:
    async def done() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(f"set search_path to {MARKET.name}; set session_replication_role = replica; {statement}")
        await connection.close()

    uvloop.run(done())


def test_it_tells_numbers_findings_and_the_head_to_keep(souk: Souk, dsn: str) -> None:
    run.migrate(Settings.load({"SOUK_DATABASE_URL": dsn, "SOUK_MARKETS": MARKET.name}), plan_only=False)
    work(dsn, three_entries)
    whole = souk("audit", "verify")
    assert whole.returncode == 0, whole.stderr
    first, last = whole.stdout.splitlines()
    assert first == f"{MARKET.name}: 3 entries: whole"
    head = last.removeprefix(f"{MARKET.name}: head ")
    assert head.startswith("3:")
    assert souk("audit", "verify", MARKET.name, "--since", head).returncode == 0

    as_owner(dsn, "delete from audit_seals where position = 3")
    cut = souk("audit", "verify", MARKET.name, "--since", head)
    assert cut.returncode == 1
    assert "cut_off: the chain ends at position 2" in cut.stdout
    as_owner(dsn, "update audit_entries set action = 'user.praised' where id = (select entry_id from audit_seals where position = 1)")
    edited = souk("audit", "verify")
    assert edited.returncode == 1
    assert "nimmit: edited: the entry " in edited.stdout
    assert "at position 1 is not what was sealed there" in edited.stdout


def test_without_migrations_it_says_so(souk: Souk) -> None:
    done = souk("audit", "verify")
    assert done.returncode == 1
    assert "run `souk migrate` first" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("--since", "3:" + "ab" * 32), ("tulifo", "nimmit", "--since", "3:" + "ab" * 32), ("nimmit", "--since", "3:ab"), ("--sideways",)],
)
def test_a_wrong_command_line_ends_with_2(words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["audit", "verify", *words]).exit_code == 2


def test_a_head_is_read_as_it_was_printed() -> None:
    head = Head(17, bytes(range(32)))
    assert Head.read(f" {head}\n") == head
    for wrong in ("", "17", "17:", f"-1:{'ab' * 32}", f"٣:{'ab' * 32}", "3:zz"):
        with pytest.raises(ValueError, match="POSITION:HASH"):
            Head.read(wrong)
