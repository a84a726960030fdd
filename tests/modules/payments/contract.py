"""What every payment provider promises, as stories. A test file for each provider derives its class from `ProviderContract`,
and has a fixture `bench`.
"""

from __future__ import annotations

from tests.modules.payments.bench import Bench
from tests.modules.payments.contract_paying import KeyContract, PayerContract, PaymentContract
from tests.modules.payments.contract_returning import PayoutContract, ReturnContract
from tests.modules.payments.contract_telling import EventContract, PageContract

__all__ = ["Bench", "ProviderContract"]


class ProviderContract(PayerContract, PaymentContract, KeyContract, ReturnContract, PayoutContract, PageContract, EventContract):
    """All of it."""
