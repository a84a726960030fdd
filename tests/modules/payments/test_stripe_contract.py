"""Stripe by its SDK, over HTTP, keeps what every provider promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from souk.kernel.clock import Clock
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.store import MemoryStore
from souk.modules.payments.stripe import StripeSettings
from souk.modules.payments.stripe.adapter import Stripe
from tests.doubles.stripe_server import KEY, StripeServer
from tests.modules.payments.contract import Bench, ProviderContract
from tests.modules.payments.stripes import BACK, WEBHOOK_SECRET

T = TypeVar("T")


class Spoken(Stripe):
    """Stripe, whose server is opened by the first call: a fixture has no event loop to do it on."""

    def __init__(self, server: StripeServer) -> None:
        secrets = ("whsec_previous", WEBHOOK_SECRET)
        super().__init__(StripeSettings(secret_key=KEY, webhook_secrets=secrets, api=server.url), back=BACK)
        self._server = server

    async def _ask(self, call: Awaitable[T]) -> T:
        await self._server.open()
        return await super()._ask(call)


class TestOverHttp(ProviderContract):
    @pytest.fixture
    def bench(self, clock: Clock, closing: Callable[[Callable[[], Awaitable[object]]], None]) -> Bench:
        bank = Bank(MemoryStore(), clock.now)
        server = StripeServer(bank)
        closing(server.close)
        provider = Spoken(server)
        closing(provider.close)
        return Bench(provider, bank, clock, WEBHOOK_SECRET)
