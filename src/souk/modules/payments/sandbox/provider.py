"""How a market's sandbox is made: its books in the market's tables, its events posted to the market's own address."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.kernel.db import Database
from souk.modules.payments.provider import PaymentProvider
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.faults import Faults
from souk.modules.payments.sandbox.jobs import wake
from souk.modules.payments.sandbox.mischief import SharedFaults
from souk.modules.payments.sandbox.posting import post
from souk.modules.payments.sandbox.tables import DatabaseStore

WEBHOOK = "/payments/webhook"
PAGES = "/pay"


def provider_of(settings: Settings, market: Market) -> Callable[[Database], PaymentProvider]:
    """How the sandbox of a market is made, once its database is there."""
    here = settings.reached_at + market.base
    secrets = [f"whsec_{key.hex()}" for key in settings.keys(f"events of the sandbox of {market.name}").values()]

    def make(database: Database) -> Sandbox:
        store, now = DatabaseStore(database, wake), database.clock.now
        faults = Faults() if settings.production else SharedFaults(store, now)
        bank = Bank(store, now, pages=here + PAGES, faults=faults)
        return Sandbox(bank, secrets, Delivering(store, now, secrets[0], partial(post, here + WEBHOOK)))

    return make
