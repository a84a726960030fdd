"""The sandbox keeps what every provider promises, with its books in memory and in a market's tables."""

from __future__ import annotations

import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import payments
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.store import MemoryStore
from souk.modules.payments.sandbox.tables import DatabaseStore
from tests.modules.payments.contract import Bench, ProviderContract

SECRET = "whsec_test"


class TestInMemory(ProviderContract):
    @pytest.fixture
    def bench(self, clock: Clock) -> Bench:
        bank = Bank(MemoryStore(), clock.now)
        return Bench(Sandbox(bank, ["whsec_previous", SECRET]), bank, clock, SECRET)


class TestInTables(ProviderContract):
    @pytest.fixture
    def sources(self) -> tuple[Source, ...]:
        return (*kernel_sources(), Source("payments", payments.MODULE.migrations))

    @pytest.fixture
    def bench(self, database: Database, clock: Clock) -> Bench:
        bank = Bank(DatabaseStore(database), clock.now)
        return Bench(Sandbox(bank, [SECRET]), bank, clock, SECRET)
