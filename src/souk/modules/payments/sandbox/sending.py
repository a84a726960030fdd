"""Money on its way to others: connected accounts, transfers to them, and payouts to their banks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from souk.modules.payments.sandbox import objects as o
from souk.modules.payments.sandbox.asking import Params, amount, currency, metadata, one_of, perhaps, text
from souk.modules.payments.sandbox.desk import Desk, fresh_id
from souk.modules.payments.sandbox.errors import BankError, invalid, missing, unexpected

PAYOUT_TIME: Final = timedelta(days=1)
"""How long a payout is on its way."""
SENT_BACK: Final = timedelta(days=2)
"""How long after it was paid a bank may send it back."""
LINK_TIME: Final = timedelta(minutes=5)
MISSING: Final = ["external_account", "tos_acceptance.date"]

FAILS_BEFORE: Final = {"1113": ("account_closed", "The bank account has been closed.")}
FAILS_AFTER: Final = {"1116": ("no_account", "The bank account could not be located.")}
"""Stripe's test accounts 000111111113 and 000111111116: the second one's bank notices after the payout was paid."""
SENT_BACK_BY_BANK: Final = ("could_not_process", "The bank could not process this payout.")


async def create_account(desk: Desk, *, params: Params) -> o.Account:
    """Open an account for payouts."""
    account = o.Account(
        id=fresh_id(o.Account),
        type=one_of(params, "type", ("express", "standard", "custom")),
        email=perhaps(params, "email"),
        country=(perhaps(params, "country") or "US").upper(),
        requirements=o.Requirements(currently_due=list(MISSING), disabled_reason="requirements.past_due"),
        external_accounts=o.Listed(),
        capabilities={"transfers": "active"},
        metadata=metadata(params),
    )
    return desk.add(account)


async def create_account_link(desk: Desk, *, params: Params) -> o.AccountLink:
    """The address of the page on which its owner gives what is missing."""
    account = await desk.get(o.Account, text(params, "account"), "account")
    one_of(params, "type", ("account_onboarding", "account_update"))
    expires = int((desk.now + LINK_TIME).timestamp())
    return o.AccountLink(created=desk.at, expires_at=expires, url=desk.page("account", account.id, text(params, "return_url")))


async def fill_in(desk: Desk, account_id: str, *, number: str) -> o.Account:
    """Its owner gave the number of a bank account."""
    account = await desk.get(o.Account, account_id)
    if not (number.isascii() and number.isdigit() and 6 <= len(number) <= 17):
        raise invalid("external_account[account_number]", "must be 6 to 17 digits", "account_number_invalid")
    account.external_accounts.data = [
        o.BankAccount(id=fresh_id(o.Account).replace("acct", "ba"), last4=number[-4:], country=account.country)
    ]
    account.requirements = o.Requirements()
    account.payouts_enabled = account.charges_enabled = account.details_submitted = True
    desk.announce("account.updated", account, account.id)
    return account


async def create_transfer(desk: Desk, *, params: Params) -> o.Transfer:
    """Move money from the platform's balance to an account's. The platform is trusted to have it."""
    account = await desk.get(o.Account, text(params, "destination"), "destination")
    transfer = o.Transfer(
        id=fresh_id(o.Transfer),
        amount=amount(params),
        currency=currency(params),
        destination=account.id,
        transfer_group=perhaps(params, "transfer_group"),
        description=perhaps(params, "description"),
        metadata=metadata(params),
    )
    desk.add(transfer)
    transfer.balance_transaction = desk.book("transfer", transfer, -transfer.amount, transfer.currency)
    desk.book("payment", transfer, transfer.amount, transfer.currency, category="charge", account=account.id)
    desk.announce("transfer.created", transfer)
    return transfer


async def update_transfer(desk: Desk, transfer_id: str, *, params: Params) -> o.Transfer:
    """Write something on it."""
    transfer = await desk.get(o.Transfer, transfer_id)
    transfer.metadata = metadata(params, transfer.metadata)
    transfer.description = perhaps(params, "description") or transfer.description
    desk.announce("transfer.updated", transfer)
    return transfer


async def create_transfer_reversal(desk: Desk, transfer_id: str, *, params: Params) -> o.TransferReversal:
    """Move money back, if the account still has it."""
    transfer = await desk.get(o.Transfer, transfer_id)
    left = transfer.amount - transfer.amount_reversed
    wanted = amount(params, default=left or 1)
    if wanted > left:
        raise unexpected("transfer_already_reversed", f"Transfer {transfer.id} has only {left} left to reverse.", param="amount")
    await desk.get(o.Account, transfer.destination)
    await _has(desk, transfer.destination, wanted, transfer.currency)
    reversal = o.TransferReversal(
        id=fresh_id(o.TransferReversal), amount=wanted, currency=transfer.currency, transfer=transfer.id, metadata=metadata(params)
    )
    desk.add(reversal)
    reversal.balance_transaction = desk.book("transfer_refund", reversal, wanted, transfer.currency, category="transfer_reversal")
    desk.book("payment_refund", reversal, -wanted, transfer.currency, category="refund", account=transfer.destination)
    transfer.amount_reversed += wanted
    transfer.reversed = transfer.amount_reversed == transfer.amount
    desk.announce("transfer.reversed", transfer)
    return reversal


async def create_payout(desk: Desk, *, params: Params) -> o.Payout:
    """Send money from an account's balance to its bank."""
    if not desk.account:
        raise missing("Stripe-Account")
    account = await desk.get(o.Account, desk.account, "account")
    wanted, asset = amount(params), currency(params)
    if not account.payouts_enabled:
        raise unexpected("payouts_not_allowed", "Payouts are not enabled for this account.")
    await _has(desk, account.id, wanted, asset)
    payout = o.Payout(
        id=fresh_id(o.Payout),
        amount=wanted,
        currency=asset,
        arrival_date=int((desk.now + PAYOUT_TIME).timestamp()),
        destination=account.external_accounts.data[0].id,
        description=perhaps(params, "description"),
        metadata=metadata(params),
    )
    desk.add(payout, account.id)
    payout.balance_transaction = desk.book("payout", payout, -wanted, asset, account=account.id)
    desk.later(payout, PAYOUT_TIME)
    desk.announce("payout.created", payout, account.id)
    return payout


