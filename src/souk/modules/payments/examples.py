"""What answers about money look like, for the description of the API: one story, of 125.00 paid for somebody's work."""

from __future__ import annotations

from typing import Any, Final

from souk.modules import ledger
from souk.modules.payments.books import Day, Difference
from souk.modules.payments.chargebacks import Chargeback
from souk.modules.payments.model import Begun, Payment, PaymentDetail, Refunded, SavedMethod, SetUp
from souk.modules.payments.outgoing import Batch, Payout, PayoutAccount, PayoutDetail
from souk.modules.payments.sandbox.misbehaving import Asked, AtBank, WentInBrowser
from souk.modules.payments.transactions import StaffPayment

Example = dict[str, Any]

PAYMENT_ID: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a10"
BOOKING: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11"
WORKER: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a12"
CLIENT: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a13"
STAFF: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a14"
ANOTHER: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a15"
PAID_AT, LATER, NEXT_DAY = "2026-11-21T09:30:00Z", "2026-11-25T16:00:00Z", "2026-11-26T16:00:00Z"
USD: Final = {"currency": "USD"}

PAYMENT: Final[Example] = {
    "id": PAYMENT_ID,
    "payerId": CLIENT,
    "payeeId": WORKER,
    "kind": "order",
    "referenceId": BOOKING,
    "amount": 12500,
    "fee": 1250,
    **USD,
    "status": "captured",
    "captured": 12500,
    "refunded": 5000,
    "disputed": 0,
    "failure": None,
    "createdAt": PAID_AT,
    "capturedAt": "2026-11-21T09:30:04Z",
}
REFUND: Final[Example] = {
    "id": ANOTHER,
    "paymentId": PAYMENT_ID,
    "amount": 5000,
    **USD,
    "feeReturned": 500,
    "status": "succeeded",
    "failure": None,
    "createdAt": LATER,
}
PAYOUT: Final[Example] = {
    "id": ANOTHER,
    "amount": 11250,
    "netted": 0,
    **USD,
    "status": "paid",
    "heldUntil": None,
    "failure": None,
    "requestedAt": LATER,
    "sentAt": LATER,
    "paidAt": NEXT_DAY,
}

EXAMPLES: Final[dict[type, Example]] = {
    ledger.Wallet: {"available": 11250, "onHold": 12500, "total": 23750, **USD},
    ledger.Line: {
        "position": 42,
        "id": ANOTHER,
        "kind": "escrow.released",
        "referenceId": PAYMENT_ID,
        "amount": 11250,
        "balance": 23750,
        "at": LATER,
        "reverses": None,
    },
    Begun: {
        "paymentId": PAYMENT_ID,
        "clientSecret": "pi_0199b2c67a40_secret_9xQ2",
        "amount": 12500,
        "fee": 1250,
        "netAmount": 11250,
        **USD,
        "status": "pending",
        "failure": None,
        "nextUrl": None,
    },
    Payment: PAYMENT,
    PaymentDetail: {**PAYMENT, "refunds": [REFUND]},
    StaffPayment: {**PAYMENT, "provider": "sandbox", "providerId": "pi_0199b2c67a40", "held": 7500, "released": 0},
    Refunded: REFUND,
    SavedMethod: {"id": "pm_0199b2c67a41", "kind": "card", "brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2040},
    SetUp: {"id": "seti_0199b2c67a42", "clientSecret": "seti_0199b2c67a42_secret_7hT1", "status": "requires_method"},
    Payout: PAYOUT,
    PayoutDetail: {
        **PAYOUT,
        "personId": WORKER,
        "approvalsNeeded": 1,
        "approvedBy": [STAFF],
        "batch": BOOKING,
        "provider": "sandbox",
        "providerId": "po_0199b2c67a43",
        "failureCode": None,
    },
    PayoutAccount: {
        "provider": "sandbox",
        "country": "FR",
        "ready": False,
        "missing": ["external_account"],
        "changedAt": PAID_AT,
        "heldUntil": "2026-11-22T09:30:00Z",
        "onboardingUrl": "http://127.0.0.1:8000/tulifo/api/pay/account/acct_0199b2c67a44",
    },
    Batch: {"id": BOOKING, "payouts": 3},
    Chargeback: {
        "id": ANOTHER,
        "paymentId": PAYMENT_ID,
        "provider": "sandbox",
        "providerId": "du_0199b2c67a45",
        "amount": 7500,
        "fee": 1500,
        **USD,
        "reason": "product_not_received",
        "status": "open",
        "taken": 7500,
        "owed": 0,
        "payerId": CLIENT,
        "payeeId": WORKER,
        "referenceId": BOOKING,
        "openedAt": LATER,
        "closedAt": None,
    },
    Day: {
        "id": ANOTHER,
        "provider": "sandbox",
        "day": "2026-11-21",
        "bookings": 214,
        "movements": 213,
        "matched": 213,
        "differences": 1,
        "unexplained": 1,
        "finishedAt": "2026-11-22T03:05:11Z",
    },
    Difference: {
        "id": ANOTHER,
        "provider": "sandbox",
        "kind": "missing_here",
        "what": "refund",
        "source": "re_0199b2c67a46",
        "referenceId": None,
        **USD,
        "there": -5000,
        "here": 0,
        "foundAt": "2026-11-22T03:05:11Z",
        "explainedAt": None,
        "explainedBy": None,
        "explanation": None,
    },
    WentInBrowser: {"id": "pi_0199b2c67a40", "status": "succeeded", "nextUrl": None},
    Asked: {
        "calls": [{"fault": "timeout_after", "call": "create_payment_intent", "times": 1}],
        "events": {"lateSeconds": 30, "copies": 2, "shuffled": True},
    },
    AtBank: {"id": "du_0199b2c67a45", "status": "needs_response", "amount": 7500},
}
