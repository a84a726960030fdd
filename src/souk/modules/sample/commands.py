"""What the sample does: `tx` first, then who asks. Nobody here commits."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import NoRow, Tx
from souk.kernel.http.guards import Actor
from souk.kernel.http.paging import CursorPage, CursorPaging, Page, Paging, cursor_page
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules.sample import sql
from souk.modules.sample.errors import OrderNotFound, OwnOrder
from souk.modules.sample.events import MessagePosted, OrderPlaced
from souk.modules.sample.model import Message, NewMessage, NewOrder, Order, OrderState


async def access_order(tx: Tx, by: Actor, order_id: UUID) -> Order:
    """An order, for one of its parties."""
    order = await tx.run(sql.ORDER_OF, order_id, by.id)
    if order is None:
        raise OrderNotFound
    return order


async def any_order(tx: Tx, order_id: UUID) -> Order:
    """An order, for those who may see all of them."""
    order = await tx.run(sql.ANY_ORDER, order_id)
    if order is None:
        raise OrderNotFound
    return order


async def orders_of(tx: Tx, by: Actor, state: OrderState | None, paging: Paging) -> Page[Order]:
    """The caller's orders, newest first. Only a page past the end asks a second time, for the total."""
    rows = await tx.run(sql.ORDERS_OF, by.id, state, paging.limit, paging.offset)
    if rows:
        return Page([row.order for row in rows], rows[0].total, paging)
    total = await tx.run(sql.HOW_MANY_OF, by.id, state) if paging.offset else 0
    return Page([], total, paging)


async def place(tx: Tx, by: Actor, wanted: NewOrder) -> Order:
    """Place an order with a provider."""
    if wanted.provider_id == by.id:
        raise OwnOrder
    order_id = new_id()
    await emit(tx, OrderPlaced(order_id, by.id, wanted.provider_id, wanted.price, wanted.currency))
    return await tx.finish(sql.ADD_ORDER, order_id, by.id, wanted.provider_id, wanted.title, wanted.price, wanted.currency, tx.now)


async def post(tx: Tx, by: Actor, order_id: UUID, message: NewMessage) -> Message:
    """Write to the other party: permission, message, event and its reaction's job in one statement, so in one round trip."""
    posted = Message(new_id(), order_id, by.id, message.body, tx.now)
    await emit(tx, MessagePosted(order_id, posted.id, posted))
    try:
        return await tx.finish(sql.ADD_MESSAGE, posted.id, order_id, by.id, posted.body, posted.sent_at)
    except NoRow:
        raise OrderNotFound from None


async def messages_of(tx: Tx, by: Actor, order_id: UUID, paging: CursorPaging) -> CursorPage[Message]:
    """The conversation about an order, newest first."""
    if await tx.run(sql.IS_PARTY, order_id, by.id) is None:
        raise OrderNotFound
    rows = await tx.run(sql.MESSAGES_OF, order_id, paging.after(UUID), paging.limit + 1)
    return cursor_page(rows, paging, lambda message: message.id)
