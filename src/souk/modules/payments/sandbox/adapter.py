"""`Sandbox`: the bank as a provider of payments, in the same process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from souk.kernel.money import Money
from souk.modules.payments import provider as p
from souk.modules.payments.sandbox import reading
from souk.modules.payments.sandbox.asking import Page, Params
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.errors import BankError
from souk.modules.payments.sandbox.reading import answering
from souk.modules.payments.sandbox.signing import HEADER, verify
from souk.modules.payments.snapshots import happening

HEADER_SENT: Final = HEADER.lower().encode()
REFUSED: Final = "payout_refused"
"""Why there was no payout after a transfer: written on it."""


class Sandbox:
    """A provider whose payers, banks and pages are here too."""

    name = "sandbox"

    def __init__(self, bank: Bank, secrets: Iterable[str], delivering: Delivering | None = None) -> None:
        self.bank = bank
        self.secrets = tuple(secrets)
        self.delivering = delivering
        """How events reach the market; None where whoever holds the bank takes them."""

    async def round(self) -> int:
        """Do what is due and hand over what is to be told. Says how many things happened."""
        done = 0
        while moved := await self.bank.work():
            done += moved
        return done + (await self.delivering.run() if self.delivering else 0)

    async def close(self) -> None:
        """There are no connections."""

    # Payers

    async def create_customer(self, key: str, *, email: str, name: str, metadata: Mapping[str, str]) -> p.Customer:
        """Make a payer known."""
        with answering():
            asked = {"email": email, "name": name, "metadata": dict(metadata)}
            return p.Customer((await self.bank.create_customer(asked, key=key)).id)

    async def create_setup(self, key: str, customer: str) -> p.Setup:
        """Begin to save a way to pay."""
        with answering():
            return reading.setup(await self.bank.create_setup_intent({"customer": customer, "usage": "off_session"}, key=key))

    async def setup(self, setup_id: str) -> p.Setup:
        """How far that has come."""
        with answering():
            return reading.setup(await self.bank.retrieve_setup_intent(setup_id))

    async def methods(self, customer: str) -> list[p.Method]:
        """Saved ways to pay."""
        with answering():
            found = await self.bank.list_payment_methods({"customer": customer, "type": "card", "limit": 100})
            return [reading.method(each) for each in found.data]

    async def forget_method(self, key: str, method: str) -> None:
        """Remove one."""
        with answering():
            await self.bank.detach_payment_method(method, key=key)

    # Payments

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
    ) -> p.Intent:
        """Begin a payment. confirm: with a saved method, without the payer's browser. Raises Declined."""
        asked: dict[str, Any] = {
            "amount": amount.amount,
            "currency": amount.currency,
            "customer": customer,
            "payment_method": method,
            "capture_method": "manual" if manual else "automatic",
            "confirm": confirm,
            "off_session": confirm,
            "metadata": dict(metadata),
        }
        with answering():
            return await self._told(await self.bank.create_payment_intent(asked, key=key))

    async def confirm_intent(self, key: str, intent: str, method: str | None = None) -> p.Intent:
        """Go on with a payment by that method. Raises Declined."""
        with answering():
            return await self._told(await self.bank.confirm_payment_intent(intent, {"payment_method": method}, key=key))

    async def capture_intent(self, key: str, intent: str, amount: int | None = None) -> p.Intent:
        """Take what was authorised, or part of it; the rest is let go."""
        with answering():
            asked = {} if amount is None else {"amount_to_capture": amount}
            return await self._told(await self.bank.capture_payment_intent(intent, asked, key=key))

    async def cancel_intent(self, key: str, intent: str) -> p.Intent:
        """Give a payment up that was not captured."""
        with answering():
            return await self._told(await self.bank.cancel_payment_intent(intent, key=key))

    async def intent(self, intent: str) -> p.Intent:
        """A payment as it stands."""
        with answering():
            return await self._told(await self.bank.retrieve_payment_intent(intent))

    async def _told(self, found: Any) -> p.Intent:
        charge = await self.bank.retrieve_charge(found.latest_charge) if found.amount_received else None
        return reading.intent(found, charge)

    async def refund(self, key: str, intent: str, amount: int, *, metadata: Mapping[str, str]) -> p.Refund:
        """Send money back to the payer."""
        with answering():
            asked = {"payment_intent": intent, "amount": amount, "metadata": dict(metadata)}
            return reading.refund(await self.bank.create_refund(asked, key=key))

    async def refund_of(self, refund: str) -> p.Refund:
        """A refund as it stands."""
        with answering():
            return reading.refund(await self.bank.retrieve_refund(refund))

    async def find_refund(self, intent: str, ours: str) -> p.Refund | None:
        """The refund of a payment that says it is `ours`."""
        with answering():
            async for found in _each(self.bank.list_refunds, {"payment_intent": intent, "limit": 100}):
                if found.metadata.get("refund") == ours:
                    return reading.refund(found)
        return None

    async def dispute(self, dispute: str) -> p.Dispute:
        """A chargeback as it stands."""
        with answering():
            return reading.dispute(await self.bank.retrieve_dispute(dispute))

    # Recipients

    async def create_recipient(self, key: str, *, email: str, country: str, metadata: Mapping[str, str]) -> p.Recipient:
        """Open an account for payouts."""
        with answering():
            asked = {"type": "express", "email": email, "country": country, "metadata": dict(metadata)}
            return reading.recipient(await self.bank.create_account(asked, key=key))

    async def recipient(self, recipient: str) -> p.Recipient:
        """It as it stands."""
        with answering():
            return reading.recipient(await self.bank.retrieve_account(recipient))

    async def onboarding(self, recipient: str, *, back: str) -> str:
        """A page on which its owner gives what is missing, and then goes back."""
        with answering():
            asked = {"account": recipient, "refresh_url": back, "return_url": back, "type": "account_onboarding"}
            return (await self.bank.create_account_link(asked)).url

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> p.Payout:
        """Send money from the platform's balance to a recipient's bank: to the account there, from it to the bank, and the two linked."""
        what = {"amount": amount.amount, "currency": amount.currency}
        with answering():
            transfer = await self.bank.create_transfer({**what, "destination": recipient, "metadata": dict(metadata)}, key=key)
            # Of a repetition that answer is old: what was brought back since must not be paid out once more.
            found = await self.bank.retrieve_transfer(transfer.id)
            if found.reversed:
                code = found.metadata.get(REFUSED, "payout_brought_back")
                raise p.Misused(code, f"This payout is over, and its money came back ({transfer.id})")
            try:
                asked = {**what, "metadata": {**metadata, "transfer": transfer.id}}
                payout = await self.bank.create_payout(asked, account=recipient, key=f"{key}:payout")
            except BankError as refused:
                if isinstance(reading.judged(refused), p.Misused):
                    await self._write_on(transfer.id, {REFUSED: refused.code or refused.type}, f"{key}:refused")
                    await self._bring_back(transfer.id, transfer.id, metadata)
                raise
            await self._write_on(transfer.id, {"payout": payout.id}, f"{key}:link")
            return reading.payout(payout, recipient)

    async def payout(self, payout: str, recipient: str) -> p.Payout:
        """It as it stands. Of one that failed the money is brought back first, so that it is the platform's again."""
        with answering():
            found = await self.bank.retrieve_payout(payout, account=recipient)
            if found.status == "failed" and (transfer := found.metadata.get("transfer")):
                await self._bring_back(transfer, payout, {"payout": payout})
            return reading.payout(found, recipient)

    async def find_payout(self, recipient: str, ours: str, since: datetime) -> p.Payout | None:
        """The payout that says it is `ours`. Where there is none, a transfer that was made for it is brought back."""
        asked = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        with answering():
            async for payout in _each(partial(self.bank.list_payouts, account=recipient), asked):
                if payout.metadata.get("payout") == ours:
                    return await self.payout(payout.id, recipient)
            async for transfer in _each(self.bank.list_transfers, {**asked, "destination": recipient}):
                if transfer.metadata.get("payout") == ours and not transfer.reversed:
                    await self._bring_back(transfer.id, transfer.id, {"payout": ours})
        return None

    async def _write_on(self, transfer: str, note: dict[str, str], key: str) -> None:
        await self.bank.update_transfer(transfer, {"metadata": note}, key=key)

    async def _bring_back(self, transfer: str, reason: str, metadata: Mapping[str, str]) -> None:
        await self.bank.create_transfer_reversal(transfer, {"metadata": dict(metadata)}, key=f"reverse:{reason}")

    # Pages

    async def checkout(  # noqa: PLR0913 - a page has as many sides
        self, key: str, *, customer: str, price: str, quantity: int, mode: str, success: str, cancel: str, metadata: Mapping[str, str]
    ) -> p.Checkout:
        """A page to subscribe or to buy. What comes of it carries the same metadata as the page."""
        asked: dict[str, Any] = {
            "customer": customer,
            "line_items": [{"price": price, "quantity": quantity}],
            "mode": mode,
            "success_url": success,
            "cancel_url": cancel,
            "metadata": dict(metadata),
            "subscription_data" if mode == "subscription" else "payment_intent_data": {"metadata": dict(metadata)},
        }
        with answering():
            return reading.checkout(await self.bank.create_checkout_session(asked, key=key))

    async def checkout_of(self, checkout: str) -> p.Checkout:
        """It as it stands."""
        with answering():
            return reading.checkout(await self.bank.retrieve_checkout_session(checkout))

    async def portal(self, customer: str, *, back: str) -> str:
        """A page on which a customer manages subscriptions."""
        with answering():
            return (await self.bank.create_portal_session({"customer": customer, "return_url": back})).url

    # Books and events

    async def bookings(self, since: datetime, until: datetime) -> AsyncIterator[p.Booking]:
        """The bank's own books of a time, newest first."""
        asked: dict[str, Any] = {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}, "limit": 100}
        more = True
        while more:
            with answering():
                page = await self.bank.list_balance_transactions(asked)
                lines = (await self.bank.expanded(page, ["data.source"]))["data"]
            for line in lines:
                yield reading.booking(line)
            more = page.has_more
            asked["starting_after"] = lines[-1]["id"] if lines else None

    def read_webhook(self, raw: bytes, headers: Mapping[bytes, bytes], now: datetime) -> p.Happening:
        """Verify the raw bytes and read them. Raises BadSignature."""
        verify(raw, headers.get(HEADER_SENT, b"").decode("latin-1"), self.secrets, now)
        return happening(raw)


async def _each(listed: Callable[[Params], Awaitable[Page]], asked: Params) -> AsyncIterator[Any]:
    """Everything of a list, page by page."""
    page = await listed(asked)
    while page.data:
        for found in page.data:
            yield found
        page = await listed({**asked, "starting_after": page.data[-1].id})
