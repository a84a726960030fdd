"""Stripe: a payment provider by its official SDK, which is an extra (`souk[stripe]`) and loaded only where a market pays by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from souk.kernel.assembly import Market
from souk.kernel.config import ConfigError, Problem, Settings
from souk.kernel.db import Database
from souk.modules.payments.provider import PaymentProvider
from souk.modules.payments.stripe.settings import StripeSettings

if TYPE_CHECKING:
    from souk.modules.payments.stripe.adapter import Stripe

__all__ = ["StripeSettings", "open_stripe", "provider_of"]


def provider_of(settings: Settings, market: Market) -> Callable[[Database], PaymentProvider]:
    """How a market's provider is made. One line to Stripe serves whatever database asks."""
    opened = open_stripe(StripeSettings.load(os.environ), back=settings.reached_at + market.base)
    return lambda _database: opened


def open_stripe(own: StripeSettings, *, back: str) -> Stripe:
    """Stripe under these settings. back: the market's page to which payers return after they proved who they are."""
    if not own.secret_key:
        raise ConfigError([Problem("SOUK_STRIPE_KEY", "is missing, and a market pays by Stripe", "Set it to the account's sk_… or rk_…")])
    try:
        from souk.modules.payments.stripe.adapter import Stripe  # noqa: PLC0415 - its SDK takes most of a second to load
    except ModuleNotFoundError as error:
        missing = Problem("SOUK_STRIPE_KEY", f"is set, and {error.name} is not installed", "Install souk[stripe]")
        raise ConfigError([missing]) from error
    return Stripe(own, back=back)
