"""An application from within: what happens when a part of it cannot start, or cannot look at its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import httpx
import pytest

from souk.app.application import Application
from souk.app.choosing import chosen_markets
from souk.app.opened import OpenMarket, sources_of
from souk.app.shell import checks
from souk.cli.outcome import Code
from souk.kernel.config import Settings
from souk.kernel.db import DatabaseUnavailable
from souk.kernel.http.status import run
from souk.kernel.migrate import migrate
from souk.kernel.telemetry import AccessLog, Metrics, Telemetry
from souk.kernel.telemetry.sink import Sink
from tests.app.running import Start, code

NOWHERE = "postgres://nobody@127.0.0.1:9/nothing"


async def application(dsn: str, markets: str) -> Application:
    """An application of these markets, of which only the sample is migrated."""
    settings = Settings.load({"SOUK_MARKETS": markets})
    chosen = chosen_markets(settings)
    sample = next(market for market in chosen if market.name == "sample")
    await migrate(dsn, sample.name, sources_of(sample), secret=settings.key("database").hex())
    sink = Sink()
    return Application(settings, chosen, dsn, Telemetry(sink, AccessLog(lambda _line: None), Metrics(), None, None))


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - a watch tells nobody
            await asyncio.sleep(0.05)


async def queue(opened: OpenMarket) -> bool:
    """Whether the queue's probe is content."""
    return (await run({"queue": checks(opened)["queue"]}))[0].ok


async def test_a_market_that_cannot_start_leaves_no_other_half_started(dsn: str) -> None:
    app = await application(dsn, "sample,nimmit")
    with pytest.raises(DatabaseUnavailable):
        await app.start(work=True)
    await app.stop()
    app.telemetry.lag.stop()
    assert [opened.database.pool.open for opened in app.opened] == [0, 0]
    assert len(asyncio.all_tasks()) == 1


class Line:
    """A resource of a market that holds a connection to somewhere else."""

    open = True

    async def aclose(self) -> None:
        self.open = False


async def test_a_market_that_stops_closes_its_lines_to_others(dsn: str) -> None:
    app = await application(dsn, "sample")
    (opened,) = app.opened
    opened.resources[Line] = line = Line()
    await app.start(work=True)
    assert line.open
    await app.stop()
    app.telemetry.lag.stop()
    assert not line.open


async def test_a_queue_that_cannot_be_looked_at_is_not_ready_and_looked_at_again(dsn: str) -> None:
    app = await application(dsn, "sample")
    (opened,) = app.opened
    await app.start(work=False)
    try:
        await until(lambda: opened.depth is not None)
        assert await queue(opened)
        await execute(dsn, "alter table sample.jobs rename to hidden")
        await until(lambda: opened.blind)
        assert not await queue(opened)
        await execute(dsn, "alter table sample.hidden rename to jobs")
        await until(lambda: opened.depth is not None)
        assert await queue(opened)
    finally:
        await app.stop()
        app.telemetry.lag.stop()


async def test_however_many_ask_whether_it_is_well_the_database_is_asked_once(dsn: str) -> None:
    app = await application(dsn, "sample")
    (opened,) = app.opened
    found = await asyncio.gather(*(app.shell.probes() for _ in range(100)))
    assert all(probes is found[0] for probes in found)
    assert opened.database.pool.open == 1
    assert await app.shell.probes() is not found[0]
    await app.stop()


async def test_a_page_that_breaks_says_so_in_the_envelope(dsn: str) -> None:
    app = await application(dsn, "sample")

    def broken() -> bytes:
        raise ZeroDivisionError

    app.telemetry.metrics.render = broken  # type: ignore[method-assign]
    transport = httpx.ASGITransport(app.edge, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://souk") as client:
        answer = await client.get("/metrics")
        assert (answer.status_code, code(answer)) == (500, "INTERNAL_ERROR")
        assert "ZeroDivision" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.json()["error"]["details"] == {"requestId": answer.headers["x-request-id"]}
        other = await client.get("/status/", headers={"Host": "evil.example"})
        assert (other.status_code, code(other)) == (404, "NO_SUCH_PATH")
    await app.stop()


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_database_that_is_away_at_the_start_ends_it_with_a_readable_error(start: Start, command: str) -> None:
    souk = start(command, SOUK_DATABASE_URL=NOWHERE)
    assert souk.ended() == Code.DATABASE
    said = souk.all_it_said()
    assert "The database cannot be reached" in said
    assert "Traceback" not in said
