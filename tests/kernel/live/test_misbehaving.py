"""Sockets that misbehave, say nothing or leave: what no honest client does, and what is left of it."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from souk.kernel.db import Database
from souk.kernel.live import user_room
from souk.kernel.live.engine import BURST, MOST_WAITING, PATIENCE
from tests.kernel.live.connecting import QUICK, Venue, until

# Time and silence


async def test_who_enters_nowhere_is_sent_away(database: Database) -> None:
    async with Venue(database, pace=QUICK) as venue:
        caller = await venue.call()
        assert (await caller.closed())[-1] == "1"
        assert venue.live.engine.sockets == {}


async def test_who_does_not_answer_pings_is_gone(database: Database) -> None:
    async with Venue(database, pace=QUICK) as venue:
        answers, silent = await venue.enter(), await venue.enter()
        answering = asyncio.create_task(answers.event())
        assert "2" in await silent.closed()
        await venue.say("note", 1, "everyone")
        assert (await answering)[:2] == ["note", 1]
        assert len(venue.live.hall) == 1


async def test_an_upgrade_that_never_ends_is_given_up(database: Database) -> None:
    async with Venue(database, pace=QUICK) as venue, venue.polling() as http:
        opened = (await http.get("/test/socket.io/?EIO=4&transport=polling")).text
        sid = msgspec.json.decode(opened[1:])["sid"]
        first = await venue.call(sid)
        with pytest.raises(InvalidStatus):
            await venue.call(sid)
        assert await first.closed() == []


# Abuse


async def test_a_flood_is_warned_of_and_cut_off(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.enter()
        for _ in range(int(BURST + PATIENCE) * 3):
            await caller.send('42["nonsense"]')
        heard = await caller.closed()
        warnings = [packet for packet in heard if "TOO_MANY_EVENTS" in packet]
        assert len(warnings) == 1
        assert len(heard) <= BURST + PATIENCE
        assert venue.live.engine.cut == 1


async def test_who_slows_down_in_time_stays(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.enter()
        for _ in range(int(BURST) + 10):
            await caller.send('42["nonsense"]')
        await asyncio.sleep(1.5)
        assert "ok" in await caller.ask("leave_order", str(uuid4()))


MALFORMED: list[str | bytes] = [
    b"\x00binary",
    "",
    "x",
    "9",
    "4",
    "49",
    "42",
    "42{}",
    "42[]",
    "42[7]",
    "42[",
    '42["join_order",NaN]',
    "42" + "[" * 20_000,
    '451-["join_order",{"_placeholder":true,"num":0}]',
    '44{"message":"x"}',
    "4" + "9" * 200 + '["x"]',
    "421" + "1" * 200 + '["x"]',
    "40[",
    "2",
    "5",
    '42["join_order","' + "x" * 70_000 + '"]',
]


async def test_what_is_malformed_ends_the_connection_and_nothing_else(
    database: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Venue(database) as venue:
        honest = await venue.enter()
        for packet in MALFORMED:
            caller = await venue.enter()
            await caller.send(packet)
            await caller.closed()
        await venue.say("note", 1, "everyone")
        assert (await honest.event())[0] == "note"
        assert len(venue.live.hall) == 1
    assert caplog.records == []
    assert "rror" not in "".join(capsys.readouterr())


async def test_what_means_nothing_is_passed_over(database: Database) -> None:
    async with Venue(database) as venue:
        caller = await venue.enter()
        for packet in ("430[1]", '43["x"]', "6", "3", "41/elsewhere,", '42/elsewhere,["x"]', '40{"token":"again"}'):
            await caller.send(packet)
            assert (await caller.ask("leave_order", str(uuid4())))["ok"]


async def test_who_does_not_read_is_dropped_before_it_costs_memory(database: Database) -> None:
    async with Venue(database) as venue:
        ada = venue.actor()
        honest, lazy = await venue.enter(), await venue.enter(ada, max_queue=1)
        text = "x" * 16_000
        before = time.monotonic()
        for number in range(MOST_WAITING * 4):
            await venue.say("note", text, user_room(ada.id))
            if number % 50 == 0:
                await asyncio.sleep(0)
            if venue.live.engine.cut:
                break
        assert venue.live.engine.cut == 1
        await until(lambda: len(venue.live.hall) == 1)
        assert all(not socket._waiting for socket in venue.live.engine.sockets.values())
        await venue.say("note", 1, "everyone")
        assert (await honest.event())[0] == "note"
        assert time.monotonic() - before < 20
        lazy.line.transport.abort()


async def test_nothing_is_left_of_those_who_went(database: Database) -> None:
    async with Venue(database) as venue:
        people = [venue.actor() for _ in range(20)]
        callers = [await venue.enter(person) for person in people]
        for person, caller in zip(people, callers, strict=True):
            await caller.ask("join_order", venue.orders.add(person.id))
        for number, caller in enumerate(callers):
            if number % 2:
                await caller.leave()
            else:
                caller.line.transport.abort()
        await until(lambda: len(venue.live.hall) == 0)
        await until(lambda: not venue.live.engine.sockets)
        hall, sockets = venue.live.hall, venue.live.sockets
        assert (hall._rooms, hall._sessions, venue.live.engine._addresses) == ({}, {}, {})
        assert (sockets.environ, sockets.manager.rooms, sockets.manager.callbacks) == ({}, {}, {})
        assert not any((*sockets.manager.pending_connect.values(), *sockets.manager.pending_disconnect.values()))


async def test_a_server_that_stops_closes_them_all_at_once(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        callers = [await venue.enter() for _ in range(5)]
        sid = msgspec.json.decode((await http.get("/test/socket.io/?EIO=4&transport=polling")).text[1:])["sid"]
        polling = asyncio.create_task(http.get(f"/test/socket.io/?EIO=4&transport=polling&sid={sid}"))
        await asyncio.sleep(0.2)
        before = time.monotonic()
        await venue.stop()
        assert time.monotonic() - before < 2
        for caller in callers:
            await caller.closed()
        assert (await polling).text == "1"
