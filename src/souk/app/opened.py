"""`OpenMarket`: one market at work in this process. Its database, clock, tokens, messages and, where asked for, its worker."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from souk.app.lawwatch import LawWatch, check_laws
from souk.app.watching import WatchedJobs, traced_tx
from souk.kernel.assembly import Closable, Market, Module, Seed
from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool, Tx, business_clock
from souk.kernel.errors import Refusal
from souk.kernel.http.cors import Cors
from souk.kernel.http.idempotency import forget_idempotency_keys
from souk.kernel.http.limits import ANONYMOUS, Limiter, parse, per_address
from souk.kernel.http.revocations import Revocations, forget_revocations
from souk.kernel.http.site import Site
from souk.kernel.http.tokens import LookUp, Tokens
from souk.kernel.live.channel import Channel
from souk.kernel.live.log import forget_said
from souk.kernel.messages import JOBS, NEWS, WHISPERS, Catalogue, Depth, Hear, News, Notifier, Outbox, Worker, listen, queue_depth
from souk.kernel.migrate import Source, kernel_sources, market_dsn
from souk.kernel.sealing import Vault
from souk.kernel.telemetry import Measured, Telemetry, log

WATCH_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 60.0


def sources_of(market: Market) -> tuple[Source, ...]:
    """Everything of a market that has tables: the kernel's parts, then its modules in their order."""
    return (*kernel_sources(), *(Source(module.name, module.migrations) for module in market.modules if module.migrations.is_dir()))


