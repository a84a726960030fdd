"""Whispers: what is only worth hearing now (typing, who came and went), passed between processes and kept nowhere."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final, Protocol
from uuid import uuid4

import msgspec

from souk.kernel.db import Database
from souk.kernel.live.log import Said
from souk.kernel.messages import WHISPERS, hint
from souk.kernel.telemetry.logs import log

LONGEST: Final = 7_900
"""Bytes of a hint: PostgreSQL takes less than 8,000."""

GAP: Final = 0.01
"""Seconds between two hints, at least: what comes in between goes together."""

WAITING: Final = 10_000
"""Whispers that wait at most, to be sent or heard. Of more, the oldest are forgotten: they are stale."""


class Whispered(msgspec.Struct, frozen=True, array_like=True):
    """Something ephemeral for those who are in a room."""

    room: str
    namespace: str
    name: str
    payload: msgspec.Raw
    skip: str = ""
    """The socket it came from, which does not hear itself."""


class Hearer(Protocol):
    """Who passes on to sockets what this process hears."""

    async def say(self, said: Said) -> None:
        """Something was committed that is to be said."""

    async def whisper(self, whispered: Whispered) -> None:
        """Another process whispers, or this one says who came and went."""


class Hint(msgspec.Struct, frozen=True, array_like=True):
    """Whispers as they travel."""

    process: str
    whispers: list[Whispered]


async def nobody(_whispered: Whispered) -> None:
    """Nobody listens here."""


class Whispers:
    """Whispers to other processes of a market (`send`), and hears theirs (`hear`, for `listen`; `heard`).

    Where there is no listening (PgBouncer), only this process hears: nothing is promised of a whisper, not even between processes.
    """

    def __init__(self, database: Database, *, listens: bool) -> None:
        self.heard: Callable[[Whispered], Awaitable[None]] = nobody
        self._database = database
        self._listens = listens
        self._me = uuid4().hex
        self._decode = msgspec.json.Decoder(Hint).decode
        self._sending: deque[Whispered] = deque(maxlen=WAITING)
        self._hearing: deque[Whispered] = deque(maxlen=WAITING)
        self._to_send = asyncio.Event()
        self._to_hear = asyncio.Event()

    def send(self, room: str, namespace: str, name: str, payload: object, skip: str = "") -> None:
        """Let those in a room hear this, in other processes. Whoever sends it says it to those in this one."""
        whispered = Whispered(room, namespace, name, msgspec.Raw(msgspec.json.encode(payload)), skip)
        if self._listens:
            self._sending.append(whispered)
            self._to_send.set()

    def everywhere(self, room: str, namespace: str, name: str, payload: object) -> None:
        """The same, in this process too."""
        self._hearing.append(Whispered(room, namespace, name, msgspec.Raw(msgspec.json.encode(payload))))
        self._to_hear.set()
        self.send(room, namespace, name, payload)

    def hear(self, said: str) -> None:
        """Take what came on the channel. One's own words are no news."""
        if not said:
            return
        try:
            hint = self._decode(said)
        except msgspec.MsgspecError as error:
            log.warning("a whisper that nobody understands", error=str(error))
            return
        if hint.process != self._me:
            self._hearing.extend(hint.whispers)
            self._to_hear.set()

    async def run(self) -> None:
        """Send and hear, until cancelled."""
        if not self._listens:
            log.debug("whispers stay in this process: through this connection there is no listening")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send())
            tasks.create_task(self._pass_on())

    async def _send(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            packed = list(self._packed(self._sending))
            self._sending.clear()
            if packed:
                await hint(self._database, WHISPERS, *packed)
            await asyncio.sleep(GAP)

    async def _pass_on(self) -> None:
        while True:
            await self._to_hear.wait()
            self._to_hear.clear()
            while self._hearing:
                whispered = self._hearing.popleft()
                try:
                    await self.heard(whispered)
                except Exception:  # noqa: BLE001 - one that cannot be passed on must not silence those behind it
                    log.exception("a whisper could not be passed on", room=whispered.room, event_name=whispered.name)

    def _packed(self, whispers: Iterable[Whispered]) -> Iterator[str]:
        """As few hints as hold them all."""
        empty = len(msgspec.json.encode(Hint(self._me, [])))
        pack: list[Whispered] = []
        size = empty
        for each in whispers:
            more = len(msgspec.json.encode(each)) + 1
            if empty + more > LONGEST:
                log.debug("a whisper is too long to be passed on", room=each.room, event_name=each.name, bytes=more)
                continue
            if size + more > LONGEST:
                yield msgspec.json.encode(Hint(self._me, pack)).decode()
                pack, size = [], empty
            pack.append(each)
            size += more
        if pack:
            yield msgspec.json.encode(Hint(self._me, pack)).decode()
