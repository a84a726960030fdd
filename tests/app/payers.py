"""Customers who pay through the sandbox: into wallets, into escrow, and back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self, TypeAlias

import asyncpg

from bench.till import KNOWN
from souk.modules.sample.model import person
from tests.app.customers import Customers, Promise

Database: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

NAMES: Final = 100
"""Each of those who pay goes by so many names in turn: nobody may pay more often than thirty times in ten minutes."""
CARD: Final = "pm_card_visa"
WORKER: Final = person("the worker")
BACK: Final = 300


class Payers(Customers):
    """Some who bring money in, pay for work, approve it, and have part of it sent back by staff."""

    called: ClassVar[str] = "payer"
    pause: ClassVar[float] = 0.3
    """Every try counts among the thirty, even one that was answered by nobody."""

    def __init__(self, addresses: Sequence[str], many: int = 2) -> None:
        super().__init__(addresses, many)
        self._wanted = asyncio.Event()
        self.payments: dict[str, Promise] = {}
        """Acknowledged payments by id, each said to be captured."""
        self.releases: dict[str, Promise] = {}
        """Acknowledged approvals by the payment's id."""
        self.refunds: dict[str, Promise] = {}
        """Acknowledged refunds by id."""

    @property
    def acknowledged(self) -> int:
        return len(self.payments) + len(self.releases) + len(self.refunds)

    async def have_been_served(self, more: int, within: float = 20) -> None:
        """As of all customers. Only then does anybody begin to pay for more: what follows needs its part of two cores, too."""
        self._wanted.set()
        await super().have_been_served(more, within)
        self._wanted.clear()

    async def known_to(self, database: Database) -> Self:
        """Those who pay through a provider are known to the market."""
        names = (f"{self.called} {number}, {name}" for number in range(self.many) for name in range(NAMES))
        await database.execute(KNOWN, [WORKER, *map(person, names)])
        return self

    async def _shop(self, name: str) -> None:
        staff = f"{name}, staff"
        self.headers[staff] = await self._sign_in(staff, "staff")
        for number in itertools.count():
            await self._wanted.wait()
            who = f"{name}, {number % NAMES}"
            self.headers[who] = await self._sign_in(who)
            deposit = await self._paid("/wallet/deposits", {"amount": 1_000 + number, "method": CARD}, who)
            work = {"payeeId": str(WORKER), "referenceId": str(person(f"{who} {number}")), "amount": 2_000 + number, "method": CARD}
            escrow = await self._paid("/payments/create-intent", work, who)
            if number % 2:
                await self._approve(escrow, who)
            await self._sent_back(escrow, {"amount": BACK, "feeReturned": bool(number % 4 == 1)}, staff)
            if number % 4 == 2:
                await self._approve(escrow, who)
            await self._sent_back(deposit, {"amount": BACK}, staff)

    async def _paid(self, path: str, body: dict[str, Any], who: str) -> Promise:
        """A payment is asked for with one key until it is said to be captured."""
        promise = await self._insist(path, body, who, until="captured")
        self.payments[promise.id] = promise
        return promise

    async def _approve(self, escrow: Promise, who: str) -> None:
        self.releases[escrow.id] = await self._insist(f"/payments/{escrow.id}/release", {}, who)

    async def _sent_back(self, payment: Promise, body: dict[str, Any], staff: str) -> None:
        refund = await self._insist(f"/payments/{payment.id}/refund", body, staff)
        self.refunds[refund.id] = refund
