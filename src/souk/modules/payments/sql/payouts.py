"""Statements of payouts."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import count, many, one, only, values
from souk.modules.payments.outgoing import PayoutDetail, PayoutRow

READ: Final = """select id, person_id, amount, netted, currency, provider, recipient_id, provider_id, state, approvals_needed, held_until,
              batch, failure_code, failure, key, journals, calls, called_at, revision, requested_at, sent_at, paid_at
       from payouts"""

PAYOUT = one(PayoutRow, READ + " where id = $1")

PAYOUT_LOCKED = one(PayoutRow, READ + " where id = $1 for update")

PAYOUT_BY_KEY = one(PayoutRow, READ + " where key = $1")

PAYOUT_OF_PROVIDER = one(PayoutRow, READ + " where provider = $1 and provider_id = $2")

PAYOUTS_IN_DOUBT = many(
    PayoutRow, READ + " where provider = $1 and recipient_id = $2 and state = 'unknown' and provider_id is null order by id"
)

PAYOUTS_OF = many(
    PayoutRow,
    READ
    + """ where person_id = $1 and id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          order by id desc limit $3 offset $4""",
)

SHOWN: Final = """select p.id, p.person_id, p.amount, p.netted, p.currency, p.state as status, p.approvals_needed,
              array(select a.person_id from payout_approvals a where a.payout_id = p.id
                    order by a.approved_at, a.person_id) as "approved_by!",
              p.held_until, p.batch, p.provider, p.provider_id, p.failure_code, p.failure, p.requested_at, p.sent_at, p.paid_at
       from payouts p"""

PAYOUT_DETAIL = only(PayoutDetail, SHOWN + " where p.id = $1")

ALL_PAYOUTS = many(
    PayoutDetail,
    SHOWN
    + """ where ($1::payout_state is null or p.state = $1) and ($2::uuid is null or p.person_id = $2)
          order by p.id desc limit $3 offset $4""",
)

HOW_MANY_PAYOUTS = only(
    int,
    """select count(*) as "count!" from payouts where ($1::payout_state is null or state = $1) and ($2::uuid is null or person_id = $2)""",
)

# Many small ones are as much as a large one.
ASKED_LATELY = only(
    int,
    """select coalesce(sum(amount), 0)::bigint as "sum!" from payouts
       where person_id = $1 and currency = $2 and requested_at > $3 and state not in ('failed', 'returned', 'declined', 'canceled')""",
)

ADD_PAYOUT = count(
    """insert into payouts (id, person_id, amount, netted, currency, provider, recipient_id, state, approvals_needed, held_until, key,
                            journals, requested_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"""
)

SAVE_PAYOUT = count(
    """update payouts set state = $3, provider_id = $4, recipient_id = $5, held_until = $6, batch = $7, failure_code = $8, failure = $9,
              journals = $10, calls = $11, called_at = $12, sent_at = $13, paid_at = $14, updated_at = $2, revision = $15
       where id = $1"""
)

ADD_APPROVAL = count("insert into payout_approvals (payout_id, person_id, approved_at) values ($1, $2, $3) on conflict do nothing")

HOW_MANY_APPROVALS = only(int, """select count(*) as "count!" from payout_approvals where payout_id = $1""")

# Sending

# What may leave goes together: approved, no longer held, to an account that is ready and was not changed lately.
TAKE_DUE = values(
    UUID,
    """with due as (
           select p.id, r.recipient_id
           from payouts p join recipients r on r.person_id = p.person_id and r.provider = p.provider
           where p.state = 'approved' and p.called_at is null and coalesce(p.held_until, '-infinity') <= $2
               and r.ready and r.recipient_id is not null and r.changed_at <= $3
           order by p.requested_at, p.id limit $4 for update of p skip locked)
       update payouts set batch = $1, called_at = $2, recipient_id = due.recipient_id, updated_at = $2, revision = revision + 1
       from due where payouts.id = due.id returning payouts.id""",
)

# What the clock looks after

PAYOUTS_CALLED_LONG_AGO = values(
    UUID,
    """select id from payouts where called_at <= $1 and (state = 'approved' or state = 'unknown' and sent_at > $2)
       order by called_at limit $3""",
)

PAYOUTS_TO_LOOK_AT = values(
    UUID,
    """select id from payouts
       where provider_id is not null and updated_at <= $1 and (state = 'sent' or state = 'paid' and paid_at > $2)
       order by updated_at limit $3""",
)

PAYOUTS_LOOKED_AT = count("update payouts set updated_at = $2 where id = any($1::uuid[])")

# Of these nobody will know by calling again.
LOST_PAYOUTS = values(UUID, "select id from payouts where state = 'unknown' and sent_at <= $1 order by called_at limit $2")
