"""The pool: lends the warmest connection, never more than its size, and loses none whatever happens to those who wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from souk.kernel.db import DatabaseBusy, DatabaseUnavailable, Pool, Query
from souk.kernel.db.connection import Connection
from souk.kernel.db.direct import direct

ONE = Query[int]("only", int, "select 1", __name__)


@pytest.fixture
def small(runtime_dsn: str, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Pool:
    """Two connections, and little patience."""
    pool = Pool(runtime_dsn, size=2, wait=0.3)
    closing(pool.close)
    return pool


async def all_taken(pool: Pool) -> list[Connection]:
    return [await pool.take() for _ in range(pool.size)]


async def standing_in_line(pool: Pool) -> asyncio.Task[Connection]:
    task = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    return task


async def test_nothing_connects_before_it_is_needed(small: Pool) -> None:
    assert (small.open, small.busy) == (0, 0)
    assert small.take_idle() is None


async def test_the_connection_that_came_back_last_is_lent_first(small: Pool) -> None:
    first, second = await all_taken(small)
    small.give_back(first)
    small.give_back(second)
    assert await small.take() is second
    assert small.take_idle() is first
    small.give_back(first)
    small.give_back(second)


async def test_idle_connections_are_closed_after_a_while_and_the_warm_ones_stay(small: Pool) -> None:
    first, second = await all_taken(small)
    small.give_back(first)
    first.idle_since -= 100
    small.give_back(second)
    small.close_idle(60)
    assert small.open == 1
    assert not first.usable()
    assert small.take_idle() is second
    small.give_back(second)


async def test_the_size_is_never_exceeded_and_waiting_ends_in_a_refusal(small: Pool) -> None:
    lent = await all_taken(small)
    with pytest.raises(DatabaseBusy) as refused:
        await small.take()
    assert refused.value.headers() == (("Retry-After", "1"),)
    assert small.open == 2
    for connection in lent:
        small.give_back(connection)
    assert small.busy == 0


async def test_who_waited_longest_is_served_first_and_nobody_overtakes(small: Pool) -> None:
    first, second = await all_taken(small)
    waiting = [await standing_in_line(small) for _ in range(2)]
    small.give_back(first)
    late = await standing_in_line(small)
    small.give_back(second)
    assert await waiting[0] is first
    assert await waiting[1] is second
    small.give_back(first)
    assert await late is first
    small.give_back(first)
    small.give_back(second)


async def test_a_dropped_connection_makes_place_for_the_first_in_line(small: Pool) -> None:
    first, second = await all_taken(small)
    waiting = await standing_in_line(small)
    small.drop(first)
    overtaker = await standing_in_line(small)
    fresh = await waiting
    assert fresh not in (first, second)
    assert small.open == 2
    assert not overtaker.done()
    small.give_back(fresh)
    assert await overtaker is fresh
    small.give_back(fresh)
    small.give_back(second)


async def test_a_waiter_cancelled_before_its_turn_costs_nothing(small: Pool) -> None:
    lent = await all_taken(small)
    waiting = await standing_in_line(small)
    waiting.cancel()
    await asyncio.wait([waiting])
    for connection in lent:
        small.give_back(connection)
    assert (small.open, small.busy) == (2, 0)


async def test_a_waiter_cancelled_in_the_moment_it_was_served_passes_the_connection_on(small: Pool) -> None:
    first, second = await all_taken(small)
    waiting = await standing_in_line(small)
    next_in_line = await standing_in_line(small)
    small.give_back(first)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert await next_in_line is first
    small.give_back(first)
    small.give_back(second)
    assert (small.open, small.busy) == (2, 0)


async def test_a_waiter_cancelled_in_the_moment_it_was_given_a_place_passes_the_place_on(small: Pool) -> None:
    first, second = await all_taken(small)
    waiting = await standing_in_line(small)
    small.drop(first)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert small.open == 1
    third = await small.take()
    small.give_back(second)
    small.give_back(third)
    assert (small.open, small.busy) == (2, 0)


async def test_a_waiter_whose_patience_ended_in_the_moment_it_was_served_keeps_what_it_got(small: Pool) -> None:
    first, second = await all_taken(small)
    small.wait = 0.0
    waiting = await standing_in_line(small)
    small.give_back(first)
    assert await waiting is first
    small.give_back(first)
    small.give_back(second)


async def test_cancelled_while_connecting_the_place_is_free_again(small: Pool) -> None:
    connecting = await standing_in_line(small)
    assert small.open == 1
    connecting.cancel()
    await asyncio.wait([connecting])
    assert small.open == 0


@pytest.mark.parametrize("seed", range(5))
async def test_a_storm_of_borrowers_that_come_break_and_go_loses_nothing(small: Pool, seed: int) -> None:
    chance = random.Random(seed)
    small.wait = 10

    async def borrow() -> None:
        connection = await small.take()
        try:
            assert small.busy <= small.size
            await connection.run(ONE, ())
        except BaseException:
            small.drop(connection)
            raise
        if chance.random() < 0.2:
            small.drop(connection)
        else:
            small.give_back(connection)

    borrowers = [asyncio.create_task(borrow()) for _ in range(80)]
    for borrower in borrowers:
        if chance.random() < 0.4:
            asyncio.get_running_loop().call_later(chance.random() * 0.2, borrower.cancel)
    results = await asyncio.gather(*borrowers, return_exceptions=True)
    assert {type(r) for r in results} <= {type(None), asyncio.CancelledError}
    assert small.busy == 0
    assert small.open <= small.size
    await asyncio.gather(borrow(), borrow(), borrow())


async def test_a_connection_left_inside_a_transaction_is_closed_instead(small: Pool) -> None:
    connection = await small.take()
    await connection.execute("begin")
    small.give_back(connection)
    assert small.open == 0
    assert not connection.usable()


async def test_dead_idle_connections_are_replaced(small: Pool, kill_sessions: Callable[[], Awaitable[int]]) -> None:
    for connection in await all_taken(small):
        small.give_back(connection)
    assert await kill_sessions() == 2
    connection = await small.take()
    assert await connection.run(ONE, ()) == 1
    small.give_back(connection)


async def test_closing_waits_for_those_still_at_work_and_turns_away_the_rest(small: Pool) -> None:
    first, second = await all_taken(small)
    small.give_back(second)
    small.take_idle()
    waiting = await standing_in_line(small)
    closing = asyncio.create_task(small.close())
    with pytest.raises(DatabaseUnavailable):
        await waiting
    with pytest.raises(DatabaseUnavailable):
        await small.take()
    assert await first.run(ONE, ()) == 1
    small.give_back(first)
    assert not closing.done()
    small.give_back(second)
    await closing
    assert small.open == 0


async def test_closing_ends_what_does_not_come_back(small: Pool) -> None:
    connection = await small.take()
    await small.close(patience=0.05)
    assert not connection.usable()
    small.give_back(connection)
    assert small.open == 0


async def test_closing_twice_is_harmless(small: Pool) -> None:
    small.give_back(await small.take())
    await small.close()
    await small.close()
    assert small.open == 0


async def test_a_server_that_does_not_answer_is_refused_in_words(small: Pool) -> None:
    nowhere = Pool("postgres://nobody@127.0.0.1:1/nothing", size=1)
    with pytest.raises(DatabaseUnavailable):
        await nowhere.take()
    assert nowhere.open == 0
    with pytest.raises(DatabaseUnavailable):
        async with direct("postgres://nobody@127.0.0.1:1/nothing"):
            pass
