"""`DatabaseStore`: the bank's books in the tables of a market."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from souk.kernel.db import Database, Tx
from souk.modules.payments.sandbox import sql
from souk.modules.payments.sandbox.store import KEYS_KEPT, Answered, Asked, Delivery, Kept, Stale

Wake = Callable[[Tx, datetime], Awaitable[None]]
"""Asks for somebody who does, at that time, what is due."""

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


async def nobody(_tx: Tx, _at: datetime) -> None:
    """Nobody is asked: whoever holds the bank looks after it."""


class DatabaseStore:
    """Books that outlive the process, and that many processes share."""

    def __init__(self, database: Database, wake: Wake = nobody) -> None:
        self._database = database
        self._wake = wake

    async def load(self, kind: str, object_id: str) -> Kept | None:
        """An object."""
        return await self._database.read(lambda tx: tx.run(sql.BANK_OBJECT, kind, object_id))

    async def found(self, asked: Asked) -> list[Kept]:
        """Objects, newest first."""
        where = msgspec.json.encode(dict(asked.where)).decode()
        span = (asked.since or ALWAYS, asked.before or NEVER)
        args = (asked.kind, asked.account, where, *span, asked.after_id, asked.limit)
        return await self._database.read(lambda tx: tx.run(sql.BANK_OBJECTS, *args))

    async def answered(self, key: str) -> Answered | None:
        """What that key was answered."""
        return await self._database.read(lambda tx: tx.run(sql.BANK_ANSWER, key))

    async def save(self, objects: Sequence[Kept], answered: Answered | None, deliveries: Sequence[Delivery]) -> None:
        """Keep all of it, in one transaction."""
        rows = sorted(objects, key=lambda kept: (kept.kind, kept.id))
        times = {at for at in (*(kept.due_at for kept in rows), *(sent.due_at for sent in deliveries)) if at is not None}

        async def keep(tx: Tx) -> None:
            if answered is not None:
                args = (answered.key, answered.asked, answered.refused, answered.answer, answered.at)
                if not await tx.run(sql.SAVE_BANK_ANSWER, *args, answered.at - KEYS_KEPT):
                    raise Stale
            if rows and await tx.run(sql.SAVE_BANK_OBJECTS, _json(rows)) < len(rows):
                raise Stale
            if deliveries:
                await tx.run(sql.SAVE_BANK_EVENTS, _json(deliveries))
            for at in sorted(times):
                await self._wake(tx, at)

        await self._database.write(keep)

    async def due(self, now: datetime, limit: int) -> list[Kept]:
        """Objects that the bank should look at."""
        return await self._database.read(lambda tx: tx.run(sql.BANK_OBJECTS_DUE, now, limit))

    async def take_deliveries(self, now: datetime, until: datetime, limit: int) -> list[Delivery]:
        """Events to be sent now."""
        taken = await self._database.write(lambda tx: tx.run(sql.TAKE_BANK_EVENTS, now, until, limit))
        return sorted(taken, key=lambda each: each.id)

    async def delivered(self, delivery_id: str) -> None:
        """It arrived."""
        await self._database.write(lambda tx: tx.finish(sql.SETTLE_BANK_EVENT, delivery_id))

    async def postponed(self, delivery_id: str, until: datetime | None) -> None:
        """It did not arrive."""
        if until is None:
            await self.delivered(delivery_id)
            return

        async def later(tx: Tx) -> None:
            await self._wake(tx, until)
            await tx.run(sql.POSTPONE_BANK_EVENT, delivery_id, until)

        await self._database.write(later)

    async def tidy(self, before: datetime) -> None:
        """Forget old keys."""
        await self._database.write(lambda tx: tx.finish(sql.FORGET_BANK_ANSWERS, before))


def _json(rows: Sequence[object]) -> str:
    return msgspec.json.encode(rows).decode()
