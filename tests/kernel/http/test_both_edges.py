"""One request, both edges: what `Wire` answers and what uvicorn's protocol answers through ASGI is the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from souk.kernel.db import Database
from souk.kernel.http.answer import Reply
from souk.kernel.http.guards import ANYONE, MEMBER
from souk.kernel.http.operation import operation
from souk.kernel.http.request import Request
from souk.kernel.http.streams import ServerEvent
from souk.kernel.http.wire import HEAD_LIMIT
from souk.kernel.record import Record

from .serving import Served, site

TO_UVICORN = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
"""What makes a connection leave the fast edge for good."""
OWN = ("date", "x-request-id", "ratelimit-remaining")
"""Headers that no two answers share."""
ORIGIN = "https://shop.example"


class Word(Record):
    """A word."""

    word: str


@operation("GET", "/hello", who=ANYONE)
async def hello() -> str:
    """Say hello."""
    return "hello"


@operation("GET", "/large", who=ANYONE)
async def large() -> str:
    """Say much."""
    return "hello " * 1000


@operation("POST", "/echo", who=ANYONE, max_body=1000)
async def echo(body: Word) -> Word:
    """Say it again."""
    return body


@operation("DELETE", "/words/{word}", who=ANYONE, status=204)
async def forget(word: str) -> None:
    """Forget a word."""
    del word


@operation("GET", "/heard", who=ANYONE)
async def heard(request: Request) -> list[str]:
    """What was understood of the headers, and from where it came."""
    return [*(request.header(name) for name in ("x-a", "cookie", "idempotency-key")), request.address]


@operation("GET", "/mine", who=MEMBER)
async def mine() -> str:
    """For members."""
    return "yours"


@operation("GET", "/forged", who=ANYONE)
async def forged() -> Reply[str]:
    """A header whose value somebody else chose."""
    return Reply("x", headers=(("X-Note", "a\r\nX-Admin: yes"),))


@operation("GET", "/count", who=ANYONE, kind="stream")
async def count_up() -> AsyncIterator[ServerEvent]:
    """Never ends."""
    yield ServerEvent(1)
    await asyncio.Event().wait()


OPERATIONS = (hello, large, echo, forget, heard, mine, forged, count_up)


def ask(line: str, *headers: str, body: bytes = b"") -> bytes:
    """A request after which the connection is closed."""
    head = [line + " HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def post(body: bytes, *headers: str) -> bytes:
    return ask("POST /test/echo", "Content-Type: application/json", *headers, f"Content-Length: {len(body)}", body=body)


def chunked(body: bytes, *headers: str) -> bytes:
    return ask("POST /test/echo", "Content-Type: application/json", "Transfer-Encoding: chunked", *headers, body=body)


REQUESTS = {
    "a read": ask("GET /test/hello"),
    "an unknown parameter": ask("GET /test/hello?x=1"),
    "a HEAD": ask("HEAD /test/hello"),
    "a HEAD of a stream": ask("HEAD /test/count"),
    "an answer without a body": ask("DELETE /test/words/a"),
    "an escaped path": ask("DELETE /test/words/a%2Fb"),
    "a path with dots": ask("GET /test/../test/hello"),
    "a path with two slashes": ask("GET //test/hello"),
    "a path that is no ASCII": ask("GET /test/words/\xe9"),
    "an unknown path": ask("GET /test/nowhere"),
    "an absolute address": ask("GET http://elsewhere.example/test/hello"),
    "a fragment": ask("GET /test/hello#a"),
    "no path at all": ask("OPTIONS *"),
    "a tunnel": ask("CONNECT x:443"),
    "a wrong method": ask("PATCH /test/hello", "Content-Length: 2", body=b"{}"),
    "its methods": ask("OPTIONS /test/hello"),
    "a preflight": ask("OPTIONS /test/hello", f"Origin: {ORIGIN}", "Access-Control-Request-Method: GET"),
    "another origin": ask("GET /test/hello", f"Origin: {ORIGIN}"),
    "what is known": ask("GET /test/hello", "If-None-Match: *"),
    "a compressed answer": ask("GET /test/large", "Accept-Encoding: gzip"),
    "a body": post(b'{"word":"a"}'),
    "a body in another case": ask(
        "POST /test/echo", "Content-Type: Application/JSON; charset=utf-8", "Content-Length: 12", body=b'{"word":"a"}'
    ),
    "a body that is no JSON": post(b"{"),
    "a body that is too large": post(b'"' + b"x" * 1500 + b'"'),
    "a chunked body": chunked(b'c\r\n{"word":"a"}\r\n0\r\n\r\n'),
    "a trailer that would be a header": chunked(b'c\r\n{"word":"a"}\r\n0\r\nContent-Type: text/plain\r\nX-Request-Id: trailer\r\n\r\n'),
    "a body without its type": ask("POST /test/echo", "Content-Length: 2", body=b"{}"),
    "no token": ask("GET /test/mine"),
    "a wrong token": ask("GET /test/mine", "Authorization: Bearer a.b.c"),
    "two tokens": ask("GET /test/mine", "Authorization: Bearer a.b.c", "Authorization: Bearer d.e.f"),
    "headers that come twice": ask("GET /test/heard", "X-A: 1", "x-a: 2", "Cookie: a=1", "Cookie: b=2", "Idempotency-Key: k"),
    "an address that nobody trusts": ask("GET /test/heard", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: https"),
    "a forged header": ask("GET /test/forged"),
    "two lengths": post(b"{}", "Content-Length: 3"),
    "one length twice": post(b"{}", "Content-Length: 2"),
    "a length and chunks": post(b"{}", "Transfer-Encoding: chunked"),
    "another coding": ask("POST /test/echo", "Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "a coding after chunks": ask("POST /test/echo", "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "a folded header": ask("GET /test/hello", "X-A: a\r\n b"),
    "a bare line feed": b"GET /test/hello HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n",
    "a bare carriage return": b"GET /test/hello HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n",
    "a space before the colon": ask("GET /test/hello", "X-A : b"),
    "a NUL in a header": ask("GET /test/hello", "X-A: a\0b"),
    "chunks ended by line feeds": chunked(b"2\n{}\n0\n\n"),
    "a negative length": ask("POST /test/echo", "Content-Length: -2", body=b"{}"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /test/hello HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": b"GET /test/hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "HTTP/3": b"GET /test/hello HTTP/3.0\r\nHost: x\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a head that is too large": ask("GET /test/hello", "X-A: " + "a" * (HEAD_LIMIT + 1)),
}


async def answers(served: Served, request: bytes, before: bytes = b"") -> tuple[bytes, dict[str, list[str]], bytes]:
    """What comes back for one request until the server closes: the first line, the headers, the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        if before:
            writer.write(before)
            await reader.readuntil(b"a page")
        writer.write(request)
        raw = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.decode("latin-1").partition(": ")
        headers.setdefault(name, []).append(value)
    return first, headers, body


