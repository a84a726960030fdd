"""`souk market simulate`: seeded walks of everybody over a market's real code, in a database of its own, with a bank in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec
import uvloop
from msgspec.structs import replace

from souk.app.choosing import chosen_markets
from souk.app.declared import processes_of
from souk.app.lawwatch import laws_of_market
from souk.app.opened import sources_of
from souk.app.run import database, telemetry
from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.config import ConfigError, Problem, Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http.tokens import Tokens
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn, migrate, temporary_database
from souk.kernel.sealing import Vault
from souk.modules import identity, orders, payments
from souk.process import ActorKind

PARTIES: Final = 4
"""How many people there are who may be each party of an order: enough to be strangers to each other."""
STAFF: Final = 2
"""How many of every other role."""
WALKS: Final = 50
"""Walks in one database. Each lets more than a year pass, and adds to what the laws look at."""

Heard = Callable[[str], None]


class NothingToSimulate(Exception):
    """A market without orders, or without people."""


class Played(msgspec.Struct, frozen=True):
    """How a number of walks went."""

    reports: Sequence[orders.Report]
    steps: Sequence[str]
    """Every step that there is."""

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        steps, seconds = sum(each.steps for each in self.reports), sum(each.seconds for each in self.reports)
        whole = {name: sum(getattr(each, name) for each in self.reports) for name in ("orders", "jumps", "lost")}
        yield f"{len(self.reports)} walks, {whole['orders']} orders, {steps} steps in {seconds:.1f} s: {steps / seconds:.0f} a second"
        yield f"time jumped {whole['jumps']} times, {whole['lost']} requests were lost"
        taken = sum((each.taken for each in self.reports), Counter[str]())
        yield from _counted("taken", taken)
        yield from _counted("refused", sum((each.refused for each in self.reports), Counter[str]()))
        yield from _counted("where orders are at the end", sum((each.ended for each in self.reports), Counter[str]()))
        never = [step for step in self.steps if step not in taken]
        yield f"never taken: {', '.join(never)}" if never else "every step was taken"


def _counted(title: str, counted: Counter[str]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {count:>7}  {name}" for name, count in counted.most_common())


def simulate(settings: Settings, how_many: int, seeds: Sequence[int], heard: Heard = lambda _line: None) -> Played:
    """Walk through the one chosen market with each of these seeds. `orders.WentWrong` says with which one it went wrong."""
    if settings.production:
        raise ConfigError([Problem("SOUK_ENV", "is production, whose server has other work", "Simulate on a development instance")])
    [market] = chosen_markets(settings)
    processes = processes_of(market)
    if processes is None or all(module.name != identity.MODULE.name for module in market.modules):
        raise NothingToSimulate(f"the market {market.name} has no orders, or no people, to simulate")
    quietly = replace(settings, sentry_dsn="", otlp_endpoint="")  # what goes wrong in a walk is nobody's emergency
    with database(settings) as dsn, telemetry(quietly):
        reports = uvloop.run(_simulate(settings, dsn, market, how_many, seeds, heard))
    return Played(reports, [f"{kind.name}.{step.name}" for kind in processes.current.values() for step in kind.process.steps])


async def _simulate(  # noqa: PLR0913, PLR0917 - what is walked, where, and how often
    settings: Settings, dsn: str, market: Market, how_many: int, seeds: Sequence[int], heard: Heard
) -> list[orders.Report]:
    reports = []
    secret = settings.key("database").hex()
    for first in range(0, len(seeds), WALKS):
        async with temporary_database(dsn, market.name) as own:
            await migrate(own, market.name, sources_of(market), secret=secret)
            pool = Pool(market_dsn(own, market.name, secret), size=settings.pool_size, prepared=settings.database_prepared)
            try:
                stage = await set_stage(market, pool, settings)
                for seed in seeds[first : first + WALKS]:
                    reports.append(await orders.Simulation(stage, seed).run(how_many))
                    heard(f"seed {seed}: {reports[-1].steps} steps")
            finally:
                await pool.close()
    return reports


async def set_stage(market: Market, pool: Pool, settings: Settings) -> orders.Stage:
    """The market on its migrated and empty database, with some people. What the clock does beside orders is left out.

    Even the days of the log, each of which is a table: a walk lets hundreds of them pass.
    """
    clock, vault = Clock(), Vault(settings.keys("what is sealed in a simulation"))
    catalogue = Catalogue(market.modules)
    catalogue.periodic = ()
    bank = payments.Playground(market, clock)
    tokens = Tokens(market.name, settings.keys("access tokens of a simulation"), market.roles)
    resources: dict[type, object] = {Clock: clock, Vault: vault, Tokens: tokens, Settings: settings, **market.resources}
    for module in market.modules:
        if module.resources is not None:
            resources |= module.resources(settings, market)
    processes = resources[orders.Processes]
    if not isinstance(processes, orders.Processes):
        raise TypeError(f"the market {market.name} has no orders")
    stage = orders.Stage(
        database=Database(pool, clock, lambda tx: Outbox(catalogue, tx)),
        clock=clock,
        catalogue=catalogue,
        desk=orders.Desk(processes, bank.till),
        resources={**resources, payments.Till: bank.till},
        laws=tuple(laws_of_market(market)),
        people=(),
        bank=bank,
    )
    return await _with_people(stage, market, settings)


async def _with_people(stage: orders.Stage, market: Market, settings: Settings) -> orders.Stage:
    """The same, with some people of every role that an order needs."""
    links = identity.links_of(settings, market, identity.rules_of(market))
    actors = [actor for kind in stage.desk.processes.current.values() for actor in (*kind.process.parties, *kind.process.actors)]
    parties = {role for actor in actors if actor.kind is ActorKind.PARTY for role in actor.roles}
    others = {role for actor in actors for role in actor.roles} - parties
    people = []
    for role in (role.name for role in market.roles):
        for number in range(PARTIES if role in parties else STAFF if role in others else 0):
            email = f"{role}{number}@example.com"
            invited = identity.Invited(email, role)
            await stage.database.write(partial(identity.invite, market=market, links=links, invited=invited))
            person = await stage.database.read(partial(identity.person_of_address, address=email))
            people.append(orders.Person(person.id, role))
    return replace(stage, people=tuple(people))
