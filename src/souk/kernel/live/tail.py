"""The tail: every process that serves sockets reads what was said anywhere in the market, once, and hands it on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from uuid import UUID

from souk.kernel.db import Database
from souk.kernel.live.log import NEWS, NOW, Line, Place, Said, seen
from souk.kernel.telemetry.logs import log

BATCH: Final = 1_000
"""Lines that are read at once: a burst is no single huge answer, and others have their turn in between."""

Heard = Callable[[Said], Awaitable[None] | None]


class Tail:
    """Reads the log of one market for this process, from now on: each thing once. `read` is a reader for `News`."""

    def __init__(self, database: Database, heard: Heard) -> None:
        self._database = database
        self._heard = heard
        self._place: Place | None = None

    async def read(self) -> None:
        """Hand on everything that was committed since the last time. The first time only notes where that begins."""
        if self._place is None:
            self._place = Place(seen(await self._database.read(lambda tx: tx.run(NOW))))
            return
        while await self._read_on(self._place):
            pass  # the batch was full: there is more

    async def _read_on(self, place: Place) -> bool:
        stretch = await self._database.read(
            lambda tx: tx.run(NEWS, place.since.snapshot, place.till_snapshot, place.txid, place.seq, BATCH)
        )
        # From here on it counts as heard, whatever becomes of it: nobody waits for one that cannot be handed on.
        self._place = place.moved_by(stretch, BATCH)
        for said in together(stretch.lines):
            await self._hand_on(said)
        return len(stretch.lines) == BATCH

    async def _hand_on(self, said: Said) -> None:
        try:
            waiting = self._heard(said)
            if waiting is not None:
                await waiting
        except Exception:  # noqa: BLE001 - one that cannot be said must not silence those behind it
            log.exception("something could not be said live", namespace=said.namespace, event_name=said.name, said_id=str(said.id))


def together(lines: Iterable[Line]) -> list[Said]:
    """What was said, with the rooms of each put together, in the order in which it was written: an answer after its question."""
    by_id: dict[UUID, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.seq):
        by_id.setdefault(line.id, []).append(line)
    return [Said(said, of[0].namespace, of[0].name, tuple(line.room for line in of), of[0].payload, of[0].at) for said, of in by_id.items()]
