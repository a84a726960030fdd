"""Orders and messages: what they are, and the rules that need no database."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum, auto
from typing import Annotated, Final, Literal
from uuid import UUID, uuid5

from msgspec import Meta

from souk.kernel.record import Record

ANSWER_WITHIN: Final = timedelta(days=14)
"""How long an open order waits for its first message before it lapses."""

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Body = Annotated[str, Meta(min_length=1, max_length=4000)]
Minor = Annotated[int, Meta(ge=0, le=10**12, description="An amount in minor units: 12500 is 125.00.")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217.")]


class OrderState(StrEnum):
    """Where an order stands."""

    OPEN = auto()
    ACTIVE = auto()
    LAPSED = auto()


class Order(Record):
    """What a customer wants from a provider."""

    id: UUID
    customer_id: UUID
    provider_id: UUID
    title: str
    state: OrderState
    price: int
    currency: str
    message_count: int
    created_at: datetime


class NewOrder(Record):
    """An order as it is asked for."""

    provider_id: UUID
    title: Title
    price: Minor
    currency: Currency


class Message(Record):
    """What one party said to the other."""

    id: UUID
    order_id: UUID
    sender_id: UUID
    body: str
    sent_at: datetime


class NewMessage(Record):
    """A message as it is sent."""

    body: Body


# Signing in, as it is only right for a sample: nobody has a password


PEOPLE: Final = UUID("c1a7be3f-58a3-4f1c-9d2b-6f0b1f0c7a11")


class SignIn(Record):
    """Who one would like to be."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Literal["customer", "provider", "staff"]


class SignedIn(Record):
    """A person of the sample, and the token that proves it."""

    id: UUID
    access_token: str


def person(name: str) -> UUID:
    """The id of the person of that name: always the same one."""
    return uuid5(PEOPLE, name)
