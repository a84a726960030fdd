"""Stripe for tests: the adapter, the server it speaks to, and the bank behind that, whose time can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.store import MemoryStore
from souk.modules.payments.stripe import StripeSettings, open_stripe
from souk.modules.payments.stripe.adapter import Stripe
from tests.doubles.stripe_server import KEY, StripeServer

WEBHOOK_SECRET: Final = "whsec_0123456789abcdefghijklmnop"
BACK: Final = "https://market.test/paid"


class World:
    """All of it. `stripe` is what is tested."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.bank = Bank(MemoryStore(), lambda: self.now)
        self.server = StripeServer(self.bank)
        self.stripe: Stripe

    def settings(self, **other: object) -> StripeSettings:
        said = {"secret_key": KEY, "webhook_secrets": (WEBHOOK_SECRET,), "api": self.server.url} | other
        return StripeSettings(**said)  # type: ignore[arg-type]  # as tests give them

    async def days(self, count: float) -> None:
        """Let time pass, and the bank do what is due."""
        self.now += timedelta(days=count)
        while await self.bank.work():
            pass

    def posts(self, path: str) -> int:
        """How many requests came in that would change something there."""
        return sum(seen.method == "POST" and seen.path == path for seen in self.server.seen)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """It, open."""
    made = World()
    await made.server.open()
    made.stripe = open_stripe(made.settings(), back=BACK)
    try:
        yield made
    finally:
        await made.stripe.close()
        await made.server.close()
