"""Statements of the webhook inbox."""

from __future__ import annotations

from souk.kernel.db import count, one
from souk.modules.payments.model import Happened

TAKE_IN = count(
    """insert into webhook_events (provider, event_id, kind, object_kind, object_id, about, happened_at, received_at)
       values ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8) on conflict do nothing"""
)

HAPPENED = one(
    Happened,
    """select provider, event_id, kind, object_kind, object_id, about, happened_at, received_at, processed_at
       from webhook_events where provider = $1 and event_id = $2""",
)

PROCESSED = count("update webhook_events set processed_at = $3 where provider = $1 and event_id = $2 and processed_at is null")

FORGET = count(
    """delete from webhook_events where (provider, event_id) in (
           select provider, event_id from webhook_events where processed_at < $1 order by processed_at limit $2)"""
)
