"""Payments and their refunds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import stripe

from souk.kernel.money import Money
from souk.modules.payments.provider import Failure, Intent, IntentState, Refund, RefundState
from souk.modules.payments.stripe.line import Line, named, with_key
from souk.modules.payments.stripe.reading import id_of, labels, money

STATES: Final = {
    "requires_payment_method": IntentState.REQUIRES_METHOD,
    "requires_confirmation": IntentState.REQUIRES_CONFIRMATION,
    "requires_action": IntentState.REQUIRES_ACTION,
    "processing": IntentState.PROCESSING,
    "requires_capture": IntentState.REQUIRES_CAPTURE,
    "succeeded": IntentState.SUCCEEDED,
    "canceled": IntentState.CANCELED,
}
REFUND_STATES: Final = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
WITH_CHARGE: Final = ["latest_charge"]
"""What went back stands on the charge."""


class Intents(Line):
    """The part of the provider that takes money, and gives it back."""

    async def create_intent(  # noqa: PLR0913 - a payment has as many sides
        self,
        key: str,
        amount: Money,
        *,
        customer: str | None = None,
        method: str | None = None,
        manual: bool = False,
        confirm: bool = False,
        metadata: Mapping[str, str],
    ) -> Intent:
        """Begin a payment. confirm: with a saved method, without the payer's browser. Raises Declined."""
        asked: stripe.params.PaymentIntentCreateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "allowed_payment_method_types": ["card"],
            "capture_method": "manual" if manual else "automatic",
            "metadata": dict(metadata),
            "expand": WITH_CHARGE,
        }
        if customer:
            asked["customer"] = customer
        if method:
            asked["payment_method"] = method
        if confirm:
            asked["confirm"] = True
            asked["off_session"] = True
        return _intent(await self._ask(self._stripe.v1.payment_intents.create_async(asked, with_key(key))))

    async def confirm_intent(self, key: str, intent: str, method: str | None = None) -> Intent:
        """Go on with a payment by that method. Raises Declined."""
        asked: stripe.params.PaymentIntentConfirmParams = {"return_url": self._back, "expand": WITH_CHARGE}
        if method:
            asked["payment_method"] = method
        call = self._stripe.v1.payment_intents.confirm_async(named("payment intent", intent), asked, with_key(key))
        return _intent(await self._ask(call))

    async def capture_intent(self, key: str, intent: str, amount: int | None = None) -> Intent:
        """Take what was authorised, or part of it; the rest is let go."""
        asked: stripe.params.PaymentIntentCaptureParams = {"expand": WITH_CHARGE}
        if amount is not None:
            asked["amount_to_capture"] = amount
        call = self._stripe.v1.payment_intents.capture_async(named("payment intent", intent), asked, with_key(key))
        return _intent(await self._ask(call))

    async def cancel_intent(self, key: str, intent: str) -> Intent:
        """Give a payment up that was not captured; an authorisation is let go."""
        call = self._stripe.v1.payment_intents.cancel_async(named("payment intent", intent), {"expand": WITH_CHARGE}, with_key(key))
        return _intent(await self._ask(call))

    async def intent(self, intent: str) -> Intent:
        """A payment as it stands."""
        call = self._stripe.v1.payment_intents.retrieve_async(named("payment intent", intent), {"expand": WITH_CHARGE})
        return _intent(await self._ask(call))

    async def refund(self, key: str, intent: str, amount: int, *, metadata: Mapping[str, str]) -> Refund:
        """Send money back to the payer."""
        asked: stripe.params.RefundCreateParams = {
            "payment_intent": named("payment intent", intent),
            "amount": amount,
            "metadata": dict(metadata),
        }
        return _refund(await self._ask(self._stripe.v1.refunds.create_async(asked, with_key(key))))

    async def refund_of(self, refund: str) -> Refund:
        """A refund as it stands."""
        return _refund(await self._ask(self._stripe.v1.refunds.retrieve_async(named("refund", refund))))

    async def find_refund(self, intent: str, ours: str) -> Refund | None:
        """The refund of a payment that says it is `ours`."""
        asked: stripe.params.RefundListParams = {"payment_intent": named("payment intent", intent), "limit": 100}
        async for found in self._each(self._stripe.v1.refunds.list_async(asked)):
            if labels(found.metadata).get("refund") == ours:
                return _refund(found)
        return None


def _intent(found: stripe.PaymentIntent) -> Intent:
    charge = found.latest_charge
    return Intent(
        found.id,
        STATES[found.status],
        money(found.amount, found.currency),
        found.amount_received,
        charge.amount_refunded if isinstance(charge, stripe.Charge) else 0,
        found.client_secret or "",
        id_of(found.customer),
        id_of(found.payment_method),
        _failure(found.last_payment_error),
        found.capture_method == "manual",
        labels(found.metadata),
        _next(found.next_action),
    )


def _failure(told: stripe.PaymentIntent.LastPaymentError | None) -> Failure | None:
    if told is None:
        return None
    return Failure(getattr(told, "decline_code", None) or getattr(told, "code", None) or told.type, getattr(told, "message", None) or "")


def _next(action: stripe.PaymentIntent.NextAction | None) -> str | None:
    """Other actions are for the browser alone, which finds them by the client secret."""
    if action is None or action.type != "redirect_to_url" or action.redirect_to_url is None:
        return None
    return action.redirect_to_url.url


def _refund(found: stripe.Refund) -> Refund:
    state = REFUND_STATES[found.status or "pending"]
    why = getattr(found, "failure_reason", None) or found.status or ""
    failure = Failure(why, why.replace("_", " ")) if state is RefundState.FAILED else None
    return Refund(found.id, id_of(found.payment_intent) or "", money(found.amount, found.currency), state, failure)
