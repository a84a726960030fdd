"""Values of the SDK that many answers have, as values of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import stripe

from souk.kernel.money import Money


def money(amount: int, currency: str) -> Money:
    """Stripe writes currencies in small letters."""
    return Money(amount, currency.upper())


def id_of(thing: Any) -> str | None:
    """The id of something that an answer names or holds."""
    return thing if thing is None or isinstance(thing, str) else str(thing.id)


def labels(metadata: stripe.StripeObject | None) -> dict[str, str]:
    """What the caller wanted to find again."""
    return {str(name): str(text) for name, text in metadata.to_dict().items()} if metadata is not None else {}


def moment(seconds: int) -> datetime:
    """Stripe counts seconds."""
    return datetime.fromtimestamp(seconds, UTC)
