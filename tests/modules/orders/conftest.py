"""A market of lessons at work: its door over real HTTP, its worker, its clock, and the sandbox's bank."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from examples.lessons import LESSONS
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database
from souk.kernel.messages import Catalogue
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import ledger
from tests.modules.identity.conftest import Visitor
from tests.modules.payments.conftest import Shop, catalogue, database

__all__ = ["catalogue", "database"]

USD = ledger.USD


@pytest.fixture
def market() -> Market:
    return LESSONS


@pytest.fixture
def sources(market: Market) -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules))


class School(Shop):
    """People who learn and teach."""

    async def pupil(self, name: str = "ada", money: int = 20_000) -> Visitor:
        """Somebody with money who wants to learn."""
        student = await self.join(name, "student")
        if money:
            await self.pays(student.id, money, kind="deposit")
        return student

    async def head(self) -> Visitor:
        """Staff."""
        await self.join("sam", self.market.roles[0].name)
        await self.do("update people set roles = '{admin}' where email = 'sam@example.com'")
        return await self.sign_in("sam")

    async def books(self, student: Visitor, tutor: Visitor, *, price: int = 10_000, days: float = 5, status: int = 201, **also: Any) -> Any:
        """A student asks for a lesson."""
        wanted = {"tutorId": str(tutor.id), "subject": "Greek", "startsAt": self.soon(days), "price": price, **also}
        answer = await student.client.post("/lessons", json=wanted)
        assert answer.status_code == status, answer.text
        return told(answer)

    def soon(self, days: float) -> str:
        return (self.clock.now() + timedelta(days=days)).isoformat()

    async def steps(self, who: Visitor, lesson: Any, step: str, *, status: int = 200, **params: Any) -> Any:
        """Somebody takes a step."""
        answer = await who.client.post(f"/lessons/{lesson['id']}/{step}", json=params or None)
        assert answer.status_code == status, answer.text
        return told(answer)

    async def reads(self, who: Visitor, lesson: Any) -> Any:
        """The lesson as they see it."""
        answer = await who.client.get(f"/lessons/{lesson['id']}")
        assert answer.status_code == 200, answer.text
        return told(answer)

    async def state(self, lesson: Any) -> str:
        ((state,),) = await self.rows("select state from orders where id = $1", lesson["id"])
        return str(state)

    async def paid(self, student: Visitor, tutor: Visitor, **how: Any) -> Any:
        """A lesson that is paid from the wallet."""
        lesson = await self.books(student, tutor, **how)
        await self.steps(tutor, lesson, "accept")
        return await self.steps(student, lesson, "pay")


def told(answer: httpx.Response) -> Any:
    """What an answer says."""
    return answer.json()["data" if answer.is_success else "error"]


@pytest.fixture
def school(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> School:
    school = School(market, database, clock, catalogue, runtime_dsn)
    school.closing = closing
    return school
