"""Money on its way back to payers: refunds, some of which fail later, and disputes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Params, amount, flag, inside, metadata, perhaps, text
from souk.modules.payments.sandbox.cards import behind
from souk.modules.payments.sandbox.desk import Desk, fresh_id
from souk.modules.payments.sandbox.errors import BankError, unexpected

REFUND_TIME: Final = timedelta(days=2)
"""How long the payer's bank takes to book a refund, or to send it back."""
ANSWER_BY: Final = timedelta(days=14)
"""How long a dispute can be answered; then it is lost."""
DISPUTE_FEE: Final = 1500
UNDECIDED: Final = ("needs_response", "under_review")


async def create_refund(desk: Desk, *, params: Params) -> o.Refund:
    """Send money back."""
    made = await _charge_of(desk, params)
    left = made.amount_captured - made.amount_refunded
    wanted = amount(params, default=left or 1)
    _refundable(made, wanted, left)
    refund = o.Refund(
        id=fresh_id(o.Refund),
        amount=wanted,
        currency=made.currency,
        charge=made.id,
        payment_intent=made.payment_intent,
        reason=perhaps(params, "reason"),
        metadata=metadata(params),
    )
    desk.add(refund)
    refund.balance_transaction = desk.book("refund", refund, -wanted, made.currency)
    made.amount_refunded += wanted
    made.refunded = made.amount_refunded == made.amount_captured
    fate = behind(made.payment_method_details.card).refund
    refund.status = "pending" if fate == "pending" else "succeeded"
    if fate != "succeeded":
        desk.later(refund, REFUND_TIME)
    desk.announce("refund.created", refund)
    desk.announce("charge.refunded", made)
    return refund


async def _charge_of(desk: Desk, params: Params) -> o.Charge:
    """The charge that is to be refunded: named itself, or by its payment intent."""
    if perhaps(params, "charge") is not None:
        return await desk.get(o.Charge, text(params, "charge"), "charge")
    intent = await desk.get(o.PaymentIntent, text(params, "payment_intent"), "payment_intent")
    if intent.status != "succeeded" or intent.latest_charge is None:
        message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
        raise unexpected("payment_intent_unexpected_state", message)
    return await desk.get(o.Charge, intent.latest_charge)


def _refundable(made: o.Charge, wanted: int, left: int) -> None:
    if not made.captured:
        raise unexpected("charge_not_captured", f"Charge {made.id} has not been captured.")
    if made.disputed and not made.reinstated:
        raise unexpected("charge_disputed", f"Charge {made.id} has been charged back; cannot issue a refund.")
    if left == 0:
        raise unexpected("charge_already_refunded", f"Charge {made.id} has already been refunded.")
    if wanted > left:
        message = f"Refund amount ({wanted}) is greater than unrefunded amount on charge ({left})"
        raise BankError("invalid_request_error", None, message, param="amount")


def settle_refund(desk: Desk, refund: o.Refund) -> None:
    """The payer's bank has booked it."""
    refund.status = "succeeded"
    desk.announce("refund.updated", refund)
    desk.announce("charge.refund.updated", refund)


async def fail_refund(desk: Desk, refund_id: str) -> o.Refund:
    """The payer's bank sends it back: the money is the platform's again."""
    refund = await desk.get(o.Refund, refund_id)
    if refund.status not in ("pending", "succeeded"):
        raise unexpected("refund_unexpected_state", f"This refund has a status of {refund.status}.")
    made = await desk.get(o.Charge, refund.charge)
    refund.status, refund.failure_reason = "failed", "lost_or_stolen_card"
    refund.failure_balance_transaction = desk.book("refund_failure", refund, refund.amount, refund.currency)
    made.amount_refunded -= refund.amount
    made.refunded = False
    desk.done(refund)
    for kind in ("refund.failed", "refund.updated", "charge.refund.updated"):
        desk.announce(kind, refund)
    return refund


# Disputes


async def open_dispute(desk: Desk, intent_id: str, *, amount: int | None, reason: str) -> o.Dispute:
    """The payer's bank takes a payment back, and something for its trouble."""
    intent = await desk.get(o.PaymentIntent, intent_id)
    if intent.status != "succeeded" or intent.latest_charge is None:
        raise unexpected("payment_intent_unexpected_state", "Only what was paid can be disputed.")
    return dispute_charge(desk, await desk.get(o.Charge, intent.latest_charge), reason, amount)


def dispute_charge(desk: Desk, made: o.Charge, reason: str, amount: int | None = None) -> o.Dispute:
    """A charge is taken back, as far as it was not refunded."""
    left = made.amount_captured - made.amount_refunded
    taken = left if amount is None else amount
    if not 1 <= taken <= left or made.disputed:
        raise unexpected("charge_disputed", "There is nothing of it that can be disputed.")
    dispute = o.Dispute(
        id=fresh_id(o.Dispute), amount=taken, currency=made.currency, charge=made.id, payment_intent=made.payment_intent, reason=reason
    )
    desk.add(dispute)
    line = desk.book("adjustment", dispute, -taken, made.currency, category="dispute", fee=DISPUTE_FEE)
    dispute.balance_transactions.append(desk.line(line))
    made.disputed = True
    desk.later(dispute, ANSWER_BY)
    desk.announce("charge.dispute.created", dispute)
    desk.announce("charge.dispute.funds_withdrawn", dispute)
    return dispute


async def update_dispute(desk: Desk, dispute_id: str, *, params: Params) -> o.Dispute:
    """Give evidence. What it says (`winning_evidence`, `losing_evidence`) decides, as with Stripe's test disputes."""
    dispute = await desk.get(o.Dispute, dispute_id)
    if dispute.status != "needs_response":
        raise _decided(dispute)
    dispute.evidence = {**dispute.evidence, **inside(params, "evidence")}
    dispute.metadata = metadata(params, dispute.metadata)
    if flag(params, "submit"):
        dispute.status = "under_review"
        desk.later(dispute)
    desk.announce("charge.dispute.updated", dispute)
    return dispute


async def close_dispute(desk: Desk, dispute_id: str) -> o.Dispute:
    """Give it up."""
    return await decide_dispute(desk, dispute_id, won=False)


async def decide_dispute(desk: Desk, dispute_id: str, *, won: bool) -> o.Dispute:
    """It is won, and the money comes back, or it is lost. The fee is gone either way."""
    dispute = await desk.get(o.Dispute, dispute_id)
    if dispute.status not in UNDECIDED:
        raise _decided(dispute)
    made = await desk.get(o.Charge, dispute.charge)
    dispute.status = "won" if won else "lost"
    desk.done(dispute)
    if won:
        line = desk.book("adjustment", dispute, dispute.amount, dispute.currency, category="dispute_reversal")
        dispute.balance_transactions.append(desk.line(line))
        made.reinstated = True
        desk.announce("charge.dispute.funds_reinstated", dispute)
    desk.announce("charge.dispute.closed", dispute)
    return dispute


def _decided(dispute: o.Dispute) -> BankError:
    return unexpected("dispute_unexpected_state", f"This dispute has a status of {dispute.status}.")
