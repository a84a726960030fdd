"""What the command line does: serve, work, migrate, seed. Each takes the settings and returns when it is done."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

import uvloop

from souk.app.application import Application
from souk.app.choosing import chosen_markets, only_modules
from souk.app.development import mailbox_path
from souk.app.opened import OpenMarket, sources_of
from souk.kernel.assembly import Market
from souk.kernel.config import ConfigError, Problem, Settings
from souk.kernel.http.server import WebServer
from souk.kernel.migrate import Applied, MigrationError, plan
from souk.kernel.migrate import migrate as migrate_market
from souk.kernel.postgres import serve as embedded
from souk.kernel.telemetry import Telemetry, start_telemetry
from souk.modules import identity

Heard = Callable[[str], None]
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def markets(settings: Settings) -> tuple[Market, ...]:
    """The markets of this instance."""
    return chosen_markets(settings)


def serve(settings: Settings, *, work: bool, modules: Sequence[str] = ()) -> None:
    """Serve the API until told to stop; with `work`, do the jobs too."""
    chosen = only_modules(markets(settings), frozenset(modules)) if modules else markets(settings)
    with database(settings) as dsn, telemetry(settings) as told, listening(settings) as listener:
        uvloop.run(_serve(Application(settings, chosen, dsn, told), dsn, listener, work=work))


async def _serve(application: Application, dsn: str, listener: socket.socket, *, work: bool) -> None:
    try:
        await _open(application, dsn, work=work)
        await WebServer(application.edge, when_started=lambda: announce(application, listener)).serve(sockets=[listener])
    finally:
        await application.stop()


async def _open(application: Application, dsn: str, *, work: bool, serve: bool = True) -> None:
    """Start it. Where that fails for want of migrations, say so: without them there may not even be a role to connect as."""
    try:
        await application.start(work=work, serve=serve)
    except Exception:
        behind = [opened.market.name for opened in application.opened if await plan(dsn, opened.market.name, sources_of(opened.market))]
        if behind:
            raise MigrationError(f"Migrations have not run for {', '.join(behind)}: run `souk migrate` first.") from None
        raise


async def must_be_migrated(dsn: str, market: Market) -> None:
    """Without its migrations there may not even be a role to connect as."""
    if await plan(dsn, market.name, sources_of(market)):
        raise MigrationError(f"Migrations have not run for {market.name}: run `souk migrate` first.")


def work(settings: Settings) -> None:
    """Do the jobs of every market until told to stop."""
    with database(settings) as dsn, telemetry(settings) as told:
        uvloop.run(_work(Application(settings, markets(settings), dsn, told), dsn))


async def _work(application: Application, dsn: str) -> None:
    stop = asyncio.Event()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await _open(application, dsn, work=True, serve=False)
        say("souk: at work")
        await stop.wait()
    finally:
        await application.stop()


def migrate(settings: Settings, *, plan_only: bool, heard: Heard = lambda _line: None) -> None:
    """Bring every market forward, or only say what would run."""
    with database(settings) as dsn:
        uvloop.run(_migrate(settings, dsn, plan_only=plan_only, heard=heard))


async def _migrate(settings: Settings, dsn: str, *, plan_only: bool, heard: Heard) -> None:
    def applied(step: Applied) -> None:
        heard(f"{step.market}: {step.migration}")

    for market in markets(settings):
        sources = sources_of(market)
        if plan_only:
            for migration in await plan(dsn, market.name, sources):
                heard(f"{market.name}: {migration}")
        else:
            await migrate_market(dsn, market.name, sources, secret=settings.key("database").hex(), heard=applied)


def seed(settings: Settings, *, heard: Heard = lambda _line: None) -> None:
    """Fill every market with demo data: each module that has some brings its own, in one transaction. Never in production."""
    if settings.production:
        wrong = "is production, which takes no demo data: its logins have a password that everybody knows"
        raise ConfigError([Problem("SOUK_ENV", wrong, "Seed a development instance; `souk person` makes people here")])
    with database(settings) as dsn, telemetry(settings) as told:
        uvloop.run(_seed([OpenMarket(market, dsn, settings, told) for market in markets(settings)], heard))


async def _seed(opened: Sequence[OpenMarket], heard: Heard) -> None:
    for market in opened:
        for module in market.market.modules:
            if module.seed is not None:
                await market.seed(module.seed)
                heard(f"{market.market.name}: demo data of {module.name}")
        await market.database.pool.close()


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The administrator's DSN: the given server's, or the embedded one's, running for the length of a block."""
    if settings.database_url:
        yield settings.database_url
    else:
        with embedded(settings.home) as server:
            yield server.socket_dsn


@contextmanager
def telemetry(settings: Settings) -> Iterator[Telemetry]:
    """Logs, metrics and traces for the length of a block."""
    told = start_telemetry(settings, release=version("souk"))
    try:
        yield told
    finally:
        told.stop()


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket to listen on, or an error that says who should give way."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            remedy = "Set it to an address of this machine; 0.0.0.0 is every one"
            raise ConfigError([Problem("SOUK_HOST", f"is {settings.host}, which is no address of this machine", remedy)]) from None
        remedy = "Stop the other process, or set SOUK_PORT to another port (0 takes a free one)"
        raise ConfigError([Problem("SOUK_PORT", f"is {settings.port}, which cannot be listened on ({error.strerror})", remedy)]) from None
    with listener:
        yield listener


def announce(application: Application, listener: socket.socket) -> None:
    """Tell the person at the terminal where everything is."""
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    say(f"souk: status of everything  {address}/status")
    for opened in application.opened:
        market = opened.market
        mailbox = mailbox_path(opened)
        letters = f"  mail {address}{mailbox}" if mailbox else ""
        say(f"souk: {market.name:<8} {address}{market.base}  API {address}{market.base}/docs{letters}")
        if not application.settings.production and any(module.name == identity.MODULE.name for module in market.modules):
            say(f"souk: {market.name:<8} logins  {', '.join(identity.demo_logins(market))}  password {identity.DEMO_PASSWORD}")
    say(f"souk: ready on {address}")


def say(line: str) -> None:
    """A line for the person, apart from the log."""
    print(line, file=sys.stdout, flush=True)  # noqa: T201 - this is what the command prints
