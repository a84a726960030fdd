"""Ending sessions: written with the change, known in this process at once and in every other within a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.errors import Refusal
from souk.kernel.http.guards import Actor
from souk.kernel.http.revocations import Revocations, forget_revocations, revoke
from souk.kernel.http.tokens import LIFE_SECONDS, TokenExpired, TokenRevoked, Tokens
from souk.kernel.messages import NEWS, Catalogue, News, Outbox, listen
from tests.kernel.messages.stage import query

Closing = Callable[[Callable[[], Awaitable[object]]], None]

KEPT = query("values", UUID, "select session from revocations")
AGE = query("count", None, "update revocations set until = clock_timestamp() - interval '1 second' where session = $1")
SECOND = 1.0


class Process:
    """One process of a market: it shares nothing with another but the database."""

    def __init__(self, dsn: str) -> None:
        self.pool = Pool(dsn, size=4)
        self.catalogue = Catalogue([])
        self.database = Database(self.pool, Clock(), lambda tx: Outbox(self.catalogue, tx))
        self.tokens = Tokens("sample", {"1": b"k" * 32})
        self.revocations = Revocations(self.database, self.tokens)
        self.ended: list[UUID] = []
        self.tokens.on_ended.append(self.ended.append)

    def token(self, actor: Actor) -> bytes:
        return b"Bearer " + self.tokens.issue(actor).encode()

    def answer(self, token: bytes) -> type[Refusal] | None:
        """What it says to a token."""
        try:
            self.tokens.actor(token)
        except Refusal as refusal:
            return type(refusal)
        return None

    async def revoke(self, *actors: Actor, ended: bool = True) -> None:
        await self.database.write(lambda tx: revoke(tx, self.tokens, [actor.session for actor in actors], ended=ended))

    @asynccontextmanager
    async def running(self, *, hints: bool = True, pause: float = 0.4) -> AsyncIterator[None]:
        """At work, as an open market is."""
        await self.revocations.read()
        news = News(self.database, self.catalogue.news, pause=pause)
        tasks = [asyncio.create_task(news.run(self.revocations.read))]
        if hints:
            tasks.append(asyncio.create_task(listen(self.database, {NEWS: news.wake})))
        await asyncio.sleep(0.2)  # until it listens
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def start(runtime_dsn: str, closing: Closing) -> Callable[[], Process]:
    """Starts processes of one market."""

    def begin() -> Process:
        process = Process(runtime_dsn)
        closing(process.pool.close)
        return process

    return begin


Start = Callable[[], Process]


def person(role: str = "client") -> Actor:
    return Actor(uuid4(), frozenset({role}), uuid4(), "sample")


async def seconds_until_refused(process: Process, token: bytes, within: float = 10.0) -> float:
    began = time.monotonic()
    while process.answer(token) is None:
        assert time.monotonic() - began < within, "it is believed for ever"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_it_is_refused_in_this_process_at_once(start: Start) -> None:
    here, ada = start(), person()
    token = here.token(ada)
    await here.revoke(ada)
    assert here.answer(token) is TokenRevoked
    assert here.ended == [ada.session]


@pytest.mark.parametrize("hints", [True, False])
async def test_it_is_refused_in_another_process_within_a_second(start: Start, *, hints: bool) -> None:
    """With NOTIFY, and, as behind PgBouncer, by looking alone."""
    here, there = start(), start()
    async with here.running(hints=hints), there.running(hints=hints):
        for _ in range(3):
            ada = person()
            token = here.token(ada)
            assert there.answer(token) is None
            await here.revoke(ada)
            assert await seconds_until_refused(there, token) < SECOND
            assert there.answer(token) is TokenRevoked
        assert len(there.ended) == 3


async def test_a_hint_is_faster_than_looking(start: Start) -> None:
    """Guards the test above: a process that hardly ever looks is told all the same."""
    here, there, ada = start(), start(), person()
    token = here.token(ada)
    async with here.running(pause=60), there.running(pause=60):
        await here.revoke(ada)
        assert await seconds_until_refused(there, token) < SECOND


async def test_a_revocation_that_is_rolled_back_ends_nothing(start: Start) -> None:
    here, there, ada = start(), start(), person()
    token = here.token(ada)

    async def refused(tx: Tx) -> None:
        await revoke(tx, here.tokens, [ada.session])
        raise LookupError

    with pytest.raises(LookupError):
        await here.database.write(refused)
    await there.revocations.read()
    assert (here.answer(token), there.answer(token)) == (None, None)


async def test_one_that_commits_late_is_not_missed(start: Start) -> None:
    """It was written first and commits last: whoever only asked for what is newer than the newest would never see it."""
    here, there = start(), start()
    late, early = person(), person()
    token = here.token(late)
    async with here.database.begin() as tx:
        await revoke(tx, here.tokens, [late.session])
        await here.revoke(early)
        await there.revocations.read()
        assert there.ended == [early.session]
    await there.revocations.read()
    assert there.answer(token) is TokenRevoked


async def test_a_process_that_starts_later_knows(start: Start) -> None:
    here, ada = start(), person()
    await here.revoke(ada)
    later = start()
    await later.revocations.read()
    assert later.answer(later.token(ada)) is TokenRevoked


async def test_when_roles_change_a_refresh_is_enough_everywhere(start: Start) -> None:
    here, there, ada = start(), start(), person()
    token = here.token(ada)
    await asyncio.sleep(0.01)
    await here.revoke(ada, ended=False)
    await there.revocations.read()
    assert (here.answer(token), there.answer(token)) == (TokenExpired, TokenExpired)
    await asyncio.sleep(0.01)
    fresh = here.token(ada)
    assert (here.answer(fresh), there.answer(fresh)) == (None, None)
    assert here.ended + there.ended == []


async def test_what_ended_stays_ended_whatever_comes_after(start: Start) -> None:
    here, there, ada = start(), start(), person()
    await here.revoke(ada)
    await here.revoke(ada, ended=False)
    await there.revocations.read()
    assert there.answer(there.token(ada)) is TokenRevoked


async def test_a_session_whose_roles_changed_can_still_end(start: Start) -> None:
    here, there, ada = start(), start(), person()
    await here.revoke(ada, ended=False)
    await there.revocations.read()
    await here.revoke(ada)
    await there.revocations.read()
    assert there.answer(there.token(ada)) is TokenRevoked
    assert there.ended == [ada.session]


async def test_its_end_is_told_once_however_often_it_is_read(start: Start) -> None:
    here, there, ada = start(), start(), person()
    await here.revoke(ada)
    for process in (here, there):
        for _ in range(3):
            await process.revocations.read()
    assert (here.ended, there.ended) == ([ada.session], [ada.session])


async def test_many_end_at_once_and_none_is_no_statement(start: Start) -> None:
    here, there, people = start(), start(), [person() for _ in range(50)]
    await here.revoke(*people)
    await here.revoke()
    await there.revocations.read()
    assert sorted(there.ended) == sorted(actor.session for actor in people)


async def test_the_rows_go_when_the_last_token_has_expired(start: Start) -> None:
    here, old, new = start(), person(), person()
    await here.revoke(old, new)
    await here.database.write(lambda tx: tx.run(AGE, old.session))
    await here.database.write(forget_revocations)
    assert await here.database.read(lambda tx: tx.run(KEPT)) == [new.session]


async def test_a_row_outlives_every_token_that_it_refuses(start: Start) -> None:
    here, ada = start(), person()
    await here.revoke(ada)
    left = query("only", float, "select extract(epoch from until - clock_timestamp())::float8 from revocations")
    assert await here.database.read(lambda tx: tx.run(left)) > LIFE_SECONDS
