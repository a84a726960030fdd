"""The club at work: its door over real HTTP, its worker, a push service and a double of FCM behind it, and time that can pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.live.presence import CHANGED as CAME_AND_WENT
from souk.kernel.live.presence import ENROL
from souk.kernel.messages import Catalogue, Event, Outbox, Rhythm, Worker, emit
from souk.kernel.migrate import Source, kernel_sources
from souk.modules import mail, notify
from souk.modules.notify import carriers
from souk.modules.notify.fcm import Fcm
from souk.modules.notify.model import Service, Value
from souk.modules.notify.outgoing import Outgoing
from souk.modules.notify.pretending import FcmDouble, InProcess
from souk.modules.notify.pushing import Carriers
from souk.modules.notify.rules import Notices
from souk.modules.notify.settings import NotifySettings, key_from
from souk.modules.notify.webpush import WebPush
from tests.modules.identity.conftest import SETTINGS, Town, Visitor
from tests.modules.notify.browsers import Browser, PushService
from tests.modules.notify.club import BLOCKED, CLUB, HEADS

LOCAL = NotifySettings.load({"SOUK_PUSH_LOCAL": "on"})
DOUBLE = FcmDouble()


@pytest.fixture
def market() -> Market:
    return CLUB


@pytest.fixture
def sources(market: Market) -> tuple[Source, ...]:
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules))


@pytest.fixture
def catalogue(market: Market) -> Catalogue:
    assert market.live is not None
    return Catalogue(market.modules, says=market.live.by_fact)


@pytest.fixture
def database(pool: Pool, clock: Clock, catalogue: Catalogue) -> Database:
    return Database(pool, clock, lambda tx: Outbox(catalogue, tx))


class Club(Town):
    """Its people, and what they are told."""

    def _resources(self) -> dict[type, Any]:
        known = super()._resources()
        self.service = PushService()
        self.fcm = DOUBLE
        self.fcm.taken, self.fcm.grants = [], 0
        made = carriers.made(SETTINGS, LOCAL, self.market, known[Notices])
        self.outgoing = Outgoing(local=True, whole=2)
        web = WebPush(key_from(b"w" * 32), "mailto:club@example.com", self.outgoing, self.clock.now)
        fcm = Fcm(self.fcm.account, transport=InProcess(self.fcm))
        return {**known, **made, Outgoing: self.outgoing, Carriers: Carriers({Service.WEB: web, Service.FCM: fcm})}

    async def member(self, name: str = "ada", role: str = "client", *, verified: bool = True, phone: str = "", **also: object) -> Visitor:
        """Somebody whose address is known to be theirs."""
        visitor = await self.join(name, role, **also)
        if verified:
            await self.do("update people set email_verified_at = created_at where id = $1", visitor.id)
        if phone:
            await self.do("update people set phone = $2, phone_verified_at = created_at where id = $1", visitor.id, phone)
        return visitor

    async def head(self) -> Visitor:
        """Staff."""
        visitor = await self.staff("sam")
        HEADS.append(visitor.id)
        return visitor

    async def tells(self, *events: Event) -> None:
        """Something happens, and everything that follows from it by now."""
        await self.database.write(lambda tx: emit(tx, *events))
        await self.work()

    async def told(self, people: UUID | list[UUID], kind: notify.Kind | str, *, work: bool = True, **how: Any) -> None:
        """Somebody is told something by a call."""
        parameters: dict[str, Value] = how.pop("parameters", {})

        async def call(tx: Tx) -> None:
            await notify.tell(tx, people, kind, parameters, **how)

        await self.database.write(call)
        if work:
            await self.work()

    # What arrives

    async def listed(self, who: Visitor, **query: Any) -> list[dict[str, Any]]:
        """Somebody's list."""
        return list(told(await who.client.get("/notifications", params=query)))

    async def bell(self, who: Visitor) -> int:
        """What somebody's bell shows."""
        return int(told(await who.client.get("/notifications/unread-count"))["unread"])

    async def mails(self, name: str) -> list[mail.Posted]:
        """Mails of this module to somebody, oldest first."""
        own = {row[0] for row in await self.rows("select id from mails where template like 'notify/%'")}
        return [posted for posted in reversed(await self.letters(f"{name}@example.com")) if posted.id in own]

    async def log(self, *columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        """What the log of deliveries says."""
        chosen = ", ".join(f"d.{column}::text" for column in columns)
        joined = "notification_deliveries d join notifications n on n.id = d.notification_id"
        return await self.rows(f"select {chosen} from {joined} where {where} order by d.created_at, d.channel, d.id")

    async def wants(self, who: Visitor, **body: Any) -> Any:
        """Somebody says how they want to be told."""
        return told(await who.client.put("/users/me/notification-preferences", json=body))

    # Devices

    async def browser(self, who: Visitor, name: str) -> Browser:
        """Somebody's browser subscribes."""
        if not self.service.port:
            stack = AsyncExitStack()
            await stack.enter_async_context(self.service.serving())
            self.closing(stack.aclose)
            self.closing(self.outgoing.aclose)
        browser = Browser()
        body = browser.subscription(self.service.endpoint(name))
        answer = await who.client.post("/notifications/push-subscriptions", json=body)
        assert answer.status_code == 201, answer.text
        return browser

    async def app(self, who: Visitor, token: str) -> str:
        """Somebody's app signs on."""
        answer = await who.client.post("/devices", json={"token": token, "name": "Pixel"})
        return str(told(answer)["id"])

    def read(self, browser: Browser, name: str) -> list[dict[str, Any]]:
        """What a browser was sent."""
        opened = [browser.opens(asked.body) for asked in self.service.to(name)]
        return [msgspec.json.decode(each) for each in opened if each is not None]

    # Being there, and time

    async def connected(self, who: Visitor) -> UUID:
        """Somebody is connected live, to some process."""
        process = uuid4()
        await self.database.write(lambda tx: tx.finish(ENROL, process, 60.0))
        await self.database.write(lambda tx: tx.finish(CAME_AND_WENT, process, [who.id], []))
        return process

    async def gone(self, who: Visitor, process: UUID) -> None:
        """They have left."""
        await self.database.write(lambda tx: tx.finish(CAME_AND_WENT, process, [], [who.id]))

    def worker(self, rhythm: Rhythm | None = None) -> Worker:
        return Worker(self.database, self.catalogue, resources=self.resources, rhythm=rhythm or Rhythm())

    async def later(self, **by: float) -> None:
        """Time passes. What the clock asks for is noted once before."""
        await self.work()
        await super().later(**by)

    async def laws(self) -> list[str]:
        """The sentences that do not hold."""
        return [law.sentence for law in notify.MODULE.laws if await self.rows(law.query.sql)]


def told(answer: Any) -> Any:
    """What an answer says."""
    assert answer.is_success, answer.text
    return answer.json()["data"]


@pytest.fixture
def club(  # noqa: PLR0913, PLR0917 - what a market at work consists of
    market: Market,
    database: Database,
    clock: Clock,
    catalogue: Catalogue,
    runtime_dsn: str,
    closing: Callable[[Callable[[], Awaitable[object]]], None],
) -> Club:
    BLOCKED.clear()
    HEADS.clear()
    club = Club(market, database, clock, catalogue, runtime_dsn)
    club.closing = closing
    return club
