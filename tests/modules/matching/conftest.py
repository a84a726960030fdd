"""A fair at work: workers, jobs, their matches over real HTTP, and a worker that fits and follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Tx, broken_laws
from souk.kernel.http.guards import Role
from souk.kernel.messages import Catalogue
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import audit, identity, mail, matching
from souk.modules.matching import Matches, Pairing
from tests.modules.identity.conftest import Town, catalogue, database
from tests.modules.matching.fair import CLIENT, FAIR, PAIRING, SECRETIVE, WORKER, Job, Worker, hide_worker, put_job, put_worker

__all__ = ["catalogue", "database"]

MODULES = (mail.MODULE, audit.MODULE, identity.MODULE, FAIR, matching.matches(PAIRING, SECRETIVE))
ROLES = (
    Role("client", CLIENT),
    Role("worker", WORKER),
    Role("admin", identity.STAFF | audit.READER | mail.STAFF | matching.STAFF | CLIENT),
)
MARKET = Market("sample", "/test", "Fair: matches for tests", ROLES, MODULES, rules=(identity.Rules(sign_up=("client", "worker")),))


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in MODULES))


@pytest.fixture
def market() -> Market:
    return MARKET


class Fair(Town):
    """The market at work, and those who come."""

    async def worker(self, bio: str = "", *skills: str, **also: Any) -> Worker:
        """A worker comes."""
        worker = Worker(also.pop("id", None) or uuid4(), bio, skills=list(skills), **also)
        await self.put(worker)
        return worker

    async def put(self, worker: Worker) -> None:
        await self.database.write(lambda tx: put_worker(tx, worker))

    async def hide(self, worker: Worker) -> None:
        await self.database.write(lambda tx: hide_worker(tx, worker.id))

    async def job(self, title: str = "", *skills: str, client: UUID | None = None, **also: Any) -> Job:
        """A job is posted."""
        job = Job(also.pop("id", None) or uuid4(), client or uuid4(), title, skills=list(skills), **also)
        await self.database.write(lambda tx: put_job(tx, job))
        return job

    async def finds(self, job: Job, pairing: Pairing = PAIRING, **how: Any) -> Matches:
        """Who is found for a job."""
        return await self.database.read(partial(matching.matches_for, pairing=pairing, request_id=job.id, **how))

    async def found(self, job: Job, **how: Any) -> list[UUID]:
        return [match.id for match in await self.finds(job, **how)]

    async def recorded(self, job: Job, pairing: Pairing = PAIRING) -> UUID:
        """A match that the market acted upon."""

        async def act(tx: Tx) -> UUID:
            return await matching.record(tx, pairing, job.id, await matching.matches_for(tx, pairing, job.id))

        return await self.database.write(act)

    async def refit(self) -> None:
        """Enough time passes for the models to be looked after."""
        await self.work()
        await self.later(minutes=10)

    async def crowd(self) -> dict[str, Worker]:
        """A few workers, the models fitted to them."""
        people = {
            "ada": await self.worker("I design checkout pages and payment forms", "Figma", "React", rating=4.8, reviews=12),
            "bo": await self.worker("Back ends for payments, in Go and Rust", "Go", "Rust", rating=4.1, reviews=3),
            "cy": await self.worker("Gardens, hedges and lawns", "Gardening", rating=5.0, reviews=40),
            "di": await self.worker("I paint checkout counters in shops", "Painting", rating=3.0, reviews=2),
        }
        await self.refit()
        return people

    async def lawful(self) -> None:
        """Every law of the market's modules holds."""
        laws = [law for module in self.market.modules for law in module.laws]
        assert await broken_laws(self.database, laws) == []


def told(answer: httpx.Response, status: int = 200) -> Any:
    """What an answer says."""
    assert answer.status_code == status, answer.text
    return answer.json()["data" if answer.is_success else "error"]


@pytest.fixture
def fair(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Fair:
    fair = Fair(market, database, clock, catalogue, runtime_dsn)
    fair.closing = closing
    return fair
