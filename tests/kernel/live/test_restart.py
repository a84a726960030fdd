"""A database that stops, or crashes, under live connections: nothing that was said is lost, and everybody is here again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from souk.kernel.db import Pool
from souk.kernel.errors import Refusal
from souk.kernel.live import Live, Namespace
from souk.kernel.live.channel import Channel
from souk.kernel.live.presence import online
from souk.kernel.messages import NEWS, WHISPERS, News, listen
from souk.kernel.migrate import kernel_sources, market_dsn, migrate
from souk.kernel.postgres import Choices, serve
from tests.kernel.live.speaking import Closing, Ears, NoteWritten, Stage

SECRET = "a secret of the tests"


@pytest.fixture
def own_home() -> Iterator[Path]:
    """Where a server of one's own may live."""
    folder = Path(tempfile.mkdtemp(prefix="souk-live-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_a_restart_and_a_crash_of_the_server_lose_nothing(own_home: Path, closing: Closing) -> None:
    server = serve(own_home / "server", Choices())
    try:
        await migrate(server.dsn, "sample", kernel_sources(), secret=SECRET)
        stage = Stage(Pool(market_dsn(server.dsn, "sample", SECRET), size=5))
        closing(stage.pool.close)
        ears = Ears()
        channel = Channel(stage.database, Live((Namespace(path="/"),)), listens=True)
        channel.heard_by(ears)
        await channel.tail.read()
        news = News(stage.database, stage.catalogue.news)
        hears = {NEWS: news.wake, WHISPERS: channel.hear}
        running = [asyncio.create_task(each) for each in (news.run(channel.tail.read), channel.run(), listen(stage.database, hears))]
        people = {uuid4() for _ in range(3)}
        for person in people:
            channel.presence.came(person)

        async def everybody_is_here() -> bool:
            return await stage.database.read(lambda tx: online(tx, people)) == people

        await insist(everybody_is_here)
        await said(stage, 1)
        server.stop()
        with pytest.raises(Refusal):
            await stage.emit(NoteWritten(uuid4(), 0))
        await asyncio.sleep(0.5)
        server = serve(own_home / "server", Choices())
        assert await insist(everybody_is_here)
        await said(stage, 2)
        os.kill(await stage.ask(int, "select pg_backend_pid()"), signal.SIGKILL)  # the server takes that for a crash
        await said(stage, 3)
        await insist(everybody_is_here, within=20)
        await insist(lambda: has_heard(ears, 3))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        assert ears.numbers == [1, 2, 3]
    finally:
        server.stop()


async def said(stage: Stage, number: int) -> None:
    """Say it, whatever that takes."""

    async def emitted() -> bool:
        await stage.emit(NoteWritten(uuid4(), number))
        return True

    await insist(emitted)


async def has_heard(ears: Ears, number: int) -> bool:
    return number in ears.numbers


async def insist(holds: object, within: float = 30.0) -> bool:
    """Ask again until it is true; a database that is away does not count."""
    async with asyncio.timeout(within):
        while True:
            try:
                if await holds():  # type: ignore[operator]
                    return True
            except Refusal:
                pass  # the server is away: it is asked again
            await asyncio.sleep(0.05)
