"""Who takes part in errands, and what all of them may say."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from souk.kernel.money import Rate
from souk.kernel.record import Record
from souk.process import (
    machine,
    party,
    process_of,
    role,
)

CLIENT, WORKER, ANY_WORKER, ADMIN = party("client"), party("worker"), role("worker"), role("admin")
PAYMENTS = machine("payments", "payment.authorised", "payment.captured", "payment.canceled", "payment.failed")
METER = machine("meter", "meter.read")
VISIT = process_of("visit")
FEE: Final = Rate.parse("10%")


class Reason(Record):
    """Why."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]
