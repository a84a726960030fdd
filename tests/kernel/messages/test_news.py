"""News: what was committed anywhere, and how this process comes to look; and what is done only once a change is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from souk.kernel.db import DatabaseUnavailable, Tx
from souk.kernel.messages import NEWS, News, listen, tell_all, when_committed
from tests.kernel.messages.stage import ADD_EFFECT, Stage, note, query

CONFLICT = query("count", None, "do $$ begin raise exception using errcode = 'serialization_failure'; end $$")
LONG = 60.0


class Reader:
    """Counts how often it was asked, and fails when told to."""

    def __init__(self, *failures: Exception) -> None:
        self.asked = 0
        self.failures = list(failures)

    async def __call__(self) -> None:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)

    async def again(self, than: int, within: float = 5.0) -> float:
        """How long it took until it was asked more often than that."""
        began = time.monotonic()
        while self.asked <= than:
            assert time.monotonic() - began < within, "it was not asked"
            await asyncio.sleep(0.005)
        return time.monotonic() - began


@asynccontextmanager
async def hearing(stage: Stage, *readers: Callable[[], Awaitable[object]], pause: float = LONG, hints: bool = False) -> AsyncIterator[None]:
    """A process that wants to know."""
    news = News(stage.database, stage.catalogue.news, pause=pause)
    tasks = [asyncio.create_task(news.run(*readers))]
    if hints:
        tasks.append(asyncio.create_task(listen(stage.database, {NEWS: news.wake})))
    await asyncio.sleep(0.2)  # until it runs, and listens
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def announce(tx: Tx) -> None:
    """A change that everybody has to know."""
    await note(tx, "news")
    tell_all(tx)


async def test_whoever_starts_looks_at_once(stage: Stage) -> None:
    reader = Reader()
    async with hearing(stage, reader):
        assert reader.asked == 1


async def test_the_bell_of_this_process_lets_every_reader_look_at_once(stage: Stage) -> None:
    readers = Reader(), Reader()
    async with hearing(stage, *readers):
        await stage.database.write(announce)
        for reader in readers:
            assert await reader.again(1) < 0.5


async def test_a_hint_lets_another_process_look_at_once(stage: Stage) -> None:
    there, here, there_reader = stage.beside(), Reader(), Reader()
    async with hearing(stage, here, hints=True), hearing(there, there_reader, hints=True):
        asked = there_reader.asked
        await stage.database.write(announce)
        assert await there_reader.again(asked) < 1.0


async def test_without_a_hint_it_looks_by_itself(stage: Stage) -> None:
    reader = Reader()
    async with hearing(stage, reader, pause=0.05):
        assert await reader.again(5) < 2.0


async def test_a_reader_that_fails_is_asked_again_and_holds_up_nobody(stage: Stage) -> None:
    failing, whole = Reader(ValueError("a bug"), DatabaseUnavailable(), ConnectionError("gone")), Reader()
    async with hearing(stage, failing, whole, pause=0.05):
        await failing.again(4)
        await whole.again(4)
    assert failing.failures == []


async def test_a_slow_reader_does_not_slow_another(stage: Stage) -> None:
    async def slow() -> None:
        await asyncio.sleep(LONG)

    reader = Reader()
    async with hearing(stage, slow, reader, pause=0.05):
        await reader.again(5)


async def test_what_is_told_while_a_reader_reads_makes_it_look_once_more(stage: Stage) -> None:
    """It may have read before the commit: forgotten, it would be a revocation that is heard of too late."""
    asked, go = 0, asyncio.Event()

    async def reader() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await go.wait()

    async with hearing(stage, reader):
        await stage.database.write(announce)
        go.set()
        async with asyncio.timeout(5):
            while asked < 2:  # noqa: ASYNC110 - the reader is what is counted
                await asyncio.sleep(0.005)


async def test_what_is_rolled_back_is_told_to_nobody(stage: Stage) -> None:
    reader = Reader()

    async def refused(tx: Tx) -> None:
        await announce(tx)
        raise LookupError

    async with hearing(stage, reader):
        with pytest.raises(LookupError):
            await stage.database.write(refused)
        await asyncio.sleep(0.1)
        assert reader.asked == 1


# What happens once it is committed


class Calls:
    """What was called, and whether the change could be seen by then."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, what: str) -> Callable[[], None]:
        return lambda: self.made.append(what)


async def test_it_is_called_once_committed_in_the_order_asked_for(stage: Stage) -> None:
    calls = Calls()
    async with stage.database.begin() as tx:
        await note(tx, "a change")
        when_committed(tx, calls("one"))
        when_committed(tx, calls("two"))
        assert calls.made == []
    assert calls.made == ["one", "two"]


@pytest.mark.parametrize("last", ["run", "finish", "nothing"])
async def test_it_is_called_whatever_the_last_statement_was(stage: Stage, last: str) -> None:
    calls = Calls()

    async def work(tx: Tx) -> None:
        when_committed(tx, calls("done"))
        if last == "run":
            await note(tx, "a change")
        elif last == "finish":
            await tx.finish(ADD_EFFECT, "a change")

    await stage.database.write(work)
    assert calls.made == ["done"]


async def test_a_rollback_calls_nothing(stage: Stage) -> None:
    calls = Calls()

    async def refused(tx: Tx) -> None:
        when_committed(tx, calls("never"))
        await note(tx, "a change")
        raise LookupError

    with pytest.raises(LookupError):
        await stage.database.write(refused)
    assert calls.made == []


async def test_a_rehearsal_calls_nothing(stage: Stage) -> None:
    calls = Calls()

    async def work(tx: Tx) -> None:
        when_committed(tx, calls("never"))
        tell_all(tx)
        await note(tx, "a change")

    with stage.catalogue.news.heard_by(calls("rung")):
        await stage.database.rehearse(work)
    assert calls.made == []


async def test_a_try_that_was_repeated_is_called_for_once(stage: Stage) -> None:
    """A conflict runs the work again from its start; what the first try asked for went with it."""
    calls, tries = Calls(), 0

    async def work(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        when_committed(tx, calls(f"try {tries}"))
        await note(tx, "a change")
        if tries == 1:
            await tx.run(CONFLICT)

    await stage.database.write(work)
    assert calls.made == ["try 2"]


async def test_a_transaction_that_only_reads_has_nothing_to_commit(stage: Stage) -> None:
    async def work(tx: Tx) -> None:
        when_committed(tx, lambda: None)

    with pytest.raises(TypeError, match="only reads"):
        await stage.database.read(work)
