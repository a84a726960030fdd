"""Statements of payments."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import count, many, one, only, values
from souk.modules.payments.model import Row

READ: Final = """select id, payer_id, payee_id, kind, reference_id, amount, fee, currency, provider, provider_id, state, manual, escrow,
              captured, refunded, disputed, hold_id, held, captured_by, released_by, released, fee_taken, fee_returned,
              client_secret, next_url, failure_code, failure, key, call, calls, call_method, call_amount, called_at, revision,
              created_at, captured_at
       from payments"""

PAYMENT = one(Row, READ + " where id = $1")

PAYMENT_LOCKED = one(Row, READ + " where id = $1 for update")

PAYMENT_OF = one(Row, READ + " where id = $1 and (payer_id = $2 or payee_id = $2)")

PAYMENT_BY_KEY = one(Row, READ + " where key = $1")

PAYMENT_OF_PROVIDER = one(Row, READ + " where provider = $1 and provider_id = $2")

PAYMENTS_OF = many(
    Row,
    READ
    + """ where (payer_id = $1 or payee_id = $1) and id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
              and ($3::payment_state is null or state = $3)
          order by id desc limit $4 offset $5""",
)

HOW_MANY_PAYMENTS_OF = only(
    int,
    """select count(*) as "count!" from payments
       where (payer_id = $1 or payee_id = $1) and ($2::payment_state is null or state = $2)""",
)

PAYMENTS_FOR = many(Row, READ + " where reference_id = $1 order by created_at desc, id desc limit 100")

# A payment is begun with the call that makes the provider know it.
ADD_PAYMENT = count(
    """insert into payments (id, payer_id, payee_id, kind, reference_id, amount, fee, currency, provider, manual, escrow, key,
                             call_method, call, calls, called_at, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'create', 1, $14, $14, $14) on conflict (key) do nothing"""
)

SAVE_PAYMENT = count(
    """update payments set provider_id = $3, state = $4, captured = $5, refunded = $6, disputed = $7, hold_id = $8, held = $9,
              captured_by = $10, released_by = $11, released = $12, fee_taken = $13, fee_returned = $14, client_secret = $15,
              next_url = $16, failure_code = $17, failure = $18, call = $19, calls = $20, call_method = $21, call_amount = $22,
              called_at = $23, captured_at = $24, updated_at = $2, revision = $25
       where id = $1"""
)

# What the clock looks after

# Whoever made such a call in vain has touched the payment: the next time others are first.
CALLED_LONG_AGO = values(UUID, "select id from payments where call is not null and updated_at <= $1 order by updated_at limit $2")

UNSETTLED = values(
    UUID,
    """select id from payments
       where state in ('unknown', 'pending', 'action', 'failed', 'authorised') and call is null and updated_at <= $1 and created_at > $2
       order by updated_at limit $3""",
)

# What is open and not authorised.
BEGUN_BY = values(
    UUID, "select id from payments where payer_id = $1 and state in ('created', 'unknown', 'pending', 'action', 'failed') order by id"
)

LOOKED_AFTER = count("update payments set updated_at = $2 where id = any($1::uuid[])")
