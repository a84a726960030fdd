"""Payouts: what people ask for and staff decide. The money leaves the wallet when a payout is asked for, and waits in transit.

requested → approved → unknown → sent → paid, and from there to failed (it never left), returned (it came back), declined (by staff)
or canceled (by who asked for it).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.http import Actor, BothPage, BothPaging, Page, both_page
from souk.kernel.ids import new_id
from souk.kernel.money import Asset
from souk.modules import audit, ledger
from souk.modules.payments.accounts import PAYOUTS, RECEIVABLE
from souk.modules.payments.errors import (
    ApprovedAlready,
    OwesMore,
    OwnPayout,
    PayoutAccountMissing,
    PayoutAccountUnready,
    PayoutInDoubt,
    PayoutNotFound,
    PayoutOver,
    PayoutTooSmall,
)
from souk.modules.payments.events import PayoutCanceled, PayoutFailed, PayoutRequested
from souk.modules.payments.model import PayoutStatus
from souk.modules.payments.outgoing import RANKS, NewPayout, Payout, PayoutDetail, PayoutRow, PayoutsQuery, RecipientRow
from souk.modules.payments.provider import KEYS_KEPT
from souk.modules.payments.providers import Till
from souk.modules.payments.receivables import NETTED, debt_of, square
from souk.modules.payments.rules import Rules
from souk.modules.payments.sql import payouts as sql
from souk.modules.payments.sql import recipients

TAKEN_BACK: Final = "You took it back."
LATELY: Final = timedelta(hours=24)
"""What somebody asks for within it counts as one where it has to be approved."""


# Asking


async def request(tx: Tx, till: Till, by: Actor, wanted: NewPayout, key: str) -> Payout:
    """Take money out: what is owed is kept back first, the rest leaves the wallet now and the market later."""
    asset, rules = till.asset(wanted.currency), till.rules
    # The receiver's row: two requests of one person are one after the other.
    recipient = await tx.run(recipients.RECIPIENT_LOCKED, by.id, till.providers.current)
    known = await tx.run(sql.PAYOUT_BY_KEY, key)
    if known is not None:
        if (known.person_id, known.amount + known.netted, known.currency) != (by.id, wanted.amount, asset.code):
            raise ledger.IdempotencyConflict
        return known.shown
    if wanted.amount < rules.minimum_payout:
        raise PayoutTooSmall(least=rules.minimum_payout)
    payout_id, recipient = new_id(), _usable(recipient)
    kept = min(wanted.amount, max(0, await debt_of(tx, asset, by.id)))
    if kept == wanted.amount:
        raise OwesMore(owed=kept)
    lately = await tx.run(sql.ASKED_LATELY, by.id, asset.code, tx.now - LATELY)
    needed = approvals_needed(rules, lately + wanted.amount - kept)
    journals = await _leave_wallet(tx, asset, by.id, payout_id, kept, wanted.amount - kept)
    await tx.run(
        sql.ADD_PAYOUT,
        payout_id,
        by.id,
        wanted.amount - kept,
        kept,
        asset.code,
        recipient.provider,
        recipient.recipient_id,
        PayoutStatus.REQUESTED if needed else PayoutStatus.APPROVED,
        needed,
        held_until(rules, recipient, tx.now),
        key,
        journals,
        tx.now,
    )
    return (await any_payout(tx, payout_id)).shown


def _usable(recipient: RecipientRow | None) -> RecipientRow:
    if recipient is None or recipient.recipient_id is None:
        raise PayoutAccountMissing
    if not recipient.ready:
        raise PayoutAccountUnready(missing=", ".join(recipient.missing) or "a check of its own")
    return recipient


def approvals_needed(rules: Rules, amount: int) -> int:
    """How many people have to let it go."""
    if rules.two_person_above is not None and amount > rules.two_person_above:
        return 2
    return int(rules.approve_above is not None and amount > rules.approve_above)


def held_until(rules: Rules, recipient: RecipientRow, now: datetime) -> datetime | None:
    """Until when it waits: for what was earned only now, and after the account was changed."""
    until = max(now + rules.payout_hold, recipient.changed_at + rules.account_hold)
    return until if until > now else None


async def _leave_wallet(  # noqa: PLR0913, PLR0917 - whose money, for what, and the two parts of it
    tx: Tx, asset: Asset, person_id: UUID, payout_id: UUID, kept: int, amount: int
) -> list[UUID]:
    wallet, journals = ledger.WALLET.of(asset, person_id), []
    if kept:
        owing = RECEIVABLE.of(asset, person_id)
        netted = ledger.transfer(f"payout {payout_id} netted", NETTED, wallet, [(owing, kept)], reference=payout_id, actor=person_id)
        journals.append((await ledger.post(tx, netted)).journal)
    movement = ledger.transfer(
        f"payout {payout_id}", "payout.requested", wallet, [(PAYOUTS.of(asset), amount)], reference=payout_id, actor=person_id
    )
    news = PayoutRequested(payout_id, person_id, amount, kept, asset.code)
    journals.append((await ledger.post(tx, movement, news)).journal)
    return journals


# Looking


async def any_payout(tx: Tx, payout_id: UUID, *, lock: bool = False) -> PayoutRow:
    """Anybody's payout. `lock` keeps others from changing it until the commit."""
    row = await (tx.run(sql.PAYOUT_LOCKED, payout_id) if lock else tx.run(sql.PAYOUT, payout_id))
    if row is None:
        raise PayoutNotFound
    return row


async def own_payout(tx: Tx, by: Actor, payout_id: UUID, *, lock: bool = False) -> PayoutRow:
    """A payout of one's own."""
    row = await any_payout(tx, payout_id, lock=lock)
    if row.person_id != by.id:
        raise PayoutNotFound
    return row


