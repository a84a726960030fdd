"""Stripe's test cards: what a card does is decided by which one it is."""

from __future__ import annotations

from typing import Final

import msgspec

from souk.modules.payments.sandbox.objects import Card


class Decline(msgspec.Struct, frozen=True):
    """Why a card is not charged."""

    code: str
    reason: str
    message: str


class TestCard(msgspec.Struct, frozen=True, kw_only=True):
    """What one of them does."""

    number: str
    brand: str = "visa"
    decline: Decline | None = None
    secure: bool = False
    """Its bank wants to know who pays (3-D Secure)."""
    slow: bool = False
    """The money takes its time to arrive, or its bank to say no."""
    refund: str = "succeeded"
    """What becomes of refunds: `succeeded`, `pending` (and succeeds later), `fails` (after it succeeded)."""
    disputed: str = ""
    """The reason for which its owner takes back what was paid."""


def _declined(code: str, message: str, reason: str = "") -> Decline:
    return Decline(code, reason or code, message)


GENERIC: Final = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS: Final = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
NOT_PROVEN: Final = Decline("card_declined", "authentication_required", "Your card was declined. This transaction requires authentication.")

CARDS: Final[dict[str, TestCard]] = {
    "pm_card_visa": TestCard(number="4242424242424242"),
    "pm_card_mastercard": TestCard(number="5555555555554444", brand="mastercard"),
    "pm_card_amex": TestCard(number="378282246310005", brand="amex"),
    "pm_card_visa_chargeDeclined": TestCard(number="4000000000000002", decline=GENERIC),
    "pm_card_visa_chargeDeclinedInsufficientFunds": TestCard(number="4000000000009995", decline=NO_FUNDS),
    "pm_card_visa_chargeDeclinedLostCard": TestCard(
        number="4000000000009987", decline=_declined("card_declined", "Your card was declined.", "lost_card")
    ),
    "pm_card_chargeDeclinedExpiredCard": TestCard(number="4000000000000069", decline=_declined("expired_card", "Your card has expired.")),
    "pm_card_chargeDeclinedIncorrectCvc": TestCard(
        number="4000000000000127", decline=_declined("incorrect_cvc", "Your card's security code is incorrect.")
    ),
    "pm_card_chargeDeclinedProcessingError": TestCard(
        number="4000000000000119",
        decline=_declined("processing_error", "An error occurred while processing your card. Try again in a little bit."),
    ),
    "pm_card_authenticationRequired": TestCard(number="4000002760003184", secure=True),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(number="4000008260003178", secure=True, decline=NO_FUNDS),
    "pm_card_createDispute": TestCard(number="4000000000000259", disputed="fraudulent"),
    "pm_card_createDisputeProductNotReceived": TestCard(number="4000000000002685", disputed="product_not_received"),
    "pm_card_refundFail": TestCard(number="4000000000005126", refund="fails"),
    "pm_card_pendingRefund": TestCard(number="4000000000007726", refund="pending"),
    "pm_usBankAccount_processing": TestCard(number="000000000009", brand="unknown", slow=True),
    "pm_usBankAccount_insufficientFunds": TestCard(number="000222222227", brand="unknown", slow=True, decline=NO_FUNDS),
}

BY_NUMBER: Final = {card.number: name for name, card in CARDS.items()}


def shown(name: str) -> Card:
    """The card as it is shown."""
    card = CARDS[name]
    return Card(brand=card.brand, last4=card.number[-4:], fingerprint=name)


def behind(card: Card) -> TestCard:
    """What it does."""
    return CARDS[card.fingerprint]
