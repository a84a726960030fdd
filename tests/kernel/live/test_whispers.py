"""Whispers reach the other processes at once, or nobody."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec
import pytest

from souk.kernel.db import Pool
from souk.kernel.live.hints import LONGEST, Whispers
from souk.kernel.messages import WHISPERS, hint, listen
from tests.kernel.live.speaking import Closing, Ears, Stage, until

HEARING = "from pg_stat_activity where query ilike 'listen%' and state = 'idle' and datname = current_database()"
LISTENING = f"select count(*) = $1::int {HEARING}"
CUT = f"select count(pg_terminate_backend(pid)) {HEARING}"


class Process:
    """A process that whispers."""

    def __init__(self, stage: Stage, *, listens: bool = True) -> None:
        self.ears = Ears()
        self.whispers = Whispers(stage.database, listens=listens)
        self.whispers.heard = self.ears.whisper
        self.running = [
            asyncio.create_task(self.whispers.run()),
            asyncio.create_task(listen(stage.database, {WHISPERS: self.whispers.hear})),
        ]

    async def end(self) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)

    @property
    def words(self) -> list[str]:
        return [msgspec.json.decode(each.payload)["text"] for each in self.ears.whispered]


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


async def processes(stage: Stage, closing: Closing, many: int = 2) -> list[Process]:
    made = [Process(stage) for _ in range(many)]
    for process in made:
        closing(process.end)
    async with asyncio.timeout(20):
        while not await stage.ask(bool, LISTENING, many):  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.01)
    return made


async def test_a_whisper_is_heard_in_the_other_processes_only(stage: Stage, closing: Closing) -> None:
    first, second, third = await processes(stage, closing, 3)
    first.whispers.send("order:1", "/", "typing", {"text": "…"}, skip="socket 7")
    await until(lambda: len(second.ears.whispered) == len(third.ears.whispered) == 1)
    (heard,) = second.ears.whispered
    assert (heard.room, heard.namespace, heard.name, heard.skip) == ("order:1", "/", "typing", "socket 7")
    assert msgspec.json.decode(heard.payload) == {"text": "…"}
    await asyncio.sleep(0.1)
    assert first.ears.whispered == []


async def test_many_of_a_moment_travel_together_and_in_order(stage: Stage, closing: Closing) -> None:
    first, second = await processes(stage, closing)
    words = [f"word {number} é\0\\" for number in range(2_000)]
    for word in words:
        first.whispers.send("order:1", "/", "typing", {"text": word})
    await until(lambda: len(second.ears.whispered) == len(words))
    assert second.words == words


async def test_one_that_is_too_long_is_dropped_and_the_next_is_not(stage: Stage, closing: Closing) -> None:
    first, second = await processes(stage, closing)
    for word in ("a", "b" * LONGEST, "c" * (LONGEST - 200), "d"):
        first.whispers.send("order:1", "/", "typing", {"text": word})
    await until(lambda: len(second.ears.whispered) == 3)
    assert [word[0] for word in second.words] == ["a", "c", "d"]


async def test_one_that_cannot_be_passed_on_does_not_silence_the_next(stage: Stage, closing: Closing) -> None:
    first, second = await processes(stage, closing)
    heard: list[str] = []

    async def stumble(whispered: object) -> None:
        heard.append(str(whispered))
        if len(heard) == 1:
            raise ConnectionError("a socket broke")

    second.whispers.heard = stumble
    first.whispers.send("order:1", "/", "typing", {"text": "a"})
    first.whispers.send("order:1", "/", "typing", {"text": "b"})
    await until(lambda: len(heard) == 2)


async def test_what_is_no_whisper_is_passed_over(stage: Stage, closing: Closing) -> None:
    first, second = await processes(stage, closing)
    assert await hint(stage.database, WHISPERS, "not JSON", '["x",[1]]', "")
    first.whispers.send("order:1", "/", "typing", {"text": "a"})
    await until(lambda: second.words == ["a"])


async def test_after_the_connection_was_cut_it_is_heard_again(stage: Stage, closing: Closing) -> None:
    first, second = await processes(stage, closing)
    assert await stage.ask(int, CUT) == 2

    async def whisper_on() -> None:
        while not second.ears.whispered:
            first.whispers.send("order:1", "/", "typing", {"text": "again"})
            await asyncio.sleep(0.05)

    await asyncio.wait_for(whisper_on(), 20)


async def test_where_there_is_no_listening_it_stays_in_the_process(stage: Stage, closing: Closing) -> None:
    (hearing,) = await processes(stage, closing, 1)
    deaf = Process(stage, listens=False)
    closing(deaf.end)
    deaf.whispers.everywhere(f"presence:{uuid4()}", "/", "presence", {"text": "here"})
    await until(lambda: deaf.words == ["here"])
    await asyncio.sleep(0.1)
    assert hearing.ears.whispered == []
