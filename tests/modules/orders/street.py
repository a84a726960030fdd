"""The market of errands at work: who lives in its street, and what they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.messages import Catalogue, Event, emit
from souk.modules import ledger, payments
from tests.modules.identity.conftest import Visitor
from tests.modules.orders.conftest import School, told
from tests.modules.orders.errands import ASSETS, ERRANDS


class Street(School):
    """People who have errands, and people who run them."""

    def _resources(self) -> dict[type, Any]:
        known = super()._resources()
        self.till = payments.Till(self.till.rules, ASSETS, self.till.providers)
        return {**known, payments.Till: self.till}

    async def pair(self) -> tuple[Visitor, Visitor]:
        """One who has errands, and one who runs them."""
        return await self.client_with(), await self.join("will", "worker")

    async def client_with(self, name: str = "cleo", *, credits: int = 100) -> Visitor:  # noqa: A002 - it is what they are
        """Somebody who wants something, with credits in two lots."""
        client = await self.join(name, "client")
        if credits:
            account, issued = ledger.CREDITS.of(ledger.CRD, client.id), ledger.ISSUED.of(ledger.CRD)
            parts = [credits // 3, credits - credits // 3]
            for number, part in enumerate(parts):
                until = self.clock.now().replace(year=2090 + number)
                movement = ledger.grant(f"lot {number} of {client.id}", "test.grant", account, part, until, source=issued)
                await self.database.write(partial(ledger.post, movement=movement))
        return client

    async def earns(self, amount: int) -> None:
        """The platform has earned something by other business."""
        issued, fees = ledger.ISSUED.of(ledger.USD), ledger.FEES.of(ledger.USD)
        await self.database.write(lambda tx: ledger.post(tx, ledger.transfer("other business", "test.fees", issued, [(fees, amount)])))

    async def asks(self, who: Visitor, path: str, *, status: int = 200, **params: Any) -> Any:
        """Somebody posts something."""
        answer = await who.client.post(path, json=params or None)
        assert answer.status_code == status, answer.text
        return told(answer)

    async def sees(self, who: Visitor, path: str, *, status: int = 200) -> Any:
        """Somebody reads something."""
        answer = await who.client.get(path)
        assert answer.status_code == status, answer.text
        return told(answer)

    async def steps_open(self, who: Visitor, path: str) -> dict[str, str | None]:
        """What they may do, and why not yet."""
        return {each["step"]: each["whyNot"] for each in (await self.sees(who, path))["steps"]}

    async def state_of(self, order: Any) -> str:
        return await self.state(order)

    async def visit(self, client: Visitor, worker: Visitor, *, price: int = 10_000, slot: int = 1, status: int = 201, **also: Any) -> Any:
        """A wish, and a visit that is asked for because of it."""
        wish = await self.asks(client, "/wishes", status=201, title="A shelf")
        wanted = {"wishId": wish["id"], "workerId": str(worker.id), "slot": slot, "price": price, **also}
        return await self.asks(client, "/visits", status=status, **wanted)

    async def reserved(self, client: Visitor, worker: Visitor, **how: Any) -> Any:
        """A visit whose money is reserved."""
        visit = await self.visit(client, worker, **how)
        await self.asks(client, f"/visits/{visit['id']}/payment", status=201, method="pm_card_visa")
        await self.work()
        assert await self.state(visit) == "reserved"
        return visit

    async def active(self, client: Visitor, worker: Visitor, **how: Any) -> Any:
        """A visit that is paid."""
        visit = await self.reserved(client, worker, **how)
        await self.asks(worker, f"/visits/{visit['id']}/accept")
        await self.work()
        assert await self.state(visit) == "active"
        return visit

    async def finished(self, client: Visitor, worker: Visitor, **how: Any) -> Any:
        """A visit that is over."""
        visit = await self.active(client, worker, **how)
        return await self.asks(worker, f"/visits/{visit['id']}/finish")

    async def chore(self, client: Visitor, credits: int = 60, **also: Any) -> Any:  # noqa: A002 - as above
        """A chore, offered around."""
        return await self.asks(client, "/chores", status=201, credits=credits, **also)

    async def taken(self, client: Visitor, worker: Visitor, **how: Any) -> Any:
        """A chore that somebody has taken."""
        chore = await self.chore(client, **how)
        return await self.asks(worker, f"/chores/{chore['id']}/take")

    async def happens(self, *facts: Event) -> None:
        """Something is announced, and followed up."""
        await self.database.write(lambda tx: emit(tx, *facts))
        await self.work()

    async def credits(self, person: UUID) -> tuple[int, int]:
        """Credits that are free, and that are held."""
        found = await self.database.read(lambda tx: ledger.wallet(tx, ledger.CREDITS.of(ledger.CRD, person)))
        return found.available, found.on_hold

    async def payment_of(self, order: Any) -> Any:
        """The newest payment for an order."""
        ((payment_id,),) = await self.rows(
            "select id from payments where reference_id = $1 order by created_at desc, id desc limit 1", order["id"]
        )
        return await self.payment(payment_id)

    async def failures(self) -> list[str]:
        """Jobs that failed for good."""
        return [name for (name,) in await self.rows("select name from dead_jobs")]

    async def waiting(self, name: str = "orders.fire") -> int:
        """How many jobs of that name wait."""
        ((count,),) = await self.rows("select count(*) from jobs where name = $1", name)
        return int(count)


@pytest.fixture
def market() -> Market:
    return ERRANDS


@pytest.fixture
def street(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Street:
    street = Street(market, database, clock, catalogue, runtime_dsn)
    street.closing = closing
    return street
