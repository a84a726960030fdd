"""`Channel`: one market's live channel in this process, on the side of the database: what it hears, and who is connected to it."""

from __future__ import annotations

import asyncio

from souk.kernel.db import Database
from souk.kernel.live.declare import Live
from souk.kernel.live.hints import Hearer, Whispers
from souk.kernel.live.log import Said
from souk.kernel.live.presence import Presence, heard_in
from souk.kernel.live.tail import Tail
from souk.kernel.telemetry.logs import log


class Channel:
    """Hears what was said and whispered anywhere in the market, and tells the other processes who is here."""

    def __init__(self, database: Database, live: Live, *, listens: bool) -> None:
        self.whispers = Whispers(database, listens=listens)
        self.presence = Presence(database, self.whispers, heard_in(live))
        self.tail = Tail(database, self._say)
        self._hearer: Hearer | None = None

    def heard_by(self, hearer: Hearer) -> None:
        """Pass everything on to this: the market's sockets."""
        self._hearer = hearer
        self.whispers.heard = hearer.whisper

    def hear(self, said: str) -> None:
        """Take what came on the channel of whispers, for `listen`. An empty hint comes when the database was away."""
        self.whispers.hear(said)
        if not said:
            self.presence.look_again()

    async def run(self) -> None:
        """Whisper and keep the presence, until cancelled. `tail.read` is asked by the `News`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.whispers.run())
            tasks.create_task(self.presence.run())

    async def leave(self) -> None:
        """Nobody is connected here any more. When even that cannot be written down, the lease runs out."""
        try:
            await self.presence.leave()
        except Exception as error:  # noqa: BLE001 - a process that stops must not fail for want of a database
            log.debug("the presence could not be ended", error=repr(error))

    async def _say(self, said: Said) -> None:
        if self._hearer is not None:
            await self._hearer.say(said)
