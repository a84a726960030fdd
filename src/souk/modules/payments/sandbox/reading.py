"""The bank's objects as the values that markets know, and its refusals as theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from souk.kernel.money import Money
from souk.modules.payments import provider as p
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.errors import BankError, NoAnswer

SETUP_STATES: Final = {"requires_payment_method": "requires_method", "requires_confirmation": "requires_method"}
INTENT_STATES: Final = {
    "requires_payment_method": p.IntentState.REQUIRES_METHOD,
    "requires_confirmation": p.IntentState.REQUIRES_CONFIRMATION,
    "requires_action": p.IntentState.REQUIRES_ACTION,
    "processing": p.IntentState.PROCESSING,
    "requires_capture": p.IntentState.REQUIRES_CAPTURE,
    "succeeded": p.IntentState.SUCCEEDED,
    "canceled": p.IntentState.CANCELED,
}
DISPUTE_STATES: Final = {"won": p.DisputeState.WON, "lost": p.DisputeState.LOST}
PAYOUT_STATES: Final = {"paid": p.PayoutState.PAID, "failed": p.PayoutState.FAILED}
BOOKINGS: Final = {
    "charge": "payment",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "dispute": "dispute",
    "dispute_reversal": "dispute_reversal",
    "transfer": "payout",
    "transfer_reversal": "payout_failure",
}


@contextmanager
def answering() -> Iterator[None]:
    """What the bank says no with, as markets know it."""
    try:
        yield
    except NoAnswer:
        raise p.Unreachable("the sandbox did not answer") from None
    except BankError as refusal:
        raise judged(refusal) from refusal


def judged(refusal: BankError) -> p.ProviderError:
    """What a refusal means."""
    if refusal.status in (409, 429) or refusal.status >= 500:
        return p.Unreachable(f"the sandbox answered {refusal.status}: {refusal.message}")
    if refusal.status == 402:
        return p.Declined(p.Failure(refusal.decline_code or refusal.code or refusal.type, refusal.message))
    return p.Misused(refusal.code or refusal.type, refusal.message)


def money(amount: int, currency: str) -> Money:
    """Stripe writes currencies in small letters."""
    return Money(amount, currency.upper())


def setup(found: o.SetupIntent) -> p.Setup:
    """Saving a way to pay."""
    return p.Setup(found.id, found.client_secret, SETUP_STATES.get(found.status, found.status), found.payment_method)


def method(found: o.PaymentMethod) -> p.Method:
    """A saved way to pay."""
    card = found.card
    return p.Method(found.id, found.type, card.brand, card.last4, card.exp_month, card.exp_year)


def intent(found: o.PaymentIntent, charge: o.Charge | None) -> p.Intent:
    """A payment; what went back of it stands on its charge."""
    return p.Intent(
        found.id,
        INTENT_STATES[found.status],
        money(found.amount, found.currency),
        found.amount_received,
        charge.amount_refunded if charge else 0,
        found.client_secret,
        found.customer,
        found.payment_method,
        _failure(found.last_payment_error),
        found.capture_method == "manual",
        found.metadata,
        found.next_action.redirect_to_url.url if found.next_action else None,
    )


def _failure(told: o.LastError | None) -> p.Failure | None:
    return p.Failure(told.decline_code or told.code, told.message) if told else None


def refund(found: o.Refund) -> p.Refund:
    """Money on its way back."""
    state = p.RefundState(found.status)
    why = found.failure_reason or found.status
    failure = p.Failure(why, why.replace("_", " ")) if state is p.RefundState.FAILED else None
    return p.Refund(found.id, found.payment_intent, money(found.amount, found.currency), state, failure)


def dispute(found: o.Dispute) -> p.Dispute:
    """A chargeback."""
    fee = sum(line.fee for line in found.balance_transactions)
    state = DISPUTE_STATES.get(found.status, p.DisputeState.OPEN)
    return p.Dispute(found.id, found.payment_intent, money(found.amount, found.currency), fee, state, found.reason)


def recipient(found: o.Account) -> p.Recipient:
    """Somebody to whom payouts go."""
    banks = found.external_accounts.data
    return p.Recipient(found.id, found.payouts_enabled, tuple(found.requirements.currently_due), banks[0].id if banks else "")


def payout(found: o.Payout, account: str) -> p.Payout:
    """A payout."""
    state = PAYOUT_STATES.get(found.status, p.PayoutState.PENDING)
    failure = p.Failure(found.failure_code or found.status, found.failure_message or "") if state is p.PayoutState.FAILED else None
    return p.Payout(found.id, account, money(found.amount, found.currency), state, failure)


def checkout(found: o.Session) -> p.Checkout:
    """A page to subscribe or to buy."""
    return p.Checkout(found.id, found.url or "", found.status, found.customer, found.subscription)


def booking(line: Mapping[str, Any]) -> p.Booking:
    """A line of the books, with its source filled in: a charge is known by its payment, both steps of a payout by the payout."""
    source = line["source"]
    category: str = line["reporting_category"]
    match source:
        case {"object": "charge", "payment_intent": known}:
            about = known
        case {"object": "transfer" | "transfer_reversal", "metadata": {"payout": known}}:
            about = known
        case _:
            about = source.get("transfer") or source["id"]
    at = datetime.fromtimestamp(line["created"], UTC)
    return p.Booking(line["id"], BOOKINGS.get(category, category), str(about), money(line["amount"], line["currency"]), line["fee"], at)
