"""The entrance over HTTP: origins, methods, sizes, and what every answer carries."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from souk.kernel.db import Database
from souk.kernel.live.entrance import MOST_OF_AN_ADDRESS, Origins
from tests.kernel.http.serving import code
from tests.kernel.live.connecting import Venue

POLL = "/test/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize(
    ("origin", "development", "allowed"),
    [
        ("https://shop.example", False, True),
        ("https://here.example", False, True),
        ("http://here.example", False, True),
        ("https://evil.example", False, False),
        ("https://here.example.evil.example", False, False),
        ("https://shop.example.evil.example", False, False),
        ("null", True, False),
        ("file://", True, False),
        ("http://localhost:5173", True, True),
        ("http://127.0.0.1:5173", True, True),
        ("http://[::1]:5173", True, True),
        ("http://localhost:5173", False, False),
        ("http://localhost.evil.example", True, False),
        ("http://[", True, False),
    ],
)
def test_pages_of_these_origins_may_connect(*, origin: str, development: bool, allowed: bool) -> None:
    assert Origins(["https://shop.example"], development=development).allow(origin, "here.example") is allowed


def test_a_request_without_a_host_has_no_origin_of_its_own() -> None:
    assert not Origins([], development=False).allow("http://", "")


async def test_a_websocket_of_a_foreign_page_is_refused(database: Database) -> None:
    async with Venue(database, origins=["https://shop.example"], development=False) as venue:
        with pytest.raises(InvalidStatus) as refused:
            await venue.call(origin="https://evil.example")
        assert refused.value.response.status_code == 403
        assert msgspec.json.decode(refused.value.response.body or b"")["error"]["code"] == "ORIGIN_NOT_ALLOWED"
        assert refused.value.response.headers["X-Request-Id"]
        caller = await venue.call(origin="https://shop.example")
        assert "sid" in await caller.enter(venue.tokens.issue(venue.actor()))


async def test_polling_answers_are_for_pages_that_may_read_them(database: Database) -> None:
    async with Venue(database, origins=["https://shop.example"], development=False) as venue:
        async with venue.polling(Origin="https://shop.example") as http:
            opened = await http.get(POLL)
            assert opened.headers["access-control-allow-origin"] == "https://shop.example"
            assert opened.headers["access-control-allow-credentials"] == "true"
            preflight = await http.options(POLL)
            assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "GET, POST, OPTIONS")
        async with venue.polling(Origin="https://evil.example") as http:
            refused = await http.get(POLL)
            assert code(refused) == "ORIGIN_NOT_ALLOWED"
            assert "access-control-allow-origin" not in refused.headers
            assert (await http.options(POLL)).status_code == 403


async def test_every_answer_has_its_headers_and_its_line_in_the_log(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        for answer in (await http.get(POLL), await http.put(POLL), await http.get(POLL + "&sid=nobody"), await http.post(POLL)):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]
            assert "server" not in answer.headers
        caller = await venue.enter()
        assert caller.line.response is not None
        assert caller.line.response.headers["X-Request-Id"]
        venue.access.flush()
        lines = [msgspec.json.decode(line) for chunk in venue.written for line in chunk.splitlines()]
        assert [(line["method"], line["status"]) for line in lines] == [
            ("GET", 200),
            ("PUT", 405),
            ("GET", 400),
            ("POST", 400),
            ("GET", 101),
        ]
        assert {line["path"] for line in lines} == {"/test/socket.io/"}


async def opened(http: Any) -> str:
    """A polling connection."""
    return f"{POLL}&sid={msgspec.json.decode((await http.get(POLL)).text[1:])['sid']}"


async def test_polling_speaks_the_same(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        ada = venue.actor()
        order = venue.orders.add(ada.id)
        url = await opened(http)
        token = venue.tokens.issue(ada)
        assert (await http.post(url, content=f'40{{"token":"{token}"}}')).text == "OK"
        assert (await http.get(url)).text.startswith('40{"sid":')
        assert (await http.post(url, content=f'420["join_order","{order}"]\x1e421["nonsense"]')).text == "OK"
        joined, unknown = (await http.get(url)).text.split("\x1e")
        assert joined == f'430[{{"ok":true,"room":"order:{order}"}}]'
        assert "EVENT_UNKNOWN" in unknown
        waiting = asyncio.create_task(http.get(url))
        await asyncio.sleep(0.1)
        await venue.say("note", 1, f"order:{order}")
        assert (await waiting).text.startswith('42["note",1,')
        waiting = asyncio.create_task(http.get(url))
        await asyncio.sleep(0.1)
        venue.tokens.revoke(ada.session)
        error, left, closed = (await waiting).text.split("\x1e")
        assert ("TOKEN_REVOKED" in error, left, closed) == (True, "41", "1")


async def test_a_malformed_request_ends_the_connection(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        for body in (b"", b"x", b"bAAAA", b"\xff", b"42["):
            assert (await http.post(await opened(http), content=body)).status_code == 400
        assert venue.live.engine.sockets == {}
        assert code(await http.post(await opened(http), content=b"4" + b"x" * 70_000)) == "BODY_TOO_LARGE"


async def test_a_client_polls_once_at_a_time(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        url = await opened(http)
        first = asyncio.create_task(http.get(url))
        await asyncio.sleep(0.1)
        assert (await http.get(url)).status_code == 400
        assert (await first).text == "1"
        assert venue.live.engine.sockets == {}


async def test_scripts_for_other_pages_are_not_made(database: Database) -> None:
    async with Venue(database) as venue, venue.polling() as http:
        assert (await http.get(POLL + "&j=0")).text.startswith("0{")


async def test_an_address_has_so_many_connections(database: Database) -> None:
    async with Venue(database, development=False) as venue, venue.polling() as http:
        for _ in range(MOST_OF_AN_ADDRESS):
            assert (await http.get(POLL)).status_code == 200
        one_more = await http.get(POLL)
        assert (one_more.status_code, code(one_more)) == (429, "TOO_MANY_SOCKETS")
        codes = [code(await http.get(POLL)) for _ in range(150)]
        assert codes[-1] == "TOO_MANY_REQUESTS"
