"""Periodic work: started once per cluster for each time that is due, by whichever worker is first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from souk.kernel.db import Database, Tx
from souk.kernel.messages import sql
from souk.kernel.messages.declare import Periodic
from souk.kernel.messages.outbox import enqueue_periodic


class Schedule:
    """One worker's view of what the clock asks for."""

    def __init__(self, database: Database, periodic: Sequence[Periodic]) -> None:
        self._database = database
        self._periodic = {each.name: each for each in periodic}
        self._started: dict[str, datetime] = {}
        self._looked_at: datetime | None = None

    async def start_due(self) -> None:
        """Start what has become due since the last look; several times missed are one."""
        now = self._database.clock.now()
        minute = now.replace(second=0, microsecond=0)
        if minute == self._looked_at:
            return
        lasts = {name: last for name, each in self._periodic.items() if (last := each.cron.last(now)) is not None}
        due = {name: last for name, last in lasts.items() if self._started.get(name) != last}
        if due:
            await self._database.write(lambda tx: self._start(tx, due))
        self._started.update(due)
        self._looked_at = minute

    async def _start(self, tx: Tx, due: dict[str, datetime]) -> None:
        started = await tx.run(sql.START_PERIODIC, list(due), list(due.values()))
        await enqueue_periodic(tx, [self._periodic[name] for name in started])
