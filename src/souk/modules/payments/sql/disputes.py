"""Statements of chargebacks."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import count, many, one, only
from souk.modules.payments.chargebacks import Chargeback, DisputeRow, Paid

READ: Final = """select id, payment_id, provider, provider_id, amount, fee, currency, reason, state, source, taken, owed,
              from_hold, from_payee, from_platform, journals, revision, opened_at, closed_at
       from payment_disputes"""

DISPUTE_OF_PROVIDER = one(DisputeRow, READ + " where provider = $1 and provider_id = $2")

ADD_DISPUTE = count(
    """insert into payment_disputes (id, payment_id, provider, provider_id, amount, currency, reason, source, taken, owed, from_hold,
                                     from_payee, from_platform, journals, opened_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)"""
)

SAVE_DISPUTE = count(
    """update payment_disputes set state = $3, fee = $4, closed_at = $5, updated_at = $2, revision = revision + 1 where id = $1"""
)

DISPUTES_TO_LOOK_AT = many(DisputeRow, READ + " where state = 'open' and updated_at <= $1 order by updated_at limit $2")

DISPUTES_LOOKED_AT = count("update payment_disputes set updated_at = $2 where id = any($1::uuid[])")

# What payee and platform gave back already of what they got of a payment.
PAID_BACK = only(
    Paid,
    """select (coalesce(sum(d.from_payee), 0) + coalesce(
                  (select sum(amount - fee_returned) from refunds where payment_id = $1 and source = 'payee' and state <> 'failed'),
                  0))::bigint as "payee!",
              coalesce(sum(d.from_platform), 0)::bigint as "platform!"
       from payment_disputes d where d.payment_id = $1 and d.state <> 'won'""",
)

SHOWN: Final = """select d.id, d.payment_id, d.provider, d.provider_id, d.amount, d.fee, d.currency, d.reason,
              d.state as status, d.taken, d.owed, p.payer_id, p.payee_id, p.reference_id, d.opened_at, d.closed_at
       from payment_disputes d join payments p on p.id = d.payment_id"""

ALL_DISPUTES = many(
    Chargeback, SHOWN + " where ($1::payment_dispute_state is null or d.state = $1) order by d.opened_at desc, d.id desc limit $2 offset $3"
)

HOW_MANY_DISPUTES = only(int, """select count(*) as "count!" from payment_disputes where $1::payment_dispute_state is null or state = $1""")
