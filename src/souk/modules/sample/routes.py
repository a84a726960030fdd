"""The sample over HTTP."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http.guards import ANYONE, Actor, who
from souk.kernel.http.operation import operation
from souk.kernel.http.paging import CursorPage, CursorPaging, Page, Paging
from souk.kernel.http.tokens import Tokens
from souk.kernel.ids import new_id
from souk.modules.sample import commands
from souk.modules.sample.errors import OrderNotFound, OwnOrder
from souk.modules.sample.model import Message, NewMessage, NewOrder, Order, OrderState, SignedIn, SignIn, person

CUSTOMER: Final = who("sample.customer")
PROVIDER: Final = who("sample.provider")
STAFF: Final = who("sample.staff")


class OrdersQuery(Paging, kw_only=True):
    """Which of the caller's orders are wanted."""

    state: OrderState | None = None


@operation("POST", "/sign-in", who=ANYONE, example={"name": "Ada", "role": "customer"})
async def sign_in(tokens: Tokens, body: SignIn) -> SignedIn:
    """Become whomever you name. Only a sample may do this: there are no passwords."""
    actor = Actor(person(body.name), frozenset({body.role}), new_id(), tokens.market)
    return SignedIn(actor.id, tokens.issue(actor))


@operation("GET", "/orders/{order_id}", who=CUSTOMER | PROVIDER, refusals=(OrderNotFound,))
async def read_order(tx: Tx, by: Actor, order_id: UUID) -> Order:
    """Read one of your orders."""
    return await commands.access_order(tx, by, order_id)


@operation("GET", "/orders", who=CUSTOMER | PROVIDER)
async def list_orders(tx: Tx, by: Actor, query: OrdersQuery) -> Page[Order]:
    """List your orders, newest first."""
    return await commands.orders_of(tx, by, query.state, query)


@operation(
    "POST",
    "/orders",
    who=CUSTOMER,
    status=201,
    idempotent=True,
    dry_run=True,
    refusals=(OwnOrder,),
    example={"providerId": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11", "title": "Paint the fence", "price": 12500, "currency": "EUR"},
)
async def place_order(tx: Tx, by: Actor, body: NewOrder) -> Order:
    """Place an order with a provider."""
    return await commands.place(tx, by, body)


@operation(
    "POST",
    "/orders/{order_id}/messages",
    who=CUSTOMER | PROVIDER,
    status=201,
    idempotent=True,
    refusals=(OrderNotFound,),
    example={"body": "Is Tuesday all right?"},
)
async def post_message(tx: Tx, by: Actor, order_id: UUID, body: NewMessage) -> Message:
    """Write to the other party of an order."""
    return await commands.post(tx, by, order_id, body)


@operation("GET", "/orders/{order_id}/messages", who=CUSTOMER | PROVIDER, refusals=(OrderNotFound,))
async def list_messages(tx: Tx, by: Actor, order_id: UUID, query: CursorPaging) -> CursorPage[Message]:
    """Read the conversation about an order, newest first."""
    return await commands.messages_of(tx, by, order_id, query)


@operation("GET", "/staff/orders/{order_id}", who=STAFF, shared=True, refusals=(OrderNotFound,))
async def read_any_order(tx: Tx, order_id: UUID) -> Order:
    """Read anybody's order, as staff."""
    return await commands.any_order(tx, order_id)
