"""Everything that can go wrong around a running instance: what the caller sees meanwhile, and that it is over afterwards.

`docs/faults.md` lists all of it, with the tests of other folders.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from souk.kernel.clock import Clock, utc_now
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.messages import Catalogue, Job, Outbox, emit, enqueue
from souk.kernel.migrate import market_dsn
from souk.kernel.record import Record
from souk.modules import sample
from souk.modules.sample.jobs import count_message
from tests.app.blocking import Blocker
from tests.app.running import BASE, Souk, Start, code, until
from tests.kernel.db.conftest import Proxy
from tests.plugins.needs import need

Closing = Callable[[Callable[[], Awaitable[object]]], None]

ORDER = {"providerId": str(uuid4()), "title": "Paint the fence", "price": 12500, "currency": "EUR"}


def run(dsn: str, statement: str) -> list[Any]:
    """Run a statement in the sample's schema as an administrator."""

    async def session() -> list[Any]:
        connection = await asyncpg.connect(dsn, server_settings={"search_path": "sample"})
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(session())


def counted(person: httpx.Client, order: str) -> int:
    return int(person.get(f"/orders/{order}").json()["data"]["messageCount"])


def refused(answer: httpx.Response, status: int, name: str) -> None:
    """The refusal of a fault says when to come back."""
    assert (answer.status_code, code(answer)) == (status, name)
    assert int(answer.headers["retry-after"]) >= 1


# The database is away, busy, slow or full


async def test_while_the_database_is_away_requests_are_refused_and_afterwards_all_goes_on(start: Start, dsn: str, closing: Closing) -> None:
    proxy = Proxy(dsn)
    closing(proxy.down)
    await proxy.up()
    souk = await asyncio.to_thread(start, "up", SOUK_DATABASE_URL=proxy.dsn)
    ada = await asyncio.to_thread(souk.client, "Ada")
    placed = (await asyncio.to_thread(ada.post, "/orders", json=ORDER)).json()["data"]["id"]
    await proxy.down()

    def meanwhile() -> None:
        refused(ada.get(f"/orders/{placed}"), 503, "DATABASE_UNAVAILABLE")
        refused(ada.post("/orders", json=ORDER), 503, "DATABASE_UNAVAILABLE")
        refused(souk.get("/ready"), 503, "NOT_READY")
        assert "sample: database" in souk.get("/ready").json()["error"]["details"]
        assert souk.get("/health").status_code == 200
        assert "Something needs attention" in souk.get("/status").text
        assert "souk_requests_total" in souk.get("/metrics").text

    def afterwards() -> None:
        assert ada.get(f"/orders/{placed}").status_code == 200
        assert ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"}).status_code == 201
        until(lambda: counted(ada, placed) == 1)
        until(lambda: souk.get("/ready").status_code == 200)

    await asyncio.to_thread(meanwhile)
    await proxy.up()
    await asyncio.to_thread(afterwards)
    ada.close()


@pytest.fixture
def migrated(start: Start, dsn: str) -> str:
    """A database with the sample market."""
    assert start("migrate", SOUK_DATABASE_URL=dsn).ended() == 0
    return dsn


@pytest.fixture
def set_for_role(migrated: str) -> Callable[[str, str], None]:
    """Change a setting with which the market's sessions start."""
    database = migrated.rpartition("/")[2]

    def change(name: str, value: str) -> None:
        run(migrated, f"alter role {database}_sample in database {database} set {name} = '{value}'")

    return change


