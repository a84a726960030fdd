"""A bazaar at work: its tables, its door over real HTTP, its worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Outbox, Worker, emit
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import search
from tests.kernel.http.serving import Served, site
from tests.modules.search.bazaar import MARKET, CraftsmanChanged, ErrandsChanged

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def market() -> Market:
    return MARKET


@pytest.fixture
def sources(market: Market) -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules))


@pytest.fixture
def catalogue(market: Market) -> Catalogue:
    return Catalogue(market.modules)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Bazaar:
    """People who offer work, errands, and somebody who searches."""

    def __init__(self, market: Market, database: Database, catalogue: Catalogue, clock: Clock, dsn: str) -> None:
        self.market, self.database, self.catalogue, self.clock, self.dsn = market, database, catalogue, clock, dsn
        self.resources: dict[type, Any] = {}
        for module in market.modules:
            if module.resources is not None:
                self.resources.update(module.resources(Settings.load({}), market))
        self.indexes: search.Indexes = self.resources[search.Indexes]
        self.closing: Callable[[Callable[[], Awaitable[object]]], None] = lambda _close: None
        self._client: httpx.AsyncClient | None = None
        self.count = 0

    async def client(self) -> httpx.AsyncClient:
        """Somebody who asks over HTTP; the first one finds the door opened."""
        if self._client is None:
            operations = [operation for module in self.market.modules for operation in module.operations]
            served = await Served(site(self.database, resources=self.resources), operations).__aenter__()
            self.closing(served.__aexit__)
            self._client = served.client()
            self.closing(self._client.aclose)
        return self._client

    async def do(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """Past everything."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *args)]
        finally:
            await connection.close()

    async def craftsman(self, name: str, about: str = "", *skills: str, work: bool = True, **also: Any) -> UUID:
        """Somebody new, or somebody who has changed, and whoever searches finds them so."""
        self.count += 1
        row = {
            "id": new_id(),
            "name": name,
            "about": about,
            "secret": "",
            "language": "en",
            "skills": list(skills),
            "city": "Paris",
            "rating": None,
            "remote": False,
            "lat": None,
            "lng": None,
            "visible": True,
            "revision": self.count,
            "created_at": BEGAN + timedelta(minutes=self.count),
            **also,
        }
        columns = ", ".join(f"{column} = excluded.{column}" for column in row if column != "id")
        places = ", ".join(f"${i}" for i in range(1, len(row) + 1))
        await self.do(f"insert into craftsmen ({', '.join(row)}) values ({places}) on conflict (id) do update set {columns}", *row.values())
        await self.changed(row["id"], work=work)
        found: UUID = row["id"]
        return found

    async def changed(self, craftsman_id: UUID, *, work: bool = True) -> None:
        await self.database.write(lambda tx: emit(tx, CraftsmanChanged(craftsman_id)))
        if work:
            await self.work()

    async def errands(self, *errands: tuple[str, str, float]) -> None:
        """Errands, all at once."""
        ids = [new_id() for _ in errands]
        for i, (title, category, budget) in enumerate(errands):
            self.count += 1
            at = BEGAN + timedelta(minutes=self.count)
            await self.do("insert into errands values ($1, $2, $3, $4, $5, $6)", ids[i], title, category, budget, self.count, at)
        await self.database.write(lambda tx: emit(tx, ErrandsChanged(new_id(), ids)))
        await self.work()

    async def work(self) -> None:
        """Do everything that is due, and count the words."""
        await Worker(self.database, self.catalogue, resources=self.resources).drain()
        await self.do("select search_add_up(100000)")

    async def search(self, kind: str = "workers", *, status: int = 200, **query: Any) -> Any:
        """What a search answers."""
        answer = await (await self.client()).get(f"/search/{kind}", params=query)
        assert answer.status_code == status, answer.text
        return answer.json()["data" if answer.is_success else "error"]

    async def names(self, q: str = "", **query: Any) -> list[str]:
        """Who is found."""
        return [item["name"] for item in (await self.search(q=q, **query))["items"]]


@pytest.fixture
def bazaar(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    catalogue: Catalogue,
    clock: Clock,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Bazaar:
    bazaar = Bazaar(market, database, catalogue, clock, runtime_dsn)
    bazaar.closing = closing
    return bazaar


def facet(found: Any, name: str) -> dict[str, int]:
    """How often each value of a facet was found."""
    return {each["value"]: each["count"] for each in found["facets"][name]}