async def _has(desk: Desk, account: str, wanted: int, asset: str) -> None:
    if await desk.balance(account, asset) < wanted:
        raise BankError("invalid_request_error", "balance_insufficient", "You have insufficient funds in your account.")


async def move_payout(desk: Desk, payout: o.Payout, account: str) -> None:
    """A payout comes further: it arrives, or its bank sends it back, before or after."""
    last4 = (await desk.get(o.Account, account)).external_accounts.data[0].last4
    if payout.status == "pending" and last4 in FAILS_BEFORE:
        _fail(desk, payout, account, FAILS_BEFORE[last4])
    elif payout.status == "pending":
        payout.status = "paid"
        desk.announce("payout.paid", payout, account)
        if last4 in FAILS_AFTER:
            desk.later(payout, SENT_BACK)
    elif last4 in FAILS_AFTER:
        _fail(desk, payout, account, FAILS_AFTER[last4])


async def fail_payout(desk: Desk, payout_id: str) -> o.Payout:
    """Its bank sends it back."""
    payout = await desk.own(o.Payout, payout_id)
    if payout.status == "failed":
        raise unexpected("payout_unexpected_state", "This payout has failed already.")
    _fail(desk, payout, desk.account, SENT_BACK_BY_BANK)
    return payout


def _fail(desk: Desk, payout: o.Payout, account: str, why: tuple[str, str]) -> None:
    payout.status = "failed"
    payout.failure_code, payout.failure_message = why
    payout.failure_balance_transaction = desk.book(
        "payout_failure", payout, payout.amount, payout.currency, category="payout_reversal", account=account
    )
    desk.done(payout)
    desk.announce("payout.failed", payout, account)
