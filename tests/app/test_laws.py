"""`souk laws` and `souk explain`, as a person types them; and the worker's eye on the laws."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import isnan
from uuid import UUID

import asyncpg
import pytest
import uvloop

from souk.app import run
from souk.app.laws import check
from souk.app.lawwatch import FORGOTTEN_AFTER, LawWatch, check_laws
from souk.app.opened import OpenMarket
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn
from souk.kernel.telemetry import start_telemetry
from souk.markets import MARKETS
from souk.modules import identity
from souk.modules.ledger import FEES, USD, WALLET, Owner, Purpose, capture, hold, post, transfer

TULIFO = MARKETS["tulifo"]
WORLD = Purpose("world", Owner.EXTERNAL, hot=True)
Souk = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings.load({"SOUK_DATABASE_URL": dsn, "SOUK_MARKETS": TULIFO.name})


@pytest.fixture
def souk(dsn: str, settings: Settings) -> Souk:
    """The command line, with a market in which something was paid."""
    run.migrate(settings, plan_only=False)
    run.seed(settings)
    uvloop.run(live(settings, dsn))
    mine = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
    mine |= {"SOUK_DATABASE_URL": dsn, "SOUK_MARKETS": TULIFO.name, "COLUMNS": "200"}

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from souk.cli import main; main(prog_name='souk')", *words]
        return subprocess.run(program, env=mine, capture_output=True, text=True, check=False, timeout=120)

    return typed


@asynccontextmanager
async def opened(settings: Settings, dsn: str) -> AsyncIterator[Database]:
    pool = Pool(market_dsn(dsn, TULIFO.name, settings.key("database").hex()), size=1)
    catalogue = Catalogue(TULIFO.modules)
    try:
        yield Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
    finally:
        await pool.close()


async def live(settings: Settings, dsn: str) -> None:
    """The demo client gets 50.00, holds 12.00 and pays 10.00 of it to the demo worker."""
    async with opened(settings, dsn) as books:
        client = await books.read(lambda tx: identity.person_of_address(tx, "client@tulifo.test"))
        worker = await books.read(lambda tx: identity.person_of_address(tx, "worker@tulifo.test"))
        payer, payee = WALLET.of(USD, client.id), WALLET.of(USD, worker.id)
        held = hold("order 1 held", "order.held", payer, 1_200, reference=UUID(int=7))
        for movement in (
            transfer("gift", "gift", WORLD.of(USD), [(payer, 5_000)]),
            held,
            capture("order 1 paid", "order.paid", held.hold_id, [(payee, 900), (FEES.of(USD), 100)]),
        ):
            await books.write(lambda tx, movement=movement: post(tx, movement, last=True))  # type: ignore[misc]


async def owner_does(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"set search_path to {TULIFO.name}; set session_replication_role to replica; {sql}")
    finally:
        await connection.close()


def test_a_person_asks_the_laws_and_for_the_story_of_a_balance(souk: Souk, dsn: str) -> None:
    done = souk("laws")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("tulifo: ")
    assert done.stdout.endswith(" laws hold\n")

    told = souk("explain", "tulifo", "client@tulifo.test").stdout
    assert "wallet of " in told
    assert "gift: +50.00 → total 50.00, on hold 0.00" in told
    assert "order.held: 12.00 held → total 50.00, on hold 12.00" in told
    assert "order.paid: -10.00, 12.00 not held any more → total 40.00, on hold 0.00" in told
    assert "about 00000000-0000-0000-0000-000000000007" in told
    assert told.endswith("  it adds up: total 40.00, on hold 0.00, available 40.00 USD\n")

    newest = souk("explain", "tulifo", "client@tulifo.test", "--last", "1").stdout
    assert "before: total 50.00, on hold 12.00" in newest
    assert "gift" not in newest
    assert "order.paid: +1.00 → total 1.00" in souk("explain", "tulifo", "fees:USD").stdout

    uvloop.run(owner_does(dsn, "update accounts set posted = posted + 77 where purpose = 'wallet' and posted = 4000"))
    broken = souk("laws", "tulifo")
    assert broken.returncode == 1
    assert "ledger: it does not hold that an account has what its entries add up to" in broken.stdout
    assert '"posted": 4077' in broken.stdout
    told = souk("explain", "tulifo", "client@tulifo.test", "--last", "1").stdout
    assert "THIS DOES NOT ADD UP: entries and open holds come to 40.00, 0.00 on hold, but the account says total 40.77" in told


def test_what_is_not_there_is_said_in_a_line(souk: Souk) -> None:
    for what in ("nobody@example.com", "taxes", str(UUID(int=1))):
        unknown = souk("explain", "tulifo", what)
        assert unknown.returncode == 2
        assert what in unknown.stderr
        assert "Traceback" not in unknown.stderr
    assert "there is no market atlantis" in souk("laws", "atlantis").stderr


def test_a_market_that_is_not_migrated_says_what_to_do(dsn: str, settings: Settings) -> None:
    with pytest.raises(Exception, match="run `souk migrate` first"):
        check(settings)


def test_the_worker_finds_what_is_broken_and_the_metrics_tell(souk: Souk, dsn: str, settings: Settings) -> None:
    assert souk("laws").returncode == 0

    async def watched() -> None:
        telemetry = start_telemetry(settings)
        market = OpenMarket(TULIFO, dsn, settings, telemetry)
        try:
            assert isnan(market.laws.broken)
            await check_laws(market.database, market.laws)
            assert market.laws.broken == 0
            await owner_does(dsn, "delete from hot_changes")
            await check_laws(market.database, market.laws)
            assert b'souk_laws_broken{market="tulifo"} 1.0' in telemetry.metrics.render()
            market.laws.checked_at -= FORGOTTEN_AFTER
            assert b'souk_laws_broken{market="tulifo"} NaN' in telemetry.metrics.render()
        finally:
            await market.database.pool.close()
            telemetry.stop()

    uvloop.run(watched())


def test_every_module_with_tables_has_laws_that_are_read() -> None:
    watch = LawWatch(TULIFO)
    assert {law.module for law in watch.laws} >= {"identity", "audit", "mail", "ledger"}
    assert all(law.sentence for law in watch.laws)
