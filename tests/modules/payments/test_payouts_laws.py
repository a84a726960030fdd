"""What must always hold about payouts, debts, chargebacks and differences: each law notices its breach."""

from __future__ import annotations

import asyncpg

from souk.modules import payments
from souk.modules.payments.reconciliation import reconcile
from tests.modules.payments.conftest import Shop
from tests.modules.payments.payees import asks, earner, sends

BREACHES = {
    "every payout is what left": "update payouts set amount = amount - 1",
    "in transit is what": "update payouts set state = 'paid' where state = 'approved'",
    "a payout leaves when": "update payouts set approvals_needed = 1",
    "nobody is owed": "update accounts set posted = 1 where purpose = 'receivable'",
    "what is disputed": "update payments set disputed = disputed + 1 where disputed > 0",
    "a chargeback and its fee": "update payment_disputes set fee = 0",
    "where provider and ledger": "update reconciliation_differences set found_at = found_at - interval '2 days'",
    "nothing is at a provider's": "update payouts set state = 'sent', sent_at = sent_at - interval '11 days'",
}


async def test_the_laws_hold_and_each_notices_its_breach(shop: Shop, admin_dsn: str) -> None:
    ada, will = await shop.join("ada"), await earner(shop)
    await asks(will, 2_000)
    await sends(shop)
    await asks(will, 3_000)
    row = await shop.released(await shop.escrow(ada.id, will.id))
    await asks(will, 20_000)
    await shop.bank.open_dispute(row.provider_id or "")
    await shop.tells()
    await shop.pays(ada.id, 7_000, kind="deposit")
    await reconcile(shop.database, shop.till, "sandbox", shop.clock.now().date())
    await shop.do("update provider_bookings set amount = amount + 1 where what = 'payment'")
    await shop.do("delete from reconciliations")
    await reconcile(shop.database, shop.till, "sandbox", shop.clock.now().date())
    await shop.lawful()
    laws = {law.sentence: law.query.sql for law in payments.MODULE.laws}
    connection = await asyncpg.connect(admin_dsn, server_settings={"search_path": "sample"})
    try:
        for begins, breach in BREACHES.items():
            law = next(sql for sentence, sql in laws.items() if sentence.startswith(begins))
            undone = connection.transaction()
            await undone.start()
            await connection.execute(breach)
            assert await connection.fetch(law), begins
            await undone.rollback()
    finally:
        await connection.close()
