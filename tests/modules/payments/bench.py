"""A provider on the bench: what the stories of the contract work with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from souk.kernel.clock import Clock
from souk.kernel.money import Money
from souk.modules.payments.provider import (
    Booking,
    Happening,
    Intent,
    PaymentProvider,
    Payout,
)
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.faults import Fault

LOST = [Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER, Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.BUSY]
"""All that a repetition with the same key mends."""

SENDS_BACK = "000111111116"
CLOSED = "000111111113"


def usd(amount: int) -> Money:
    return Money(amount, "USD")


class Bench:
    """A provider, and the other side of it: the bank behind, whose payers and banks do as the test says."""

    def __init__(self, provider: PaymentProvider, bank: Bank, clock: Clock, secret: str) -> None:
        self.provider = provider
        self.bank = bank
        self.clock = clock
        self.secret = secret
        self.sent: list[tuple[bytes, dict[bytes, bytes]]] = []
        self.began = clock.now().replace(microsecond=0)
        self._keys = 0

    def key(self) -> str:
        """A key that was not used yet."""
        self._keys += 1
        return f"key {self._keys}"

    async def later(self, **by: float) -> None:
        """Time passes, and everybody does what is due."""
        self.clock.move_to(self.clock.offset + timedelta(**by))
        while await self.bank.work():
            pass

    async def events(self) -> list[Happening]:
        """What was told since the last look."""
        self.sent.clear()
        await Delivering(self.bank.store, self.clock.now, self.secret, self._take).run()
        return [self.provider.read_webhook(raw, headers, self.clock.now()) for raw, headers in self.sent]

    async def _take(self, raw: bytes, headers: dict[str, str]) -> int:
        self.sent.append((raw, {name.lower().encode(): value.encode() for name, value in headers.items()}))
        return 200

    async def customer(self) -> str:
        made = await self.provider.create_customer(self.key(), email="ada@example.com", name="Ada", metadata={"person": "1"})
        return made.id

    async def paid(self, amount: int = 1000, method: str = "pm_card_visa", **how: Any) -> Intent:
        """A payment by a test card."""
        return await self.provider.create_intent(self.key(), usd(amount), method=method, confirm=True, metadata={}, **how)

    async def recipient(self, number: str = "000123456789") -> str:
        made = await self.provider.create_recipient(self.key(), email="bo@example.com", country="US", metadata={"person": "2"})
        if number:
            await self.bank.fill_in(made.id, number)
        return made.id

    async def paid_out(self, number: str = "000123456789", amount: int = 700) -> Payout:
        return await self.provider.pay_out(self.key(), await self.recipient(number), usd(amount), metadata={"payout": "ours"})

    async def bookings(self) -> list[Booking]:
        """All that the provider has booked."""
        until = self.clock.now() + timedelta(seconds=1)
        return [line async for line in self.provider.bookings(self.began, until)]

    async def kinds(self) -> list[tuple[str, int, int]]:
        """The same as kind, amount and fee, in the order of time."""
        return [(line.kind, line.amount.amount, line.fee) for line in reversed(await self.bookings())]