class OpenMarket:
    """A market's parts in this process, opened and closed together."""

    def __init__(self, market: Market, admin_dsn: str, settings: Settings, telemetry: Telemetry) -> None:
        self.market = market
        self.settings = settings
        self.clock = Clock()
        dsn = market_dsn(admin_dsn, market.name, settings.key("database").hex())
        pool = Pool(dsn, size=settings.pool_size, prepared=settings.database_prepared)
        tracer = telemetry.tracer
        self.vault = Vault(settings.keys(f"what is sealed in {market.name}"))
        says = market.live.by_fact if market.live is not None else None
        self.catalogue = Catalogue((*market.modules, KERNEL), traceparent=tracer.traceparent if tracer else str, says=says)
        kind = traced_tx(tracer, market.name) if tracer else Tx
        self.database = Database(pool, self.clock, lambda tx: Outbox(self.catalogue, tx), kind=kind)
        self.jobs = WatchedJobs(telemetry, market.name)
        self.tokens = Tokens(market.name, settings.keys(f"access tokens of {market.name}"), market.roles)
        self.tokens.look_up = self._look_up()
        self.revocations = Revocations(self.database, self.tokens)
        self.channel = Channel(self.database, market.live, listens=settings.database_prepared) if market.live is not None else None
        """What is said live, in a market that says something."""
        self.laws = LawWatch(market)
        self.resources = self._resources()
        self.depth: Depth | None = None
        """How much waits, as of a moment ago; None when that is not known."""
        self.blind = False
        """Whether it is not known because looking fails, and not for want of the database."""
        self._tasks: list[asyncio.Task[None]] = []
        self._worker: Worker | None = None
        self._working: asyncio.Task[None] | None = None
        self._measure(telemetry)

    def site(self, limiter: Limiter) -> Site:
        """The market as HTTP sees it."""
        market = self.market
        return Site(
            name=market.name,
            base=market.base,
            title=market.title,
            roles=market.roles,
            database=self.database,
            tokens=self.tokens,
            limiter=limiter,
            member_limit=parse(market.limit),
            address_limit=per_address(ANONYMOUS, development=not self.settings.production),
            cors=Cors(market.origins),
            resources={**self.resources, Limiter: limiter, OpenMarket: self},
        )

    async def start(self, *, work: bool, serve: bool = True) -> None:
        """Take over the stored clock, then start what runs in the background: with `work` the jobs, with `serve` what sockets hear."""
        await self.database.read(self._load_clock)
        await self.revocations.read()
        news = News(self.database, self.catalogue.news)
        readers, hears = [self.revocations.read], dict[str, Hear]({NEWS: news.wake})
        if serve and self.channel is not None:
            await self.channel.tail.read()
            readers.append(self.channel.tail.read)
            hears[WHISPERS] = self.channel.hear
            self._begin(self.channel.run())
        if work:
            self._worker = self.worker()
            self._working = asyncio.create_task(self._worker.run())
            self._working.add_done_callback(self._ended)
            hears[JOBS] = self._worker.wake
        else:
            self._begin(self._ring())
        self._begin(self._watch())
        self._begin(news.run(*readers))
        if self.settings.database_prepared:
            self._begin(listen(self.database, hears))

    def _begin(self, running: Coroutine[None, None, None]) -> None:
        self._tasks.append(asyncio.create_task(running))

    async def stop(self) -> None:
        """Let running jobs finish, then close the connections."""
        if self._working is not None and self._worker is not None:
            self._worker.stop()
            await asyncio.wait([self._working])
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.channel is not None:
            await self.channel.leave()
        await self.database.pool.close()
        for resource in self.resources.values():
            if isinstance(resource, Closable):
                await resource.aclose()

    def worker(self) -> Worker:
        """A worker for this market's jobs."""
        return Worker(self.database, self.catalogue, resources=self.resources, watch=self.jobs)

    async def advance(self, by: timedelta) -> datetime:
        """Development only: move the market's time forward, and run everything that became due."""
        # What the clock asks for is noted once before it moves: a market that has only just begun has nothing to be late with.
        await self.worker().drain()
        await self.database.write(lambda tx: business_clock.advance(tx, by))
        await self.database.read(self._load_clock)
        await self.worker().drain()
        return self.clock.now()

    def _resources(self) -> dict[type, object]:
        """What operations and jobs may take as a parameter of that type."""
        own = {Clock: self.clock, Vault: self.vault, Tokens: self.tokens, Settings: self.settings, LawWatch: self.laws}
        brought = [module.resources(self.settings, self.market) for module in self.market.modules if module.resources is not None]
        return {**own, **self.market.resources, **{kind: thing for each in brought for kind, thing in each.items()}}

    def _look_up(self) -> LookUp | None:
        """Who knows API keys here, if somebody does."""
        knowing = next((module.actor_of_key for module in self.market.modules if module.actor_of_key is not None), None)
        if knowing is None:
            return None
        return lambda key: self.database.read(lambda tx: knowing(tx, self.market, key))

    async def seed(self, fill: Seed) -> None:
        """Fill it with a module's demo data, in one transaction."""
        await self.database.write(lambda tx: fill(tx, self.market))

    async def _load_clock(self, tx: Tx) -> None:
        await business_clock.load(tx, self.clock)

    async def _ring(self) -> None:
        """This process does no jobs itself: tell those that do."""
        notifier = Notifier(self.database)
        with self.catalogue.bell.heard_by(notifier.ring):
            await asyncio.Event().wait()

    async def _watch(self) -> None:
        """Once a second: how deep the queue is, what time another process has set, which connections nobody needs."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                self.depth, self.blind = await self.database.read(queue_depth), False
                if not self.settings.production:
                    await self.database.read(self._load_clock)
            except Refusal:  # the database is away, busy or full: `/ready` says so already
                self.depth = None
            except Exception:  # noqa: BLE001 - whatever it is, tomorrow's queue must be looked at too
                self.depth, self.blind = None, True
                log.exception("the queue could not be looked at", market=self.market.name)
            self.database.pool.close_idle(IDLE_SECONDS)

    def _ended(self, working: asyncio.Task[None]) -> None:
        """A worker ends when it is asked to. One that ends otherwise must not go unnoticed: its jobs would wait for ever."""
        if not working.cancelled() and (error := working.exception()) is not None:
            log.error("the worker ended", market=self.market.name, exc_info=error)

    def _depth(self, field: str) -> float:
        return float(getattr(self.depth, field, "nan"))

    def _measure(self, telemetry: Telemetry) -> None:
        pool, name = self.database.pool, self.market.name
        gauge = telemetry.metrics.gauge
        gauge("souk_connections_open", "Connections to the database.", lambda: pool.open, market=name)
        gauge("souk_connections_busy", "Connections in use.", lambda: pool.busy, market=name)
        gauge("souk_laws_broken", "Broken laws, where this process asked in the last half hour.", lambda: self.laws.broken, market=name)
        gauge("souk_laws_asked_seconds", "When that was, as Unix time.", lambda: self.laws.checked_at, market=name)
        for resource in self.resources.values():
            for measure, (about, read) in resource.gauges().items() if isinstance(resource, Measured) else ():
                gauge(measure, about, read, market=name)
        for field, about in DEPTHS.items():
            gauge(f"souk_queue_{field}", about, partial(self._depth, field), market=name)


DEPTHS: Final = {
    "due": "Jobs that are due and wait.",
    "dead": "Jobs that failed for good and wait for staff.",
    "oldest_seconds": "How long the oldest due job has waited.",
    "oldest_transaction_seconds": "Age of the oldest open transaction.",
}

KERNEL: Final = Module("kernel", Path(), periodic=(forget_idempotency_keys, forget_revocations, forget_said, check_laws))
"""What the kernel itself does by the clock in every market. Its tables are `kernel_sources`."""
