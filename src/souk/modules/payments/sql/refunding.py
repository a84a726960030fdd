"""Statements of refunds."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import count, many, one, values
from souk.modules.payments.model import RefundRow

READ: Final = """select id, payment_id, amount, currency, fee_returned, source, owed, state, provider, provider_id, reason, asked_by,
              failure, key, journals, called_at, revision, created_at
       from refunds"""

REFUND = one(RefundRow, READ + " where id = $1")

REFUND_LOCKED = one(RefundRow, READ + " where id = $1 for update")

REFUND_BY_KEY = one(RefundRow, READ + " where key = $1")

REFUND_OF_PROVIDER = one(RefundRow, READ + " where provider = $1 and provider_id = $2")

REFUNDS_OF = many(RefundRow, READ + " where payment_id = any($1::uuid[]) order by created_at, id")

ADD_REFUND = count(
    """insert into refunds (id, payment_id, amount, currency, fee_returned, source, owed, provider, reason, asked_by, key, journals,
                            called_at, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)"""
)

SAVE_REFUND = count(
    """update refunds set state = $3, provider_id = $4, failure_code = $5, failure = $6, called_at = $7, updated_at = $2,
              revision = revision + 1
       where id = $1"""
)

REFUNDS_CALLED_LONG_AGO = values(UUID, "select id from refunds where called_at <= $1 order by called_at limit $2")

UNSETTLED_REFUNDS = values(
    UUID, "select id from refunds where state = 'pending' and called_at is null and updated_at <= $1 order by updated_at limit $2"
)

REFUNDS_LOOKED_AFTER = count("update refunds set updated_at = $2 where id = any($1::uuid[])")
