"""People who take money out, for stories about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from souk.modules.payments.outgoing import NewPayoutAccount
from souk.modules.payments.payout_jobs import send_what_is_due
from souk.modules.payments.recipients import note, set_account
from souk.modules.payments.sandbox import objects as o
from tests.modules.identity.conftest import Visitor
from tests.modules.payments.conftest import Shop

NUMBER = "000123456789"
CLOSED, COMES_BACK = "000111111113", "000111111116"
"""Accounts at the bank: one whose payouts fail before they are paid, and one whose come back after it."""


async def opens_account(shop: Shop, person: UUID, number: str = NUMBER) -> str:
    """Somebody says where they want to be paid, fills in the bank's page, and waits for the day that payouts wait then."""
    await set_account(shop.database, shop.till, person, NewPayoutAccount("FR"), "http://back.example")
    account = await recipient_of(shop, person)
    await shop.bank.fill_in(account, number)
    told = await shop.till.provider(shop.database).recipient(account)
    await shop.database.write(lambda tx: note(tx, person_id=person, provider="sandbox", told=told))
    await shop.do("update recipients set changed_at = changed_at - interval '25 hours' where person_id = $1", person)
    return account


async def earner(shop: Shop, name: str = "will", amount: int = 20_000, number: str = NUMBER) -> Visitor:
    """Somebody with money, and an account to which it may go."""
    worker = await shop.join(name, "worker")
    if amount:
        await shop.pays(worker.id, amount, kind="deposit")
    await opens_account(shop, worker.id, number)
    return worker


async def recipient_of(shop: Shop, person: UUID) -> str:
    """Who they are at the bank."""
    ((found,),) = await shop.rows("select recipient_id from recipients where person_id = $1", person)
    return str(found)


async def asks(worker: Visitor, amount: int, *, status: int = 201, key: str = "", **also: Any) -> dict[str, Any]:
    """Somebody takes money out."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = await worker.client.post("/wallet/payouts", json={"amount": amount, **also}, headers=headers)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()["data" if answer.is_success else "error"]
    return told


async def sends(shop: Shop) -> None:
    """What is due leaves."""
    await shop.database.write(lambda tx: send_what_is_due(tx, shop.till))
    await shop.work()


async def state(shop: Shop, payout: dict[str, Any]) -> str:
    """How far a payout is."""
    ((found,),) = await shop.rows("select state::text from payouts where id = $1", UUID(payout["id"]))
    return str(found)


async def sent_to_bank(shop: Shop) -> int:
    """What the bank sent out for the market, less what came back."""
    page = await shop.bank.list_balance_transactions({"limit": 100})
    return -sum(int(line.amount) for line in page.data if line.type in {"transfer", "transfer_refund"})


async def closes(shop: Shop, account: str) -> None:
    """The bank pays nobody out at that account any more."""
    kept = await shop.bank.store.load("account", account)
    assert kept is not None
    found = msgspec.json.decode(kept.content, type=o.Account)
    found.payouts_enabled = False
    kept.content = msgspec.json.encode(found).decode()
