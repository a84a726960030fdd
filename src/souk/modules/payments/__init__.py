"""Payments: money comes in through a provider, waits in escrow, and goes back or on. The ledger holds it; this module asks and tells.

A market has it by `modules=(…, ledger.MODULE, payments.MODULE)` and `rules=(ledger.Assets(…), payments.Rules(…))`.
"""

from souk.kernel.assembly import module
from souk.modules.payments import examples, jobs, leaving, payout_jobs, providers, reconciliation
from souk.modules.payments.accounts import DISPUTED, LOSSES, PAYOUTS, PROVIDER_FEES, RECEIVABLE, clearing
from souk.modules.payments.asking import deposit, key_of
from souk.modules.payments.capacities import PAYEE, PAYER, STAFF
from souk.modules.payments.errors import (
    NothingHeld,
    PayingOneself,
    PaymentBusy,
    PaymentNotFound,
    PaymentOver,
    PaymentsClosed,
    RefundTooLarge,
)
from souk.modules.payments.escrow import held_of, release
from souk.modules.payments.events import (
    PaymentAuthorised,
    PaymentCanceled,
    PaymentCaptured,
    PaymentDisputed,
    PaymentFailed,
    PaymentRefunded,
    PayoutAccountChanged,
    PayoutCanceled,
    PayoutFailed,
    PayoutPaid,
    PayoutRequested,
    ProviderHappened,
    RefundFailed,
)
from souk.modules.payments.model import (
    Begun,
    Confirming,
    MethodId,
    Minor,
    NewDeposit,
    Payment,
    PaymentState,
    RefundSource,
    RefundStatus,
)
from souk.modules.payments.overview import newest_transactions, transactions
from souk.modules.payments.payers import customer_of
from souk.modules.payments.paying import NewPayment, any_payment, ask, ask_cancel, ask_capture, begin, cancel, capture, carry_out, confirm
from souk.modules.payments.providers import Providers, Till
from souk.modules.payments.reading import payments_for
from souk.modules.payments.refunding import NewRefund, ask_refund, carry_out_refund, refund
from souk.modules.payments.routes import books as books_routes
from souk.modules.payments.routes import overview as overview_routes
from souk.modules.payments.routes import paying as paying_routes
from souk.modules.payments.routes import payouts as payouts_routes
from souk.modules.payments.routes import wallet as wallet_routes
from souk.modules.payments.routes.paying import confirm_payment, receive_webhook
from souk.modules.payments.routes.wallet import BRINGING_IN
from souk.modules.payments.rules import Rules, rules_of
from souk.modules.payments.sandbox import jobs as sandbox_jobs
from souk.modules.payments.sandbox import misbehaving
from souk.modules.payments.sandbox import pages as sandbox_pages
from souk.modules.payments.sandbox.in_memory import Playground, till_in_memory
from souk.modules.payments.sandbox.misbehaving import InBrowser, WentInBrowser, opens_in_sandbox, pay_in_browser
from souk.modules.payments.sandbox.pages import ClientSecret, PageNotFound
from souk.modules.payments.saying import SAYS, SAYS_TO_STAFF
from souk.modules.payments.stripe.settings import StripeSettings
from souk.modules.payments.transactions import Transaction, TransactionsQuery, TransactionStatus, TransactionType

MODULE = module(
    "payments",
    *(examples, jobs, payout_jobs, reconciliation, leaving, providers, sandbox_jobs),
    *(wallet_routes, payouts_routes, paying_routes, overview_routes, books_routes),
    development=(sandbox_pages, misbehaving),
)

__all__ = [
    "BRINGING_IN",
    "DISPUTED",
    "LOSSES",
    "MODULE",
    "PAYEE",
    "PAYER",
    "PAYOUTS",
    "PROVIDER_FEES",
    "RECEIVABLE",
    "SAYS",
    "SAYS_TO_STAFF",
    "STAFF",
    "Begun",
    "ClientSecret",
    "Confirming",
    "InBrowser",
    "MethodId",
    "Minor",
    "NewDeposit",
    "NewPayment",
    "NewRefund",
    "NothingHeld",
    "PageNotFound",
    "PayingOneself",
    "Payment",
    "PaymentAuthorised",
    "PaymentBusy",
    "PaymentCanceled",
    "PaymentCaptured",
    "PaymentDisputed",
    "PaymentFailed",
    "PaymentNotFound",
    "PaymentOver",
    "PaymentRefunded",
    "PaymentState",
    "PaymentsClosed",
    "PayoutAccountChanged",
    "PayoutCanceled",
    "PayoutFailed",
    "PayoutPaid",
    "PayoutRequested",
    "Playground",
    "ProviderHappened",
    "Providers",
    "RefundFailed",
    "RefundSource",
    "RefundStatus",
    "RefundTooLarge",
    "Rules",
    "StripeSettings",
    "Till",
    "Transaction",
    "TransactionStatus",
    "TransactionType",
    "TransactionsQuery",
    "WentInBrowser",
    "any_payment",
    "ask",
    "ask_cancel",
    "ask_capture",
    "ask_refund",
    "begin",
    "cancel",
    "capture",
    "carry_out",
    "carry_out_refund",
    "clearing",
    "confirm",
    "confirm_payment",
    "customer_of",
    "deposit",
    "held_of",
    "key_of",
    "newest_transactions",
    "opens_in_sandbox",
    "pay_in_browser",
    "payments_for",
    "receive_webhook",
    "refund",
    "release",
    "rules_of",
    "till_in_memory",
    "transactions",
]
