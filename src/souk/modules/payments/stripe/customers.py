"""Payers, and the ways to pay that they saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import stripe

from souk.modules.payments.provider import Customer, Method, Setup
from souk.modules.payments.stripe.line import Line, named, with_key
from souk.modules.payments.stripe.reading import id_of

SETUP_STATES: Final = {
    "requires_payment_method": "requires_method",
    "requires_confirmation": "requires_method",
    "requires_action": "requires_action",
    "processing": "requires_action",
    "succeeded": "succeeded",
    "canceled": "canceled",
}
"""One that is being processed, or waits to be confirmed, is in the hands of the payer's browser still."""


class Customers(Line):
    """The part of the provider that knows payers."""

    async def create_customer(self, key: str, *, email: str, name: str, metadata: Mapping[str, str]) -> Customer:
        """Make a payer known."""
        asked: stripe.params.CustomerCreateParams = {"metadata": dict(metadata)}
        if email:  # Stripe takes an empty text for an attempt to remove something
            asked["email"] = email
        if name:
            asked["name"] = name
        return Customer((await self._ask(self._stripe.v1.customers.create_async(asked, with_key(key)))).id)

    async def create_setup(self, key: str, customer: str) -> Setup:
        """Begin to save a way to pay; the payer's browser finishes it with the client secret."""
        asked: stripe.params.SetupIntentCreateParams = {
            "customer": named("customer", customer),
            "usage": "off_session",
            "allowed_payment_method_types": ["card"],
        }
        return _setup(await self._ask(self._stripe.v1.setup_intents.create_async(asked, with_key(key))))

    async def setup(self, setup_id: str) -> Setup:
        """How far that has come."""
        return _setup(await self._ask(self._stripe.v1.setup_intents.retrieve_async(named("setup intent", setup_id))))

    async def methods(self, customer: str) -> list[Method]:
        """Saved ways to pay."""
        asked: stripe.params.PaymentMethodListParams = {"customer": named("customer", customer), "type": "card", "limit": 100}
        return [_card(found) async for found in self._each(self._stripe.v1.payment_methods.list_async(asked))]

    async def forget_method(self, key: str, method: str) -> None:
        """Remove one."""
        await self._ask(self._stripe.v1.payment_methods.detach_async(named("payment method", method), options=with_key(key)))


def _setup(found: stripe.SetupIntent) -> Setup:
    return Setup(found.id, found.client_secret or "", SETUP_STATES[found.status], id_of(found.payment_method))


def _card(found: stripe.PaymentMethod) -> Method:
    card: Any = found.card  # only cards were asked for
    return Method(found.id, found.type, card.brand, card.last4, card.exp_month, card.exp_year)
