"""People to whom payouts go (connected accounts), and their payouts.

A payout is two steps: a transfer from the platform's balance to the account's, and a payout from there to the bank. Each
has a key made from the caller's, and each names the other in its metadata. Where the second step is refused, or fails
later, the transfer is reversed: then the money is the platform's again, and nobody has to look after two balances.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import stripe

from souk.kernel.money import Money
from souk.modules.payments.provider import Declined, Failure, Misused, Payout, PayoutState, Recipient, Unreachable
from souk.modules.payments.stripe.line import Line, made_for, named, with_key
from souk.modules.payments.stripe.reading import labels, money

STATES: Final = {
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.PENDING,
    "paid": PayoutState.PAID,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.FAILED,
}

REFUSED: Final = "payout_refused"
"""On a transfer: why the payout that it was for was refused."""
EXPRESS: Final[stripe.params.AccountCreateParamsController] = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}
"""An Express account: Stripe asks its owner for what is missing, and the platform bears fees and losses."""


class Recipients(Line):
    """The part of the provider that pays people."""

    async def create_recipient(self, key: str, *, email: str, country: str, metadata: Mapping[str, str]) -> Recipient:
        """Open an account for payouts, which leave only when the market says so."""
        asked: stripe.params.AccountCreateParams = {
            "controller": EXPRESS,
            "email": email,
            "country": country,
            "capabilities": {"transfers": {"requested": True}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": dict(metadata),
        }
        return _recipient(await self._ask(self._stripe.v1.accounts.create_async(asked, with_key(key))))

    async def recipient(self, recipient: str) -> Recipient:
        """It as it stands."""
        return _recipient(await self._ask(self._stripe.v1.accounts.retrieve_async(named("account", recipient))))

    async def onboarding(self, recipient: str, *, back: str) -> str:
        """A page on which its owner gives what is missing, and then goes back."""
        asked: stripe.params.AccountLinkCreateParams = {
            "account": named("account", recipient),
            "refresh_url": back,
            "return_url": back,
            "type": "account_onboarding",
        }
        return (await self._ask(self._stripe.v1.account_links.create_async(asked))).url

    async def pay_out(self, key: str, recipient: str, amount: Money, *, metadata: Mapping[str, str]) -> Payout:
        """Send money from the platform's balance to a recipient's bank."""
        transfer = await self._transfer(key, recipient, amount, metadata)
        asked: stripe.params.PayoutCreateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "metadata": {**metadata, "transfer": transfer},
        }
        try:
            found = await self._ask(self._stripe.v1.payouts.create_async(asked, made_for(recipient, f"{key}:payout")))
        except (Declined, Misused) as refused:
            code = refused.code if isinstance(refused, Misused) else refused.failure.code
            await self._write_on(transfer, {REFUSED: code}, f"{key}:refused")
            await self._bring_back(transfer, transfer, metadata)
            raise
        await self._write_on(transfer, {"payout": found.id}, f"{key}:link")
        return _payout(found, recipient)

    async def payout(self, payout: str, recipient: str) -> Payout:
        """It as it stands. Of one that failed the money is brought back first."""
        call = self._stripe.v1.payouts.retrieve_async(named("payout", payout), options=made_for(named("account", recipient)))
        found = await self._ask(call)
        transfer = labels(found.metadata).get("transfer")
        if STATES[found.status] is PayoutState.FAILED and transfer:
            await self._bring_back(transfer, found.id, {"payout": found.id})
        return _payout(found, recipient)

    async def find_payout(self, recipient: str, ours: str, since: datetime) -> Payout | None:
        """The payout that says it is `ours`. Where there is none, a transfer that was made for it is brought back."""
        begun = int(since.timestamp())
        sent: stripe.params.PayoutListParams = {"created": {"gte": begun}, "limit": 100}
        async for payout in self._each(self._stripe.v1.payouts.list_async(sent, made_for(named("account", recipient)))):
            if labels(payout.metadata).get("payout") == ours:
                return await self.payout(payout.id, recipient)
        moved: stripe.params.TransferListParams = {"created": {"gte": begun}, "limit": 100, "destination": recipient}
        async for transfer in self._each(self._stripe.v1.transfers.list_async(moved)):
            if labels(transfer.metadata).get("payout") == ours and not transfer.reversed:
                await self._bring_back(transfer.id, transfer.id, {"payout": ours})
        return None

    async def _transfer(self, key: str, recipient: str, amount: Money, metadata: Mapping[str, str]) -> str:
        """The first step. Of a repetition the answer is old: what was brought back since must not be paid out once more."""
        asked: stripe.params.TransferCreateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "destination": named("account", recipient),
            "metadata": dict(metadata),
        }
        made = await self._ask(self._stripe.v1.transfers.create_async(asked, with_key(key)))
        found = await self._ask(self._stripe.v1.transfers.retrieve_async(made.id))
        refused = labels(found.metadata).get(REFUSED)
        if refused:
            await self._bring_back(made.id, made.id, metadata)
        if refused or found.reversed:
            raise Misused(refused or "payout_brought_back", f"This payout is over, and its money came back ({made.id})")
        return made.id

    async def _write_on(self, transfer: str, note: dict[str, str], key: str) -> None:
        asked: stripe.params.TransferUpdateParams = {"metadata": note}
        await self._ask(self._stripe.v1.transfers.update_async(transfer, asked, with_key(key)))

    async def _bring_back(self, transfer: str, reason: str, metadata: Mapping[str, str]) -> None:
        """Reverse a transfer, once. While that does not work nobody may think that the payout is over."""
        asked: stripe.params.TransferReversalCreateParams = {"metadata": dict(metadata)}
        try:
            await self._ask(self._stripe.v1.transfers.reversals.create_async(transfer, asked, with_key(f"reverse:{reason}")))
        except (Declined, Misused) as refused:
            if not (await self._ask(self._stripe.v1.transfers.retrieve_async(transfer))).reversed:
                raise Unreachable(f"the transfer {transfer} could not be reversed yet: {refused}") from None


def _recipient(found: stripe.Account) -> Recipient:
    due = found.requirements
    missing = [*(due.past_due or ()), *(due.currently_due or ())] if due else []
    listed = getattr(found, "external_accounts", None)  # Stripe tells it only to whoever controls the account
    banks = listed.data if listed else []
    return Recipient(found.id, bool(found.payouts_enabled), tuple(dict.fromkeys(missing)), banks[0].id if banks else "")


def _payout(found: stripe.Payout, recipient: str) -> Payout:
    state = STATES[found.status]
    failure = Failure(found.failure_code or found.status, found.failure_message or "") if state is PayoutState.FAILED else None
    return Payout(found.id, recipient, money(found.amount, found.currency), state, failure)