def test_when_every_connection_is_in_use_a_request_waits_a_while_and_is_refused(
    start: Start, migrated: str, set_for_role: Callable[[str, str], None]
) -> None:
    set_for_role("lock_timeout", "9s")
    souk = start("serve", SOUK_DATABASE_URL=migrated, SOUK_POOL_SIZE="1")
    with souk.client("Ada") as ada, souk.client("Ada") as other:
        placed = ada.post("/orders", json=ORDER).json()["data"]["id"]
        answers: list[httpx.Response] = []
        with Blocker(migrated, placed) as blocker:
            asking = threading.Thread(target=lambda: answers.append(ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"})))
            asking.start()
            blocker.wait_until_waiting()
            refused(other.get(f"/orders/{placed}"), 503, "DATABASE_BUSY")
            assert souk.get("/health").status_code == 200
        asking.join()
        assert [answer.status_code for answer in answers] == [201]
        assert other.get(f"/orders/{placed}").status_code == 200


def test_a_request_that_waits_too_long_for_a_lock_is_refused_and_changes_nothing(
    start: Start, migrated: str, set_for_role: Callable[[str, str], None]
) -> None:
    set_for_role("lock_timeout", "300ms")
    souk = start("serve", SOUK_DATABASE_URL=migrated)
    with souk.client("Ada") as ada:
        placed = ada.post("/orders", json=ORDER).json()["data"]["id"]
        with Blocker(migrated, placed):
            refused(ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"}), 503, "TOO_SLOW")
        assert ada.get(f"/orders/{placed}/messages").json()["data"] == []
        assert ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"}).status_code == 201


@pytest.fixture
def small_disk(home: Path) -> Iterator[Path]:
    """A home on a disk of 200 MB."""
    if os.geteuid() != 0:
        need("small-disk", "run the tests as root, where file systems may be mounted")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=755", "souk-test", home], check=False, capture_output=True)
    if mounted.returncode != 0:
        need("small-disk", "run the tests where file systems may be mounted")
    yield home
    subprocess.run(["umount", home], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb") as out:
        os.posix_fallocate(out.fileno(), 0, shutil.disk_usage(disk).free)
    return filler


def test_a_full_disk_refuses_changes_and_loses_nothing(small_disk: Path, start: Start) -> None:
    souk = start("up")
    with souk.client("Ada") as ada:
        placed = ada.post("/orders", json=ORDER).json()["data"]
        filler = fill(small_disk)
        answers = [ada.post("/orders", json={**ORDER, "title": "x" * 200}) for _ in range(200)]
        while answers[-1].status_code == 201:
            answers += [ada.post("/orders", json={**ORDER, "title": "x" * 200}) for _ in range(200)]
        assert {answer.status_code for answer in answers} <= {201, 503}
        assert {code(answer) for answer in answers if answer.status_code == 503} <= FULL
        filler.unlink()
        until(lambda: ada.post("/orders", json=ORDER).status_code == 201)
        assert ada.get(f"/orders/{placed['id']}").json()["data"] == placed
        for answer in (each for each in answers if each.status_code == 201):
            assert ada.get(f"/orders/{answer.json()['data']['id']}").status_code == 200


FULL = {"DATABASE_EXHAUSTED", "DATABASE_UNAVAILABLE", "OUTCOME_UNKNOWN"}
"""A statement that finds no room is refused; where there is none for the log of changes either, the server restarts."""


# Jobs that fail, and too many of them


class Poison(Record):
    """An argument that the reaction cannot read."""

    venom: int = 1


POISON = Job[Poison](count_message, count_message.name, attempts=2)


def ask_for(dsn: str, jobs: Callable[[Tx], Awaitable[None]], *, seconds_ago: float = 0) -> None:
    """Write jobs and events into the sample's queue, some time ago."""
    clock = Clock(lambda: utc_now() - timedelta(seconds=seconds_ago))
    catalogue = Catalogue([sample.MODULE])

    async def write() -> None:
        pool = Pool(market_dsn(dsn, "sample", Settings.load({}).key("database").hex()), size=1)
        await Database(pool, clock, lambda tx: Outbox(catalogue, tx)).write(jobs)
        await pool.close()

    with asyncio.Runner() as runner:
        runner.run(write())


async def three_poisoned(tx: Tx) -> None:
    for _ in range(3):
        await enqueue(tx, POISON, Poison())


async def five_thousand(tx: Tx) -> None:
    """What does nothing but has to be done: reactions to messages about orders that do not exist."""
    await emit(tx, *(sample.MessagePosted(uuid4(), uuid4()) for _ in range(5000)))


def test_a_poison_job_ends_as_a_dead_letter_and_holds_up_nobody(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        ask_for(dsn, three_poisoned)
        placed = ada.post("/orders", json=ORDER).json()["data"]["id"]
        ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"})
        until(lambda: counted(ada, placed) == 1)
        until(lambda: run(dsn, "select count(*) from dead_jobs")[0][0] == 3)
    for letter in run(dsn, "select name, attempts, error, payload, traceback from dead_jobs"):
        assert (letter["name"], letter["attempts"]) == (count_message.name, 2)
        assert "ValidationError" in letter["error"]
        assert "Traceback" in letter["traceback"]
    until(lambda: 'souk_queue_dead{market="sample"} 3.0' in souk.get("/metrics").text)
    assert souk.get("/ready").status_code == 200


def test_a_queue_that_nobody_works_off_is_told_and_requests_go_on(start: Start, migrated: str) -> None:
    souk = start("serve", SOUK_DATABASE_URL=migrated)
    ask_for(migrated, five_thousand, seconds_ago=200)
    with souk.client("Ada") as ada:
        until(lambda: souk.get("/ready").status_code == 503)
        refused(souk.get("/ready"), 503, "NOT_READY")
        assert re.search(r"has waited 2\d\d s; is a worker running\?", souk.get("/ready").json()["error"]["details"]["sample: queue"])
        placed = ada.post("/orders", json=ORDER).json()["data"]["id"]
        assert ada.post(f"/orders/{placed}/messages", json={"body": "Tuesday?"}).status_code == 201
        start("work", SOUK_DATABASE_URL=migrated)
        until(lambda: souk.get("/ready").status_code == 200)
        until(lambda: counted(ada, placed) == 1)
        assert run(migrated, "select count(*) from dead_jobs")[0][0] == 0


def test_a_jump_of_the_clock_by_ten_years_breaks_nothing(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as ada:
        first = ada.post("/orders", json=ORDER, headers={"Idempotency-Key": "mine"})
        assert ada.post("/dev/clock", json={"advance": "3650d"}).status_code == 200
        again = ada.post("/orders", json=ORDER, headers={"Idempotency-Key": "mine"})
        assert again.content == first.content, "a key outlives every jump: a retry must not order twice"
        assert ada.get(f"/orders/{first.json()['data']['id']}").json()["data"]["state"] == "lapsed"
        placed = ada.post("/orders", json=ORDER).json()["data"]["id"]
        ada.post(f"/orders/{placed}/messages", json={"body": "Are you still there?"})
        until(lambda: counted(ada, placed) == 1)
        assert souk.get("/ready").status_code == 200
        assert run(dsn, "select count(*) from dead_jobs")[0][0] == 0


# Requests that are no good


def say(souk: Souk, raw: bytes) -> bytes:
    """Send bytes, and read what comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", souk.port), timeout=10) as connection:
        connection.sendall(raw)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def asked(line: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([line + b" HTTP/1.1", b"Host: souk", b"Connection: close", *headers, b"", b""])


ORDERS = f"{BASE}/orders".encode()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (asked(b"BREW " + ORDERS), 400),
        (asked(b"get " + ORDERS), 400),
        (asked(b"PROPFIND " + ORDERS), 405),
        (asked(b"TRACE " + ORDERS), 405),
        (asked(b"PATCH " + ORDERS), 405),
        (asked(b"POST /health"), 405),
        (asked(b"OPTIONS *"), 404),
        (asked(b"GET " + f"{BASE}/dev/clock".encode() + b"?" + b"&".join(b"p%d=1" % n for n in range(10_000))), 431),
        (asked(b"GET " + f"{BASE}/dev/clock".encode() + b"?" + b"&".join(b"a=1" for n in range(10_000))), 422),
        (asked(b"GET " + f"{BASE}/dev/clock".encode() + b"?%ff=%fe"), 422),
        (asked(b"GET " + ORDERS + b"/\0"), 400),
        (asked(b"GET " + ORDERS + b"/%00"), 401),
        (asked(b"GET " + ORDERS + b"/%ff%fe%zz"), 401),
        (asked(b"GET /%"), 404),
        (asked(b"GET /%ff/%c0%af/%zz"), 404),
        (asked(b"GET /\xff\xfe"), 400),
        (asked(b"GET /sample/../../../etc/passwd"), 404),
        (asked(b"GET /assets/..%2f..%2fpages.py"), 404),
        (asked(b"GET /assets/%00"), 404),
        (asked(b"GET //" + ORDERS), 404),
        (asked(b"GET " + b"/x" * 20_000), 404),
        (asked(b"GET /" + b"x" * 70_000), 431),
        (asked(b"GET http://elsewhere.example" + ORDERS), 401),
        (asked(b"GET " + ORDERS, b"X: " + b"y" * 70_000), 431),
        (asked(b"GET " + ORDERS, *(b"X-%d: y" % n for n in range(10_000))), 431),
        (asked(b"GET " + ORDERS, b"Authorization: Bearer \xff\xfe"), 401),
        (asked(b"GET " + ORDERS, b"Authorization: " + b"Basic YTpi"), 401),
        (asked(b"GET " + ORDERS, b"X: a\0b"), 400),
        (asked(b"POST " + f"{BASE}/dev/clock".encode(), b"Content-Length: 2000000") + b"x" * 2_000_000 + asked(b"GET " + ORDERS), 413),
        (asked(b"BREW " + ORDERS) + asked(b"GET " + ORDERS), 400),
        (asked(b"POST " + ORDERS, b"Content-Length: -1"), 400),
        (asked(b"POST " + ORDERS, b"Content-Length: 1", b"Content-Length: 2"), 400),
    ],
)
def test_whatever_is_asked_gets_an_answer_in_the_usual_form(up: Souk, raw: bytes, status: int) -> None:
    answer = say(up, raw)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1, "after a refusal of the request itself nothing more is said"
    assert body.startswith(b'{"success":false,"error":{"code":"'), answer[:300]
    assert up.get("/health").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [b"x" * 65, b"<script>", b"a b", b"a%0d%0aSet-Cookie:%20a=b", b"\xc3\xa4", b"a\tSet-Cookie: a=b", b"", b"';--", b"\xb2"],
)
def test_a_request_id_that_is_not_plain_is_replaced_and_never_repeated(up: Souk, wanted: bytes) -> None:
    head = say(up, asked(b"GET " + ORDERS, b"X-Request-Id: " + wanted)).partition(b"\r\n\r\n")[0]
    given = [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"x-request-id")]
    assert len(given) == 1
    assert re.fullmatch(rb"[0-9a-f]{12}-[0-9a-f]+", given[0])
    assert b"set-cookie" not in head.lower()


@pytest.mark.parametrize("name", [b"X-Request-Id", b"Idempotency-Key", b"Origin", b"If-None-Match", b"Accept-Encoding", b"Host"])
@pytest.mark.parametrize("value", [b"a\x0b\x0cSet-Cookie: stolen=1", b"a\rSet-Cookie: stolen=1", b"a\nSet-Cookie: stolen=1"])
def test_headers_cannot_be_forged_by_what_is_echoed(up: Souk, name: bytes, value: bytes) -> None:
    answer = say(up, asked(b"GET " + ORDERS, name + b": " + value))
    assert int(answer.split()[1]) < 500
    assert b"stolen" not in answer
