"""Statements of who is paid, as the provider knows them."""

from __future__ import annotations

from typing import Final

from souk.kernel.db import count, many, one, only
from souk.modules.payments.outgoing import RecipientRow

READ: Final = """select person_id, provider, recipient_id, country, ready, missing, destination, changed_at, revision from recipients"""

RECIPIENT = one(RecipientRow, READ + " where person_id = $1 and provider = $2")

RECIPIENT_LOCKED = one(RecipientRow, READ + " where person_id = $1 and provider = $2 for update")

RECIPIENT_OF_PROVIDER = one(RecipientRow, READ + " where provider = $1 and recipient_id = $2")

RECIPIENTS_OF_PERSON = many(RecipientRow, READ + " where person_id = $1 order by provider")

# Another country is another account at the provider.
CHOOSE_COUNTRY = only(
    RecipientRow,
    """insert into recipients (person_id, provider, country, changed_at, created_at) values ($1, $2, $3, $4, $4)
       on conflict (person_id, provider) do update set country = excluded.country, revision = recipients.revision + 1,
           recipient_id = case when recipients.country = excluded.country then recipients.recipient_id end,
           ready = recipients.ready and recipients.country = excluded.country,
           missing = case when recipients.country = excluded.country then recipients.missing else '{}' end,
           destination = case when recipients.country = excluded.country then recipients.destination else '' end,
           changed_at = case when recipients.country = excluded.country then recipients.changed_at else excluded.changed_at end
       returning person_id, provider, recipient_id, country, ready, missing, destination, changed_at, revision""",
)

SAVE_RECIPIENT = count(
    """update recipients set recipient_id = $3, ready = $4, missing = $5, destination = $6, changed_at = $7, revision = revision + 1
       where person_id = $1 and provider = $2"""
)

# Where a payout is still to go stays known.
FORGET_RECIPIENTS = count(
    """delete from recipients r where person_id = $1 and not exists (
           select from payouts p where p.person_id = $1 and p.provider = r.provider
               and p.state in ('requested', 'approved', 'unknown', 'sent'))"""
)
