"""Faults that people at a development instance ask for: kept in the market's books, so that every process of it hears of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from souk.modules.payments.sandbox.faults import Fault, Faults
from souk.modules.payments.sandbox.store import Kept, Stale, Store

WHERE: Final = ("mischief", "mischief")
"""The kind and the id under which it is kept, beside the bank's own objects."""
LOOK_EVERY: Final = 0.25
"""Seconds after which a process looks whether there is mischief. While there is some, it looks before each call."""
ALL_KNOW: Final = 2 * LOOK_EVERY


class PlannedFault(msgspec.Struct, frozen=True):
    """What the next calls of a name come to."""

    fault: Fault
    call: str
    times: int


class Mischief(msgspec.Struct, frozen=True):
    """All that was asked for."""

    calls: list[PlannedFault] = []
    late: timedelta = timedelta()
    copies: int = 1
    shuffled: bool = False


QUIET: Final = Mischief()


class SharedFaults(Faults):
    """Faults of one process, and those that were asked for in any of them."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._store = store
        self._now = now
        self._known = QUIET
        self._looked = -LOOK_EVERY

    async def strike(self, call: str) -> Fault | None:
        """What goes wrong with this call, by whomever it was asked for."""
        if self._known == QUIET and time.monotonic() < self._looked + LOOK_EVERY:
            return self.take(call)
        while True:
            mischief, version = await self._look()
            planned = next((each for each in mischief.calls if each.call == call), None)
            if planned is None:
                return self.take(call)
            try:
                await self._write(used_up(mischief, planned), version)
            except Stale:
                continue  # somebody else's call came between, and may have used it up
            return planned.fault

    async def asked_for(self) -> Mischief:
        """What was asked for and has not come true yet."""
        return (await self._look())[0]

    async def plan(self, change: Callable[[Mischief], Mischief]) -> Mischief:
        """Ask for something else. Every process knows of it when this is over."""
        while True:
            mischief, version = await self._look()
            try:
                await self._write(change(mischief), version)
            except Stale:
                continue
            await asyncio.sleep(ALL_KNOW)
            return self._known

    async def _look(self) -> tuple[Mischief, int]:
        kept = await self._store.load(*WHERE)
        self._know(msgspec.json.decode(kept.content, type=Mischief) if kept else QUIET)
        return self._known, kept.version if kept else 0

    async def _write(self, mischief: Mischief, version: int) -> None:
        content = msgspec.json.encode(mischief).decode()
        await self._store.save([Kept(*WHERE, "", version, self._now(), None, content)], None, [])
        self._know(mischief)

    def _know(self, mischief: Mischief) -> None:
        self._known, self._looked = mischief, time.monotonic()
        self.late, self.copies = mischief.late, mischief.copies
        self.shuffle = random.Random() if mischief.shuffled else None  # noqa: S311 - an order, nothing that is guarded


def used_up(mischief: Mischief, planned: PlannedFault) -> Mischief:
    """One of the calls has come."""
    left = msgspec.structs.replace(planned, times=planned.times - 1)
    calls = [left if each is planned else each for each in mischief.calls]
    return msgspec.structs.replace(mischief, calls=[each for each in calls if each.times > 0])
