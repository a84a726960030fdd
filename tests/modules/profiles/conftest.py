"""A village with profiles at work: its door over real HTTP, its worker, and people who offer, look for work, and keep order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.http.guards import Role
from souk.kernel.messages import Catalogue
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import audit, identity, mail, profiles
from tests.modules.identity.conftest import Town, Visitor, catalogue, database

__all__ = ["catalogue", "database"]

MODULES = (mail.MODULE, audit.MODULE, identity.MODULE, profiles.MODULE)
ROLES = (
    Role("client", profiles.CUSTOMER),
    Role("worker", profiles.PROVIDER),
    Role("admin", identity.STAFF | audit.READER | mail.STAFF | profiles.STAFF),
)
SIGN_UP = identity.Rules(sign_up=("client", "worker"))


def village(rules: profiles.Rules | None = None) -> Market:
    """The market, with rules of its own where a story needs them."""
    return Market("sample", "/test", "Village: people for tests", ROLES, MODULES, rules=(SIGN_UP, *((rules,) if rules else ())))


@pytest.fixture
def sources() -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in MODULES))


@pytest.fixture
def market() -> Market:
    return village()


class Village(Town):
    """The market at work in one process."""

    async def with_skills(self) -> None:
        """Fill the catalogue, as a demonstration does."""
        for module in self.market.modules:
            if module.seed is not None:
                seed = module.seed
                await self.database.write(lambda tx, seed=seed: seed(tx, self.market))  # type: ignore[misc] # bound here

    async def worker(self, name: str = "wes", **says: Any) -> Visitor:
        """Somebody who offers work, and says something of themselves."""
        visitor = await self.join(name, "worker")
        if says:
            await self.put(visitor, **says)
        return visitor

    async def put(self, who: Visitor, *, status: int = 200, **says: object) -> Any:
        """Somebody changes their profile."""
        return told(await who.client.put("/users/me/profile", json=says), status)

    async def mine(self, who: Visitor) -> Any:
        return told(await who.client.get("/users/me/profile"))

    async def sees(self, who: Visitor | None, person: UUID, status: int = 200) -> Any:
        """A profile, as somebody sees it, or as a stranger does."""
        client = who.client if who is not None else await self.client()
        return told(await client.get(f"/users/{person}"), status)

    async def changes(self) -> list[tuple[UUID, int, list[str]]]:
        """What was announced of profiles, in order."""
        rows = await self.rows("select payload::text from events where topic = 'profile.changed' order by txid, revision")
        facts = [msgspec.json.decode(payload, type=profiles.ProfileChanged) for (payload,) in rows]
        return [(fact.person_id, fact.revision, list(fact.fields)) for fact in facts]


def told(answer: httpx.Response, status: int = 200) -> Any:
    """What an answer says."""
    assert answer.status_code == status, answer.text
    return answer.json()["data" if answer.is_success else "error"] if answer.content else None


@pytest.fixture
def here(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Village:
    here = Village(market, database, clock, catalogue, runtime_dsn)
    here.closing = closing
    return here
