"""Relays: the log of events, passed on to a broker. At least once, and nothing that commits late is lost.

A relay reads below the oldest transaction that is still open, and moves its position after the publishing. One process at a
time publishes for a relay; when it dies, another takes over from the stored position, so consumers dedupe by the event's id.
Order: facts about one thing carry their revision, `(aggregate_id, revision)`; between things there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID, uuid4

from souk.kernel.db import Database
from souk.kernel.messages import sql
from souk.kernel.messages.sql import Fact, Position
from souk.kernel.telemetry.logs import log

BATCH: Final = 500
LEASE: Final = 30.0


class Relay(Protocol):
    """Passes facts on. The topic is the event's name; messages are durable."""

    name: str

    async def publish(self, batch: Sequence[Fact]) -> None:
        """Return when the broker has confirmed all of them; raise otherwise, and the batch comes again."""


class LogOnly:
    """The default: the log itself is where others read."""

    name = "log"

    async def publish(self, batch: Sequence[Fact]) -> None:
        """Nothing to do: they are in the log."""
        del batch


class Relaying:
    """One relay of one market, in this process."""

    def __init__(self, database: Database, relay: Relay, *, lease: float = LEASE) -> None:
        self._database = database
        self._relay = relay
        self._lease = lease
        self._token: UUID = uuid4()

    async def forward(self) -> int:
        """Publish the next batch, and say how much that was. 0 too when another process is at it."""
        name = self._relay.name
        position = await self._database.write(lambda tx: tx.finish(sql.TAKE_RELAY, name, self._token, self._lease))
        if position is None:
            return 0
        facts = await self._read(position)
        if facts:
            async with asyncio.timeout(self._lease / 2):
                await self._relay.publish(facts)
            last = facts[-1]
            moved = await self._database.write(lambda tx: tx.finish(sql.MOVE_RELAY, name, self._token, last.txid, last.id))
            if not moved:
                log.warning("another process took the relay over: a batch may have been published twice", relay=name, facts=len(facts))
        return len(facts)

    async def leave(self) -> None:
        """Let another process take over at once."""
        await self._database.write(lambda tx: tx.finish(sql.LEAVE_RELAY, self._relay.name, self._token))

    async def run(self, pause: float = 0.5) -> None:
        """Forward for ever; a broker or database that is away is tried again."""
        failures = 0
        while True:
            try:
                full = await self.forward() == BATCH
                failures = 0
            except Exception as error:  # noqa: BLE001 - whatever it was, the position has not moved and the batch comes again
                failures += 1
                full = False
                log.warning(
                    "relay failed; trying again", relay=self._relay.name, error=f"{type(error).__name__}: {error}", failures=failures
                )
            if not full:
                await asyncio.sleep(min(pause * 2 ** min(failures, 6), 30.0))

    async def _read(self, position: Position) -> list[Fact]:
        return await self._database.read(lambda tx: tx.run(sql.FACTS, position.txid, position.event, BATCH))