async def own_payouts(tx: Tx, by: Actor, paging: BothPaging) -> BothPage[Payout]:
    """What somebody took out, newest first."""
    rows = await tx.run(sql.PAYOUTS_OF, by.id, paging.after(UUID), paging.limit + 1, paging.offset)
    total = await tx.run(sql.HOW_MANY_PAYOUTS, None, by.id)
    return both_page([row.shown for row in rows], total, paging, lambda payout: payout.id)


async def detail(tx: Tx, payout_id: UUID) -> PayoutDetail:
    """Anybody's payout, as staff see it."""
    return await tx.run(sql.PAYOUT_DETAIL, (await any_payout(tx, payout_id)).id)


async def payouts(tx: Tx, query: PayoutsQuery) -> Page[PayoutDetail]:
    """Everybody's payouts, newest first."""
    rows = await tx.run(sql.ALL_PAYOUTS, query.status, query.person_id, query.limit, query.offset)
    return Page(rows, await tx.run(sql.HOW_MANY_PAYOUTS, query.status, query.person_id), query)


# Deciding


async def cancel(tx: Tx, till: Till, by: Actor, payout_id: UUID) -> Payout:
    """Take one's own payout back while nobody is sending it. What was kept back for a debt stays paid."""
    row = await own_payout(tx, by, payout_id, lock=True)
    _check_here(row)
    return (await back_to_wallet(tx, till, row, PayoutStatus.CANCELED, "canceled", TAKEN_BACK)).shown


async def approve(tx: Tx, by: Actor, payout_id: UUID) -> PayoutDetail:
    """Let a payout go. Above the market's limit it takes two people, and never its receiver."""
    row = await _to_decide(tx, by, payout_id)
    if row.state is not PayoutStatus.REQUESTED:
        raise PayoutOver(state=row.state)
    if not await tx.run(sql.ADD_APPROVAL, row.id, by.id, tx.now):
        raise ApprovedAlready
    approvals = await tx.run(sql.HOW_MANY_APPROVALS, row.id)
    state = PayoutStatus.APPROVED if approvals >= row.approvals_needed else row.state
    await save(tx, row, state=state)
    after = {"status": state, "approvals": approvals, "of": row.approvals_needed, "amount": row.amount, "currency": row.currency}
    await audit.record(tx, "payout.approved", "payout", row.id, by=by, before={"status": row.state}, after=after, of=row.person_id)
    return await tx.run(sql.PAYOUT_DETAIL, row.id)


async def reject(tx: Tx, till: Till, by: Actor, payout_id: UUID, reason: str) -> PayoutDetail:
    """Say no to a payout that has not left: the money is in the wallet again.

    So is one of which the provider's keys can no longer tell whether it left: staff have looked there, and it did not.
    """
    row = await _to_decide(tx, by, payout_id)
    if not lost(row, tx.now):
        _check_here(row)
    declined = await back_to_wallet(tx, till, row, PayoutStatus.DECLINED, "declined", reason)
    before, after = {"status": row.state}, {"status": declined.state, "amount": row.amount, "currency": row.currency}
    await audit.record(tx, "payout.rejected", "payout", row.id, by=by, before=before, after=after, why=reason, of=row.person_id)
    return await tx.run(sql.PAYOUT_DETAIL, row.id)


async def _to_decide(tx: Tx, by: Actor, payout_id: UUID) -> PayoutRow:
    row = await any_payout(tx, payout_id, lock=True)
    if row.person_id == by.id:
        raise OwnPayout
    return row


def _check_here(row: PayoutRow) -> None:
    """Nobody has sent it, and nobody is at it."""
    if row.rank > RANKS[PayoutStatus.APPROVED]:
        raise PayoutOver(state=row.state)
    if row.called_at is not None or row.state is PayoutStatus.UNKNOWN:
        raise PayoutInDoubt


def lost(row: PayoutRow, now: datetime) -> bool:
    """Whether making its call again cannot tell any more what became of it."""
    return row.state is PayoutStatus.UNKNOWN and row.sent_at is not None and now > row.sent_at + KEYS_KEPT


# Moving


async def back_to_wallet(  # noqa: PLR0913, PLR0917 - how it ended, and why
    tx: Tx, till: Till, row: PayoutRow, state: PayoutStatus, code: str, message: str, source: ledger.Account | None = None
) -> PayoutRow:
    """A payout is over and not paid: the money is where it came from. What its owner owes by now is taken of it."""
    asset = till.assets.named(row.currency)
    wallet = ledger.WALLET.of(asset, row.person_id)
    movement = ledger.transfer(
        f"payout {row.id} {state}", f"payout.{state}", source or PAYOUTS.of(asset), [(wallet, row.amount)], reference=row.id
    )
    about = (row.id, row.person_id, row.amount, row.currency)
    canceled = state is PayoutStatus.CANCELED
    posted = await ledger.post(tx, movement, PayoutCanceled(*about) if canceled else PayoutFailed(*about, state, code, message))
    await square(tx, asset, row.person_id, f"payout {row.id} {state}, squared", row.id)
    journals = [*row.journals, posted.journal]
    return await save(tx, row, state=state, failure_code=code, failure=message, journals=journals, called_at=None)


async def save(tx: Tx, row: PayoutRow, **changes: Any) -> PayoutRow:
    """Write down what changed of a payout that is locked."""
    row = replace(row, **changes, revision=row.revision + 1)
    await tx.run(
        sql.SAVE_PAYOUT,
        row.id,
        tx.now,
        row.state,
        row.provider_id,
        row.recipient_id,
        row.held_until,
        row.batch,
        row.failure_code,
        row.failure,
        row.journals,
        row.calls,
        row.called_at,
        row.sent_at,
        row.paid_at,
        row.revision,
    )
    return row