@pytest.mark.parametrize("name", REQUESTS)
async def test_both_edges_answer_alike(database: Database, name: str) -> None:
    async with Served(site(database, origins=[ORIGIN]), OPERATIONS) as served:
        line, headers, body = await answers(served, REQUESTS[name])
        other_line, other_headers, other_body = await answers(served, REQUESTS[name], TO_UVICORN)
        assert line == other_line
        assert {name: value for name, value in headers.items() if name not in OWN} == {
            name: value for name, value in other_headers.items() if name not in OWN
        }
        assert without_id(body) == without_id(other_body)
        assert all(len(values) == 1 for values in headers.values())
        assert "x-request-id" in headers
        assert "x-request-id" in other_headers
        assert "x-admin" not in headers


def without_id(body: bytes) -> object:
    """A body without the id of its request."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    document.get("error", {}).get("details", {}).pop("requestId", None)
    return document


async def said(served: Served, name: str) -> tuple[int, dict[str, list[str]], bytes]:
    line, headers, body = await answers(served, REQUESTS[name])
    return int(line.split(b" ")[1]), headers, body


async def test_what_comes_twice_is_one_line_and_what_may_come_once_is_refused(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        assert json.loads((await said(served, "headers that come twice"))[2])["data"] == ["1, 2", "a=1; b=2", "k", "127.0.0.1"]
        assert json.loads((await said(served, "two tokens"))[2])["error"]["code"] == "TOKEN_INVALID"


async def test_a_trailer_changes_nothing_of_the_head(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        status, headers, _ = await said(served, "a trailer that would be a header")
        assert status == 200
        assert headers["x-request-id"] != ["trailer"]


async def test_a_wrong_method_is_told_so_and_a_body_too_large_names_the_limit(database: Database) -> None:
    async with Served(site(database, origins=[ORIGIN]), OPERATIONS) as served:
        assert (await said(served, "a wrong method"))[0] == 405
        status, _, body = await said(served, "a body that is too large")
        assert (status, json.loads(body)["error"]["details"]) == (413, {"limit": 1000})


async def test_answers_without_a_body_do_not_say_how_long_it_is(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        for name in ("an answer without a body", "what is known", "a HEAD of a stream"):
            _, headers, body = await said(served, name)
            assert ("content-length" in headers, body) == (False, b"")


async def test_a_browser_can_read_the_refusal_of_a_body_that_is_too_large(database: Database) -> None:
    async with Served(site(database, origins=[ORIGIN]), OPERATIONS) as served:
        _, headers, _ = await answers(served, post(b'"' + b"x" * 1500 + b'"', f"Origin: {ORIGIN}", "X-Request-Id: mine"))
        assert headers["access-control-allow-origin"] == [ORIGIN]
        assert headers["x-request-id"] == ["mine"]
        served.access.flush()
        assert any(b'"request_id":"mine"' in line and b'"status":413' in line for line in served.written)


async def test_what_is_no_request_and_what_nobody_answers_is_logged_too(database: Database) -> None:
    async with Served(site(database), OPERATIONS) as served:
        await said(served, "no HTTP")
        await said(served, "an unknown path")
        served.access.flush()
        log = b"".join(served.written)
        assert b'"status":400' in log
        assert b'"path":"/test/nowhere","status":404' in log
