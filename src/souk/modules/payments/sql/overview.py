"""What staff see of all payments, refunds and payouts."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import many, only
from souk.modules.payments.transactions import StaffPayment, Transaction

WANTED: Final = """($1::payment_state is null or state = $1) and ($2::uuid is null or $2 in (payer_id, payee_id))
           and ($3::uuid is null or reference_id = $3)"""

SHOWN: Final = """select id, payer_id, payee_id, kind, reference_id, amount, fee, currency, state as status,
              captured, refunded, disputed, failure, created_at, captured_at, provider, provider_id, held, released
       from payments where """

ALL_PAYMENTS = many(StaffPayment, SHOWN + WANTED + " order by id desc limit $4 offset $5")

COUNTED: Final = """select count(*) as "count!" """

HOW_MANY_PAYMENTS = only(int, COUNTED + "from payments where " + WANTED)

# Credits and subscriptions are payments of a kind of their own.
ALL_TRANSACTIONS: Final = """
    select id, case when kind in ('subscription_payment', 'credit_purchase') then kind else 'one_time_payment' end as type,
           payer_id, payee_id, reference_id, amount, currency, fee, amount - fee as net_amount, provider_id,
           case when state = 'captured' and refunded = captured then 'refunded' when state = 'captured' then 'succeeded'
                when state in ('failed', 'canceled') then 'failed' else 'pending' end as status,
           kind as description, created_at, updated_at
    from payments
    union all
    select r.id, 'refund', p.payer_id, p.payee_id, p.reference_id, r.amount, r.currency, r.fee_returned, r.amount - r.fee_returned,
           r.provider_id,
           case when r.state in ('succeeded', 'failed') then r.state::text else 'pending' end,
           coalesce(r.reason, 'refund'), r.created_at, r.updated_at
    from refunds r join payments p on p.id = r.payment_id
    union all
    select id, 'worker_payout', null, person_id, null, amount, currency, 0, amount, provider_id,
           case when state = 'paid' then 'succeeded' when state in ('failed', 'returned', 'declined', 'canceled') then 'failed'
                else 'pending' end,
           'payout', requested_at, updated_at
    from payouts"""

CHOSEN: Final = (
    f"from ({ALL_TRANSACTIONS}) t"
    """
       where ($1::text is null or type = $1) and ($2::text is null or status = $2)
           and ($3::uuid is null or payer_id = $3 or payee_id = $3)
           and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)"""
)

TRANSACTIONS = many(
    Transaction,
    """select id as "id!", type as "type!", payer_id, payee_id, reference_id, amount as "amount!", currency as "currency!", fee as "fee!",
              net_amount as "net_amount!", provider_id, status as "status!", description as "description!",
              created_at as "created_at!", updated_at as "updated_at!"
       """
    + CHOSEN
    + " order by id desc limit $6 offset $7",
)

HOW_MANY_TRANSACTIONS = only(int, COUNTED + CHOSEN)
