"""Orders: placed by customers, seen by their two parties only, and lapsed when nobody answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.http.paging import Paging
from souk.kernel.messages import Worker
from souk.modules.sample import OrderNotFound, OrderState
from souk.modules.sample.commands import any_order, orders_of
from souk.modules.sample.errors import OwnOrder
from tests.modules.sample.conftest import Shop


async def test_a_placed_order_is_open_and_both_parties_see_it(shop: Shop) -> None:
    placed = await shop.order("Paint the fence")
    for party in (shop.ada, shop.bo):
        assert await shop.see(party, placed) == placed
    assert (placed.title, placed.state, placed.price, placed.message_count) == ("Paint the fence", OrderState.OPEN, 12500, 0)


async def test_nobody_else_learns_that_an_order_exists(shop: Shop) -> None:
    placed = await shop.order()
    with pytest.raises(OrderNotFound):
        await shop.see(shop.cy, placed)


async def test_staff_read_any_order(shop: Shop, database: Database) -> None:
    placed = await shop.order()
    assert await database.read(lambda tx: any_order(tx, placed.id)) == placed


async def test_staff_hear_that_an_order_does_not_exist(shop: Shop, database: Database) -> None:
    with pytest.raises(OrderNotFound):
        await database.read(lambda tx: any_order(tx, shop.ada.id))


async def test_an_order_with_oneself_is_refused(shop: Shop) -> None:
    with pytest.raises(OwnOrder):
        await shop.order(provider=shop.ada.id)


async def test_a_list_holds_ones_own_orders_newest_first_and_their_number(shop: Shop, database: Database) -> None:
    placed = [await shop.order(f"Number {n}") for n in range(3)]
    await shop.order("Somebody else's", by=shop.cy)
    page = await database.read(lambda tx: orders_of(tx, shop.ada, None, Paging(page=1, limit=2)))
    assert list(page.items) == [placed[2], placed[1]]
    assert page.total == 3


async def test_a_provider_lists_the_orders_that_were_placed_with_them(shop: Shop, database: Database) -> None:
    placed = await shop.order()
    page = await database.read(lambda tx: orders_of(tx, shop.bo, None, Paging()))
    assert list(page.items) == [placed]


async def test_a_page_past_the_end_is_empty_and_still_tells_the_total(shop: Shop, database: Database) -> None:
    await shop.order()
    page = await database.read(lambda tx: orders_of(tx, shop.ada, None, Paging(page=5)))
    assert (list(page.items), page.total) == ([], 1)


async def test_a_list_can_be_of_one_state(shop: Shop, database: Database) -> None:
    await shop.order()
    active = await database.read(lambda tx: orders_of(tx, shop.ada, OrderState.ACTIVE, Paging()))
    open_ones = await database.read(lambda tx: orders_of(tx, shop.ada, OrderState.OPEN, Paging()))
    assert (active.total, open_ones.total) == (0, 1)


async def test_an_order_nobody_writes_about_lapses_after_two_weeks(shop: Shop, clock: Clock, worker: Worker) -> None:
    quiet, answered = await shop.order("Quiet"), await shop.order("Answered")
    await shop.say(shop.bo, answered, "Tomorrow")
    await worker.drain()
    clock.move_to(timedelta(days=14, minutes=2))
    await worker.drain()
    states = [(await shop.see(shop.ada, order)).state for order in (quiet, answered)]
    assert states == [OrderState.LAPSED, OrderState.ACTIVE]


async def test_an_order_does_not_lapse_early(shop: Shop, clock: Clock, worker: Worker) -> None:
    placed = await shop.order()
    await worker.drain()
    clock.move_to(timedelta(days=13, hours=23))
    await worker.drain()
    assert (await shop.see(shop.ada, placed)).state is OrderState.OPEN
