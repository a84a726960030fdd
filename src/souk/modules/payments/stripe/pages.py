"""Stripe's own pages: checkout, and the portal of subscribers."""

from __future__ import annotations

from collections.abc import Mapping

import stripe

from souk.modules.payments.provider import Checkout, Misused
from souk.modules.payments.stripe.line import Line, named, with_key
from souk.modules.payments.stripe.reading import id_of


class Pages(Line):
    """The part of the provider that sends people to pages of Stripe's."""

    async def checkout(  # noqa: PLR0913 - a page has as many sides
        self, key: str, *, customer: str, price: str, quantity: int, mode: str, success: str, cancel: str, metadata: Mapping[str, str]
    ) -> Checkout:
        """A page to subscribe (`mode` "subscription") or to buy ("payment") at a price that Stripe knows.

        What is subscribed or paid there carries the same metadata as the page.
        """
        asked: stripe.params.checkout.SessionCreateParams = {
            "customer": named("customer", customer),
            "line_items": [{"price": price, "quantity": quantity}],
            "success_url": success,
            "cancel_url": cancel,
            "metadata": dict(metadata),
        }
        if mode == "subscription":
            asked["mode"] = "subscription"
            asked["subscription_data"] = {"metadata": dict(metadata)}
        elif mode == "payment":
            asked["mode"] = "payment"
            asked["payment_intent_data"] = {"metadata": dict(metadata)}
        else:
            raise Misused("parameter_invalid", f"Invalid mode: {mode}")
        return _checkout(await self._ask(self._stripe.v1.checkout.sessions.create_async(asked, with_key(key))))

    async def checkout_of(self, checkout: str) -> Checkout:
        """It as it stands."""
        return _checkout(await self._ask(self._stripe.v1.checkout.sessions.retrieve_async(named("checkout session", checkout))))

    async def portal(self, customer: str, *, back: str) -> str:
        """A page on which a customer manages subscriptions, methods and invoices."""
        asked: stripe.params.billing_portal.SessionCreateParams = {"customer": named("customer", customer), "return_url": back}
        return (await self._ask(self._stripe.v1.billing_portal.sessions.create_async(asked))).url


def _checkout(found: stripe.checkout.Session) -> Checkout:
    """Stripe takes the address of a page away when it is over."""
    return Checkout(found.id, found.url or "", found.status or "open", id_of(found.customer), id_of(found.subscription))
