"""Messages through PgBouncer in transaction mode, where each statement may meet another server connection."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Pool, Tx
from souk.kernel.messages import Notifier, enqueue, job
from tests.kernel.db.test_pgbouncer import PGBOUNCER, run_pgbouncer
from tests.kernel.messages.stage import Say, Stage, note, until
from tests.plugins.needs import need


@pytest.fixture
def bounced_dsn(runtime_dsn: str) -> Iterator[str]:
    if PGBOUNCER is None:
        need("pgbouncer", "apt-get install pgbouncer")
    with tempfile.TemporaryDirectory(prefix="souk-pgbouncer-") as folder:
        yield from run_pgbouncer(PGBOUNCER, urlsplit(runtime_dsn), Path(folder))


@job("spread")
async def spread(tx: Tx, args: Say) -> None:
    """Several statements in one transaction, and more to do."""
    await note(tx, args.what)
    await note(tx, args.what)
    if len(args.what) < 4:
        await enqueue(tx, spread, Say(args.what + "a"))
        await enqueue(tx, spread, Say(args.what + "b"))


async def test_everything_happens_once_though_three_server_connections_serve_all(
    bounced_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    pools = [Pool(bounced_dsn, size=6, prepared=False) for _ in range(2)]
    stages = [Stage(pool, Clock()).open(spread) for pool in pools]
    for pool in pools:
        closing(pool.close)
    workers = [stage.worker() for stage in stages]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    first = stages[0]
    notifier = Notifier(first.database)
    with first.catalogue.bell.heard_by(notifier.ring):
        for what in "xyz":
            await first.enqueue(spread, Say(what))
        await until(lambda: first.ask(bool, "select not exists (select from jobs)"))
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    effects = await first.effects()
    assert len(effects) == 3 * 15 * 2
    assert all(effects.count(what) == 2 for what in effects)
