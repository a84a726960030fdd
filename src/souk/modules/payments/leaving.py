"""What payments tell a person who takes their data along, and what they forget. Money records stay, with ids alone."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.kernel.messages import enqueue
from souk.modules.payments.jobs import GIVING_UP, Left, forget_methods, give_up_payments
from souk.modules.payments.payers import Forgotten
from souk.modules.payments.payout_jobs import Gone, forget_recipient
from souk.modules.payments.sql import payers as sql
from souk.modules.payments.sql import paying, payouts, recipients, refunding

PAYMENTS: Final = 10_000
"""At most so many payments: the newest."""


async def export(tx: Tx, person: UUID) -> object:
    """What somebody paid and was paid, what was sent back of it, and who they are at providers."""
    payments = await tx.run(paying.PAYMENTS_OF, person, None, None, PAYMENTS, 0)
    refunds = await tx.run(refunding.REFUNDS_OF, [payment.id for payment in payments])
    return {
        "payouts": [msgspec.to_builtins(row.shown) for row in await tx.run(payouts.PAYOUTS_OF, person, None, PAYMENTS, 0)],
        "payoutAccounts": [
            {"provider": row.provider, "id": row.recipient_id, "country": row.country, "ready": row.ready, "changedAt": row.changed_at}
            for row in await tx.run(recipients.RECIPIENTS_OF_PERSON, person)
        ],
        "payments": [msgspec.to_builtins(payment.shown_to(person)) for payment in payments],
        "refunds": [msgspec.to_builtins(refund.outlined) for refund in refunds],
        "knownAt": msgspec.to_builtins(await tx.run(sql.PAYER, person)),
    }


async def erase(tx: Tx, person: UUID) -> None:
    """Forget who somebody is at providers, and have those forget how they paid. Where a payout is still to go is forgotten after it.

    What they had begun to pay is given up, so that nobody is charged who has left.
    """
    await enqueue(tx, forget_recipient, Gone(person))
    await enqueue(tx, give_up_payments, Left(person, tx.now + GIVING_UP))
    for known in await tx.run(sql.PAYER, person):
        await tx.run(sql.FORGET_PAYER, person, known.provider)
        if known.customer_id is not None:
            await enqueue(tx, forget_methods, Forgotten(known.provider, known.customer_id))
