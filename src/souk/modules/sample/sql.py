"""Every statement of the sample."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import astuple

from souk.kernel.db import count, many, one, only, value
from souk.modules.sample.model import Message, Order

# Orders

ORDER_OF = one(
    Order,
    """select id, customer_id, provider_id, title, state, price, currency, message_count, created_at
       from orders where id = $1 and $2 in (customer_id, provider_id)""",
)

ANY_ORDER = one(
    Order,
    """select id, customer_id, provider_id, title, state, price, currency, message_count, created_at
       from orders where id = $1""",
)


class Listed(Order):
    """An order in a list, and how many the whole list has."""

    total: int

    @property
    def order(self) -> Order:
        return Order(*astuple(self)[:-1])


ORDERS_OF = many(
    Listed,
    """select id, customer_id, provider_id, title, state, price, currency, message_count, created_at,
              count(*) over () as "total!"
       from orders
       where (customer_id = $1 or provider_id = $1) and ($2::order_state is null or state = $2)
       order by created_at desc, id desc limit $3 offset $4""",
)

HOW_MANY_OF = only(
    int,
    """select count(*) as "total!" from orders
       where (customer_id = $1 or provider_id = $1) and ($2::order_state is null or state = $2)""",
)

ADD_ORDER = only(
    Order,
    """insert into orders (id, customer_id, provider_id, title, price, currency, created_at)
       values ($1, $2, $3, $4, $5, $6, $7)
       returning id, customer_id, provider_id, title, state, price, currency, message_count, created_at""",
)

COUNT_MESSAGE = count("update orders set message_count = message_count + 1, state = 'active' where id = $1")

LAPSE_UNANSWERED = count(
    """update orders set state = 'lapsed' where id in (
           select id from orders where state = 'open' and message_count = 0 and created_at < $1
           order by created_at limit $2 for update skip locked)""",
)

# Messages

# `must_exist` fails the whole statement when the order is not the sender's, so that no event rides on a refused message.
ADD_MESSAGE = only(
    Message,
    """insert into messages (id, order_id, sender_id, body, sent_at)
       values ($1, must_exist((select id from orders where id = $2 and $3 in (customer_id, provider_id))), $3, $4, $5)
       returning id, order_id, sender_id, body, sent_at""",
)

MESSAGES_OF = many(
    Message,
    """select m.id, m.order_id, m.sender_id, m.body, m.sent_at
       from messages m where m.order_id = $1 and m.id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
       order by m.id desc limit $3""",
)

IS_PARTY = value(UUID, "select id from orders where id = $1 and $2 in (customer_id, provider_id)")
