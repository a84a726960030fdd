"""Makes a request slow at a moment of one's choosing: somebody else holds the row that it needs."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import asyncpg

LOCK = "select id from sample.orders where id = $1 for update"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


class Blocker:
    """Holds an order of the sample market for the length of a block: whoever writes about it waits."""

    def __init__(self, dsn: str, order: str) -> None:
        self._dsn = dsn
        self._order = order
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[Any]

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self._hold())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.let_go()
        self._runner.__exit__(kind, error, trace)

    def let_go(self) -> None:
        """Let whoever waits go on."""
        if not self._connection.is_closed():
            self._runner.run(self._connection.close())

    def wait_until_waiting(self, many: int = 1) -> None:
        """Until so many sessions wait for a lock."""
        self._runner.run(self._until_waiting(many))

    async def _hold(self) -> None:
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute("begin")
        await self._connection.execute(LOCK, self._order)

    async def _until_waiting(self, many: int) -> None:
        async with asyncio.timeout(20):
            while await self._connection.fetchval(WAITING) < many:  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.02)
