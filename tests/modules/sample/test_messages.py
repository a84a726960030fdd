"""Messages: written by the two parties of an order, counted once each, and nothing is left of one that was refused."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from souk.kernel.messages import Worker
from souk.modules.sample import MODULE, OrderNotFound, OrderState
from tests.modules.sample.conftest import Shop


async def rows(dsn: str, sql: str) -> list[tuple[object, ...]]:
    """A look at the tables past everything."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_both_parties_write_and_read_the_conversation_newest_first(shop: Shop) -> None:
    order = await shop.order()
    first = await shop.say(shop.ada, order, "Tuesday?")
    second = await shop.say(shop.bo, order, "Gladly.")
    page = await shop.read(shop.ada, order)
    assert list(page.items) == [second, first]
    assert page.next_cursor is None


async def test_a_long_conversation_is_read_on_by_cursor_without_gaps_or_doubles(shop: Shop) -> None:
    order = await shop.order()
    written = [await shop.say(shop.ada, order, f"{n}") for n in range(5)]
    read: list[object] = []
    cursor = ""
    while True:
        page = await shop.read(shop.bo, order, cursor, limit=2)
        read += page.items
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
    assert read == written[::-1]


async def test_a_stranger_cannot_read_the_conversation(shop: Shop) -> None:
    order = await shop.order()
    with pytest.raises(OrderNotFound):
        await shop.read(shop.cy, order)


async def test_nothing_remains_of_a_message_that_was_refused(shop: Shop, runtime_dsn: str) -> None:
    order = await shop.order()
    with pytest.raises(OrderNotFound):
        await shop.say(shop.cy, order, "Let me in")
    left = "select count(*) from {} where {}"
    assert await rows(runtime_dsn, left.format("messages", "true")) == [(0,)]
    assert await rows(runtime_dsn, left.format("events", "topic = 'message.posted'")) == [(0,)]
    assert await rows(runtime_dsn, left.format("jobs", "name like 'message.posted:%'")) == [(0,)]


async def test_a_refused_message_leaves_the_connection_usable(shop: Shop) -> None:
    with pytest.raises(OrderNotFound):
        await shop.say(shop.ada, uuid4(), "Hello?")
    order = await shop.order()
    assert (await shop.say(shop.ada, order, "Hello.")).body == "Hello."


async def test_each_message_is_counted_once_and_the_first_makes_the_order_active(shop: Shop, worker: Worker) -> None:
    order = await shop.order()
    for n in range(3):
        await shop.say(shop.ada, order, f"{n}")
    await worker.drain()
    counted = await shop.see(shop.ada, order)
    assert (counted.message_count, counted.state) == (3, OrderState.ACTIVE)


async def test_the_laws_hold_and_each_notices_its_breach(shop: Shop, worker: Worker, admin_dsn: str) -> None:
    order = await shop.order()
    await shop.say(shop.ada, order, "Tuesday?")
    await worker.drain()
    laws = [law.query.sql for law in MODULE.laws]
    breaches = (
        "update orders set message_count = 7",
        f"update messages set sender_id = '{uuid4()}'",
        "update orders set state = 'open'",
    )
    connection = await asyncpg.connect(admin_dsn)
    await connection.execute("set search_path to sample")
    for law, breach in zip(laws, breaches, strict=True):
        assert await connection.fetch(law) == []
        await connection.execute(f"begin; {breach}")
        assert len(await connection.fetch(law)) == 1
        await connection.execute("rollback")
    await connection.close()
