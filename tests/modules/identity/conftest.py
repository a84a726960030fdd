"""A market with people: its tables, its door over real HTTP, its letters, a worker, and time that can pass.

Passwords are hashed at the lowest cost: what a hash takes is not what these stories are about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from souk.kernel.assembly import Closable, Market
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import Role
from souk.kernel.http.limits import Limiter
from souk.kernel.http.revocations import Revocations
from souk.kernel.http.tokens import Tokens
from souk.kernel.messages import Catalogue, Outbox, Worker
from souk.kernel.migrate import Source, kernel_sources
from souk.kernel.sealing import Vault
from souk.modules import audit, identity, mail, sample
from tests.kernel.http.serving import Served, site

PASSWORD = "three fine winters"
MODULES = (mail.MODULE, audit.MODULE, identity.WITH_CODES, sample.MODULE)
RULES = identity.Rules(sign_up=("client", "worker"), by=frozenset({"email", "phone"}), languages=("en", "fr", "ar"))
STAFF = identity.STAFF | audit.READER | mail.STAFF | sample.STAFF
ROLES = (Role("client", sample.CUSTOMER), Role("worker", sample.PROVIDER), Role("admin", STAFF))
TOWN = Market("sample", "/test", "Town: people for tests", ROLES, MODULES, rules=(RULES,))
SETTINGS = Settings.load({})


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in MODULES))


@pytest.fixture
def market() -> Market:
    """The market that is served. A test file that needs other rules overrides this fixture."""
    return TOWN


@pytest.fixture
def catalogue(market: Market) -> Catalogue:
    return Catalogue(market.modules)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Town:
    """The market at work in one process."""

    def __init__(self, market: Market, database: Database, clock: Clock, catalogue: Catalogue, dsn: str) -> None:
        self.market = market
        self.database = database
        self.clock = clock
        self.catalogue = catalogue
        self.dsn = dsn
        self.vault = Vault({"1": b"v" * 32})
        self.tokens = Tokens(market.name, {"1": b"k" * 32}, market.roles)
        self.tokens.look_up = self._look_up
        self.resources = self._resources()
        self.closing: Callable[[Callable[[], Awaitable[object]]], None] = lambda _close: None
        self._served: Served | None = None

    def _resources(self) -> dict[type, Any]:
        own: dict[type, Any] = {Clock: self.clock, Vault: self.vault, Tokens: self.tokens, Settings: SETTINGS}
        brought = [module.resources(SETTINGS, self.market) for module in self.market.modules if module.resources is not None]
        for each in (self.market.resources, *brought):
            own.update(each)
        return {**own, identity.Hasher: identity.Hasher(cost=4)}

    async def _look_up(self, key: str) -> Any:
        knows = next(module.actor_of_key for module in self.market.modules if module.actor_of_key is not None)
        return await self.database.read(lambda tx: knows(tx, self.market, key))

    async def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        """Somebody who asks over HTTP; the first one finds the door opened."""
        if self._served is None:
            limiter = Limiter()
            self.closing(self._close)
            own = site(self.database, resources={**self.resources, Limiter: limiter})
            own = msgspec.structs.replace(own, name=self.market.name, roles=self.market.roles, tokens=self.tokens, limiter=limiter)
            operations = [operation for module in self.market.modules for operation in module.operations]
            self._served = await Served(own, operations).__aenter__()
            self.closing(self._served.__aexit__)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        client = self._served.client(**headers)
        self.closing(client.aclose)
        return client

    async def _close(self) -> None:
        for resource in self.resources.values():
            if isinstance(resource, Closable):
                await resource.aclose()

    async def join(self, name: str = "ada", role: str = "client", **also: object) -> Visitor:
        """Somebody who has just signed up, and is signed in."""
        wanted = {"email": f"{name}@example.com", "password": PASSWORD, "firstName": name.title(), "lastName": "Byron", "role": role}
        answer = await (await self.client()).post("/auth/register", json={**wanted, **also})
        assert answer.status_code == 201, answer.text
        return await self.visitor(answer)

    async def staff(self, name: str = "sam") -> Visitor:
        """Somebody who manages people."""
        visitor = await self.join(name)
        await self.do("update people set roles = '{admin}' where id = $1", visitor.id)
        return await self.sign_in(name)

    async def sign_in(self, name: str = "ada", **also: object) -> Visitor:
        """Somebody who has come in by password."""
        return await self.visitor(await self.log_in(name, **also))

    async def log_in(self, name: str = "ada", **also: object) -> httpx.Response:
        """An attempt to come in."""
        given = {"email": f"{name}@example.com", "password": PASSWORD, **also}
        return await (await self.client()).post("/auth/login", json=given)

    async def visitor(self, answer: httpx.Response) -> Visitor:
        """Whoever was let in by this answer."""
        assert answer.is_success, answer.text
        data = answer.json()["data"]
        client = await self.client(data["accessToken"])
        return Visitor(client, UUID(data["user"]["id"]), data["accessToken"], data.get("refreshToken", ""))

    async def work(self) -> None:
        """Do everything that is due."""
        await Worker(self.database, self.catalogue, resources=self.resources).drain()

    async def later(self, **by: float) -> None:
        """Let time pass, and do what became due."""
        self.clock.move_to(self.clock.offset + timedelta(**by))
        await self.work()

    async def letters(self, to: str = "") -> list[mail.Posted]:
        """What was sent, newest first, once everything is delivered."""
        await self.work()
        post = self.resources[mail.Post]
        return await self.database.read(lambda tx: mail.mailbox(tx, self.vault, post, to, 50))

    async def heard(self, template: str) -> list[tuple[str, ...]]:
        """To whom letters of one kind went."""
        await self.work()
        return await self.rows("select recipient from mails where template = $1 order by created_at, id", f"identity/{template}")

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """A look at the tables past everything."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *args)]
        finally:
            await connection.close()

    async def do(self, sql: str, *args: object) -> None:
        """A change past everything."""
        await self.rows(sql, *args)

    def elsewhere(self) -> tuple[Tokens, Revocations]:
        """Another process of the same market: what it believes, and how it hears of what was revoked."""
        tokens = Tokens(self.market.name, {"1": b"k" * 32}, self.market.roles)
        tokens.look_up = self._look_up
        return tokens, Revocations(self.database, tokens)


class Visitor(msgspec.Struct, frozen=True):
    """Somebody who is signed in."""

    client: httpx.AsyncClient
    id: UUID
    token: str
    refresh: str

    async def asks(self, method: str, path: str, **body: object) -> httpx.Response:
        return await self.client.request(method, path, json=body or None)


@pytest.fixture
def town(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Town:
    town = Town(market, database, clock, catalogue, runtime_dsn)
    town.closing = closing
    return town
