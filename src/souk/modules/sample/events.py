"""Facts the sample announces."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.messages import Event, event
from souk.modules.sample.model import Message


@event("order.placed")
class OrderPlaced(Event):
    """A customer placed an order."""

    order_id: UUID
    customer_id: UUID
    provider_id: UUID
    price: int
    currency: str


@event("message.posted")
class MessagePosted(Event):
    """A party wrote a message about an order."""

    order_id: UUID
    message_id: UUID
    message: Message | None = None
