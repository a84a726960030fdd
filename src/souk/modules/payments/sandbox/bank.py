"""`Bank`: every call of Stripe's that a market needs, answered here. Parameters are Stripe's, by name; so are answers and refusals.

`key` is the Idempotency-Key of a call that changes something; `account` is the Stripe-Account that it is made for. The last
part of the class is not Stripe's: what payers, their banks and time do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from souk.modules.payments.sandbox import buying, knowing, passing, paying, returning, sending
from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Page, Params
from souk.modules.payments.sandbox.counter import Counter
from souk.modules.payments.sandbox.faults import Faults
from souk.modules.payments.sandbox.store import Store

NONE: Final[Params] = MappingProxyType({})


class Bank:
    """A bank whose books are kept in a store. Any number of processes may share one store."""

    def __init__(
        self, store: Store, now: Callable[[], datetime], *, pages: str = "http://127.0.0.1/pay", faults: Faults | None = None
    ) -> None:
        self.store = store
        self.now = now
        self.faults = faults or Faults()
        counter = Counter(store, now, pages, self.faults)
        self._counter, self._do, self._read, self._list = counter, counter.do, counter.read, counter.list

    async def expanded(self, thing: object, paths: Iterable[str]) -> dict[str, Any]:
        """An answer with the objects behind its ids filled in: `latest_charge`, or of a page `data.source`."""
        return await self._counter.expanded(thing, paths)

    # Customers and their ways to pay

    async def create_customer(self, params: Params, *, key: str | None = None) -> o.Customer:
        return await self._do(o.Customer, partial(knowing.create_customer, params=params), params, key)

    async def retrieve_customer(self, customer_id: str) -> o.Customer:
        return await self._read(o.Customer, customer_id)

    async def create_payment_method(self, params: Params, *, key: str | None = None) -> o.PaymentMethod:
        """`card[number]`, as the payer's browser gives it to Stripe."""
        return await self._do(o.PaymentMethod, partial(knowing.create_payment_method, params=params), params, key)

    async def retrieve_payment_method(self, method_id: str) -> o.PaymentMethod:
        return await self._read(o.PaymentMethod, method_id)

    async def list_payment_methods(self, params: Params) -> Page:
        return await self._list(o.PaymentMethod, params)

    async def attach_payment_method(self, method_id: str, params: Params, *, key: str | None = None) -> o.PaymentMethod:
        return await self._do(o.PaymentMethod, partial(knowing.attach_payment_method, params=params), params, key, method_id)

    async def detach_payment_method(self, method_id: str, params: Params = NONE, *, key: str | None = None) -> o.PaymentMethod:
        return await self._do(o.PaymentMethod, knowing.detach_payment_method, params, key, method_id)

    async def create_setup_intent(self, params: Params, *, key: str | None = None) -> o.SetupIntent:
        return await self._do(o.SetupIntent, partial(knowing.create_setup_intent, params=params), params, key)

    async def retrieve_setup_intent(self, setup_id: str) -> o.SetupIntent:
        return await self._read(o.SetupIntent, setup_id)

    async def confirm_setup_intent(self, setup_id: str, params: Params = NONE, *, key: str | None = None) -> o.SetupIntent:
        return await self._do(o.SetupIntent, partial(knowing.confirm_setup_intent, params=params), params, key, setup_id)

    async def cancel_setup_intent(self, setup_id: str, params: Params = NONE, *, key: str | None = None) -> o.SetupIntent:
        return await self._do(o.SetupIntent, knowing.cancel_setup_intent, params, key, setup_id)

    # Payments

    async def create_payment_intent(self, params: Params, *, key: str | None = None) -> o.PaymentIntent:
        return await self._do(o.PaymentIntent, partial(paying.create_payment_intent, params=params), params, key)

    async def retrieve_payment_intent(self, intent_id: str) -> o.PaymentIntent:
        return await self._read(o.PaymentIntent, intent_id)

    async def list_payment_intents(self, params: Params = NONE) -> Page:
        return await self._list(o.PaymentIntent, params)

    async def confirm_payment_intent(self, intent_id: str, params: Params = NONE, *, key: str | None = None) -> o.PaymentIntent:
        return await self._do(o.PaymentIntent, partial(paying.confirm_payment_intent, params=params), params, key, intent_id)

    async def capture_payment_intent(self, intent_id: str, params: Params = NONE, *, key: str | None = None) -> o.PaymentIntent:
        return await self._do(o.PaymentIntent, partial(paying.capture_payment_intent, params=params), params, key, intent_id)

    async def cancel_payment_intent(self, intent_id: str, params: Params = NONE, *, key: str | None = None) -> o.PaymentIntent:
        return await self._do(o.PaymentIntent, partial(paying.cancel_payment_intent, params=params), params, key, intent_id)

    async def retrieve_charge(self, charge_id: str) -> o.Charge:
        return await self._read(o.Charge, charge_id)

    async def list_charges(self, params: Params = NONE) -> Page:
        return await self._list(o.Charge, params)

    # Money on its way back

    async def create_refund(self, params: Params, *, key: str | None = None) -> o.Refund:
        return await self._do(o.Refund, partial(returning.create_refund, params=params), params, key)

    async def retrieve_refund(self, refund_id: str) -> o.Refund:
        return await self._read(o.Refund, refund_id)

    async def list_refunds(self, params: Params = NONE) -> Page:
        return await self._list(o.Refund, params)

    async def retrieve_dispute(self, dispute_id: str) -> o.Dispute:
        return await self._read(o.Dispute, dispute_id)

    async def list_disputes(self, params: Params = NONE) -> Page:
        return await self._list(o.Dispute, params)

    async def update_dispute(self, dispute_id: str, params: Params, *, key: str | None = None) -> o.Dispute:
        return await self._do(o.Dispute, partial(returning.update_dispute, params=params), params, key, dispute_id)

    async def close_dispute(self, dispute_id: str, params: Params = NONE, *, key: str | None = None) -> o.Dispute:
        """Give it up: it is lost."""
        return await self._do(o.Dispute, returning.close_dispute, params, key, dispute_id)

    # Money on its way to others

    async def create_account(self, params: Params, *, key: str | None = None) -> o.Account:
        return await self._do(o.Account, partial(sending.create_account, params=params), params, key)

    async def retrieve_account(self, account_id: str) -> o.Account:
        return await self._read(o.Account, account_id)

    async def create_account_link(self, params: Params, *, key: str | None = None) -> o.AccountLink:
        return await self._do(o.AccountLink, partial(sending.create_account_link, params=params), params, key)

    async def create_transfer(self, params: Params, *, key: str | None = None) -> o.Transfer:
        return await self._do(o.Transfer, partial(sending.create_transfer, params=params), params, key)

    async def retrieve_transfer(self, transfer_id: str) -> o.Transfer:
        return await self._read(o.Transfer, transfer_id)

    async def list_transfers(self, params: Params = NONE) -> Page:
        return await self._list(o.Transfer, params)

    async def update_transfer(self, transfer_id: str, params: Params, *, key: str | None = None) -> o.Transfer:
        return await self._do(o.Transfer, partial(sending.update_transfer, params=params), params, key, transfer_id)

    async def create_transfer_reversal(self, transfer_id: str, params: Params = NONE, *, key: str | None = None) -> o.TransferReversal:
        return await self._do(o.TransferReversal, partial(sending.create_transfer_reversal, params=params), params, key, transfer_id)

    async def create_payout(self, params: Params, *, account: str = "", key: str | None = None) -> o.Payout:
        return await self._do(o.Payout, partial(sending.create_payout, params=params), params, key, account=account)

    async def retrieve_payout(self, payout_id: str, *, account: str = "") -> o.Payout:
        return await self._read(o.Payout, payout_id, account)

    async def list_payouts(self, params: Params = NONE, *, account: str = "") -> Page:
        return await self._list(o.Payout, params, account)

    async def retrieve_balance_transaction(self, line_id: str, *, account: str = "") -> o.BalanceTransaction:
        return await self._read(o.BalanceTransaction, line_id, account)

    async def list_balance_transactions(self, params: Params = NONE, *, account: str = "") -> Page:
        return await self._list(o.BalanceTransaction, params, account)

    # Products, checkout, subscriptions

    async def create_product(self, params: Params, *, key: str | None = None) -> o.Product:
        return await self._do(o.Product, partial(buying.create_product, params=params), params, key)

    async def retrieve_product(self, product_id: str) -> o.Product:
        return await self._read(o.Product, product_id)

    async def create_price(self, params: Params, *, key: str | None = None) -> o.Price:
        return await self._do(o.Price, partial(buying.create_price, params=params), params, key)

    async def retrieve_price(self, price_id: str) -> o.Price:
        return await self._read(o.Price, price_id)

    async def list_prices(self, params: Params = NONE) -> Page:
        return await self._list(o.Price, params)

    async def create_checkout_session(self, params: Params, *, key: str | None = None) -> o.Session:
        return await self._do(o.Session, partial(buying.create_checkout_session, params=params), params, key)

    async def retrieve_checkout_session(self, session_id: str) -> o.Session:
        return await self._read(o.Session, session_id)

    async def expire_checkout_session(self, session_id: str, params: Params = NONE, *, key: str | None = None) -> o.Session:
        return await self._do(o.Session, buying.expire_checkout_session, params, key, session_id)

    async def retrieve_subscription(self, subscription_id: str) -> o.Subscription:
        return await self._read(o.Subscription, subscription_id)

    async def list_subscriptions(self, params: Params = NONE) -> Page:
        return await self._list(o.Subscription, params)

    async def update_subscription(self, subscription_id: str, params: Params, *, key: str | None = None) -> o.Subscription:
        return await self._do(o.Subscription, partial(buying.update_subscription, params=params), params, key, subscription_id)

    async def cancel_subscription(self, subscription_id: str, params: Params = NONE, *, key: str | None = None) -> o.Subscription:
        return await self._do(o.Subscription, buying.cancel_subscription, params, key, subscription_id)

    async def retrieve_invoice(self, invoice_id: str) -> o.Invoice:
        return await self._read(o.Invoice, invoice_id)

    async def list_invoices(self, params: Params = NONE) -> Page:
        return await self._list(o.Invoice, params)

    async def create_portal_session(self, params: Params, *, key: str | None = None) -> o.PortalSession:
        return await self._do(o.PortalSession, partial(buying.create_portal_session, params=params), params, key)

    async def retrieve_portal_session(self, portal_id: str) -> o.PortalSession:
        return await self._read(o.PortalSession, portal_id)

    async def retrieve_event(self, event_id: str) -> o.Event:
        return await self._read(o.Event, event_id)

    async def list_events(self, params: Params = NONE) -> Page:
        return await self._list(o.Event, params)

    # Not Stripe's: what payers, their banks and time do

    async def complete_action(self, intent_id: str, *, passed: bool = True) -> o.PaymentIntent:
        """The payer proves who they are, or fails to. A decline after it is told by the intent, not raised."""
        return await self._do(o.PaymentIntent, partial(paying.complete_action, passed=passed), NONE, None, intent_id)

    async def complete_setup(self, setup_id: str, *, passed: bool = True) -> o.SetupIntent:
        """The same, while a way to pay is saved."""
        return await self._do(o.SetupIntent, partial(knowing.complete_setup, passed=passed), NONE, None, setup_id)

    async def open_dispute(self, intent_id: str, amount: int | None = None, reason: str = "fraudulent") -> o.Dispute:
        """The payer's bank takes a payment back."""
        return await self._do(o.Dispute, partial(returning.open_dispute, amount=amount, reason=reason), NONE, None, intent_id)

    async def decide_dispute(self, dispute_id: str, *, won: bool) -> o.Dispute:
        """The payer's bank has decided."""
        return await self._do(o.Dispute, partial(returning.decide_dispute, won=won), NONE, None, dispute_id)

    async def fail_refund(self, refund_id: str) -> o.Refund:
        """The payer's bank sends a refund back."""
        return await self._do(o.Refund, returning.fail_refund, NONE, None, refund_id)

    async def fail_payout(self, payout_id: str, account: str) -> o.Payout:
        """The recipient's bank sends a payout back, perhaps long after it was paid."""
        return await self._do(o.Payout, sending.fail_payout, NONE, None, payout_id, account=account)

    async def fill_in(self, account_id: str, number: str = "000123456789") -> o.Account:
        """Somebody gives what was missing of an account: the number of their bank account."""
        return await self._do(o.Account, partial(sending.fill_in, number=number), NONE, None, account_id)

    async def complete_checkout(self, session_id: str, method: str = "pm_card_visa") -> o.Session:
        """The payer pays on the page of a checkout."""
        return await self._do(o.Session, partial(buying.complete_checkout, method=method), NONE, None, session_id)

    async def renew(self, subscription_id: str) -> o.Invoice:
        """A subscription's next period begins, and is paid for or not."""
        return await self._do(o.Invoice, buying.renew, NONE, None, subscription_id)

    async def put_price(self, price_id: str, amount: int, currency: str, interval: str | None = None) -> o.Price:
        """A price under an id of one's own, so that settings can name it."""
        params: Mapping[str, Any] = {"unit_amount": amount, "currency": currency, "interval": interval}
        return await self._do(o.Price, partial(buying.put_price, params=params), NONE, None, price_id)

    async def work(self, at_once: int = 100) -> int:
        """Do what is due: pending refunds, payouts on their way, disputes, periods that end. Says how many things it did."""
        return await passing.work(self._counter, at_once)
