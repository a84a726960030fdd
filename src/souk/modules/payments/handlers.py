"""Who brings what up to date that a provider tells of, by the provider's word for it."""

from __future__ import annotations

from typing import Final

from souk.modules.payments.disputes import look_at_dispute
from souk.modules.payments.recipients import look_at_account
from souk.modules.payments.sending import look_at_payout
from souk.modules.payments.webhooks import HANDLERS as PAYMENTS
from souk.modules.payments.webhooks import Handle

HANDLERS: Final[dict[str, Handle]] = {
    **PAYMENTS,
    "dispute": look_at_dispute,
    "payout": look_at_payout,
    "account": look_at_account,
    "bank_account": look_at_account,
    "card": look_at_account,
}
