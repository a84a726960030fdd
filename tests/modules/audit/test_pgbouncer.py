"""Recording, sealing and verifying through PgBouncer in transaction mode: locks belong to transactions, nothing to a session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox
from souk.modules.audit import MODULE, seal
from tests.kernel.db.test_pgbouncer import bounced_dsn
from tests.modules.audit.conftest import Log

__all__ = ["bounced_dsn"]


async def test_several_sealers_make_one_chain_behind_a_pgbouncer(
    bounced_dsn: str, admin_dsn: str, clock: Clock, closing: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    pool = Pool(bounced_dsn, size=6, prepared=False)
    closing(pool.close)
    catalogue = Catalogue([MODULE])
    log = Log(Database(pool, clock, lambda tx: Outbox(catalogue, tx)), admin_dsn)
    for _ in range(5):
        await asyncio.gather(*(log.note(after={"a": 1}) for _ in range(4)))
        await asyncio.gather(*(log.database.write(lambda tx: seal(tx, log.sealer, 3)) for _ in range(4)))
    await log.sealed()
    report = await log.verify()
    assert (report.entries, report.findings) == (20, ())
