"""A market in which people pay: its door over real HTTP, its worker, and the sandbox, whose bank does as a story says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import Role
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import Source, kernel_sources
from souk.kernel.money import Rate
from souk.modules import audit, identity, ledger, mail, payments
from souk.modules.payments.model import Row
from souk.modules.payments.sandbox.adapter import Sandbox
from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.delivering import Delivering
from souk.modules.payments.sandbox.store import MemoryStore
from tests.modules.identity.conftest import Town, Visitor

MODULES = (mail.MODULE, audit.MODULE, identity.MODULE, ledger.MODULE, payments.MODULE)
PEOPLE = identity.Rules(sign_up=("client", "worker"))
RULES = payments.Rules(fee=Rate.parse("10%"))
ASSETS = ledger.Assets((ledger.USD, ledger.EUR))
STAFF = identity.STAFF | audit.READER | payments.STAFF
ROLES = (Role("client", payments.PAYER), Role("worker", payments.PAYEE), Role("admin", STAFF))
MARKET = Market("sample", "/test", "Bazaar: payments for tests", ROLES, MODULES, rules=(PEOPLE, ASSETS, RULES))
SECRET = "whsec_of_the_tests"


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in MODULES))


@pytest.fixture
def market() -> Market:
    """The market that is served. A test file that needs other rules overrides this fixture."""
    return MARKET


@pytest.fixture
def catalogue(market: Market) -> Catalogue:
    return Catalogue(market.modules)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Shop(Town):
    """The market at work in one process, and the bank behind it."""

    def _resources(self) -> dict[type, Any]:
        self.bank = Bank(MemoryStore(), self.clock.now)
        sandbox = Sandbox(self.bank, [SECRET])
        rules = next(rule for rule in self.market.rules if isinstance(rule, payments.Rules))
        self.till = payments.Till(rules, ASSETS, payments.Providers("sandbox", {"sandbox": lambda _database: sandbox}))
        return {**super()._resources(), payments.Till: self.till}

    # Paying

    async def deposits(self, visitor: Visitor, amount: int = 12500, *, status: int = 201, key: str = "", **also: object) -> dict[str, Any]:
        """Somebody brings money in."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = await visitor.client.post("/wallet/deposits", json={"amount": amount, **also}, headers=headers)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()["data" if answer.is_success else "error"]
        return told

    async def confirms(self, visitor: Visitor, payment_id: object, method: str | None = None) -> httpx.Response:
        """Somebody pays by a saved method, or says that they have paid."""
        return await visitor.client.post(f"/payments/{payment_id}/confirm", json={"method": method} if method else {})

    async def pays(self, payer: UUID, amount: int = 10_000, *, method: str | None = "pm_card_visa", **how: Any) -> Row:
        """A payment, past HTTP."""
        how.setdefault("key", f"payment {payer} {amount} {how}")
        how.setdefault("kind", "order")
        wanted = payments.NewPayment(payer_id=payer, amount=ledger.USD.money(amount), method=method, **how)
        return await payments.begin(self.database, self.till, wanted)

    async def escrow(self, payer: UUID, payee: UUID, amount: int = 10_000, fee: int = 1_000, **how: Any) -> Row:
        """A payment for somebody's work, captured and held."""
        row = await self.pays(payer, amount, payee_id=payee, fee=fee, escrow=True, **how)
        assert row.state is payments.PaymentState.CAPTURED
        return row

    async def released(self, row: Row, **how: Any) -> Row:
        """The work is approved."""
        return await self.database.write(lambda tx: payments.release(tx, self.till, row.id, **how))

    async def refunds(self, row: Row, amount: int, *, key: str = "", **how: Any) -> Any:
        """Money goes back, past HTTP."""
        wanted = payments.NewRefund(key=key or f"refund {row.id} {amount} {how}", payment_id=row.id, amount=amount, **how)
        return await payments.refund(self.database, self.till, wanted)

    async def payment(self, payment_id: UUID | str) -> Row:
        return await payments.any_payment(self.database, UUID(str(payment_id)))

    # Webhooks and time

    async def tells(self, *, work: bool = True) -> int:
        """The bank tells what happened, and the market looks into it. Says how many events there were."""
        while await self.bank.work():
            pass
        count = await Delivering(self.bank.store, self.clock.now, SECRET, self.hand_over).run()
        if work:
            await self.work()
        return count

    async def hand_over(self, raw: bytes, headers: dict[str, str]) -> int:
        """What the bank posts to the market's address."""
        return (await self.posts(raw, headers)).status_code

    async def posts(self, raw: bytes, headers: dict[str, str]) -> httpx.Response:
        if not hasattr(self, "_door"):
            self._door = await self.client()
        return await self._door.post("/payments/webhook", content=raw, headers=headers)

    async def later(self, **by: float) -> None:
        """Time passes. What the clock asks for is noted once before: a market that has only just begun is late with nothing."""
        await self.work()
        await super().later(**by)

    async def passes(self, **by: float) -> None:
        """Time passes, everybody does what is due, and tells."""
        await self.later(**by)
        await self.tells()

    # Looking

    async def has(self, person: UUID, asset: Any = ledger.USD) -> tuple[int, int]:
        """What is available in somebody's wallet, and what is on hold."""
        found = await self.database.read(lambda tx: ledger.wallet(tx, ledger.WALLET.of(asset, person)))
        return found.available, found.on_hold

    async def total(self, account: ledger.Account) -> int:
        return (await self.database.read(lambda tx: ledger.wallet(tx, account))).total

    async def cleared(self) -> int:
        """What came in from the provider and did not go back."""
        return -await self.total(payments.clearing("sandbox").of(ledger.USD))

    async def announced(self, *topics: str) -> list[str]:
        """Facts that were announced, in their order."""
        rows = await self.rows("select topic from events order by at, id")
        return [topic for (topic,) in rows if not topics or topic in topics]

    async def lawful(self) -> None:
        """Every law of the market's modules holds."""
        laws = [law.query.sql for module in self.market.modules for law in module.laws]
        connection = await asyncpg.connect(self.dsn)
        try:
            assert [(law, broken) for law in laws if (broken := await connection.fetch(law))] == []
        finally:
            await connection.close()


@pytest.fixture
def shop(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Shop:
    shop = Shop(market, database, clock, catalogue, runtime_dsn)
    shop.closing = closing
    return shop
