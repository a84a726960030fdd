"""The live channel as its users have it: the npm client of Socket.IO, real processes, a database that goes away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.http.guards import roles_allowed
from souk.kernel.http.revocations import revoke
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.migrate import market_dsn
from souk.modules.sample.model import person as person_called
from tests.app.running import Person, Souk, Start, bearer, every_market, tokens_of, until
from tests.kernel.db.conftest import Proxy
from tests.kernel.http.serving import IN_THE_CLEAR
from tests.live.node import Client, Node

PATH = "/sample/socket.io"
TRANSPORTS = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)


def token_of(who: httpx.Client) -> str:
    return str(who.headers["Authorization"]).removeprefix("Bearer ")


def session_of(who: httpx.Client) -> UUID:
    return UUID(jwt.decode(token_of(who), options={"verify_signature": False})["sid"])


def connect(node: Node, souk: Souk, who: httpx.Client, namespace: str = "/", **options: Any) -> Client:
    """A socket of somebody who is signed in, once it is connected."""
    return node.open(souk.address + namespace, PATH, token_of(who), **options).connected()


def place(who: httpx.Client, provider: str) -> str:
    """An order with a provider of that name."""
    order = {"providerId": str(person_called(provider)), "title": "Paint the fence", "price": 12500, "currency": "EUR"}
    return str(who.post("/orders", json=order).json()["data"]["id"])


def post(who: httpx.Client, order: str, text: str) -> str:
    """Write a message, and answer its id."""
    answer = who.post(f"/orders/{order}/messages", json={"body": text})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def missed(who: httpx.Client, order: str, cursor: str) -> list[dict[str, Any]]:
    """What was said in an order's room since."""
    answer = who.get("/live/events", params={"cursor": cursor, "room": f"order:{order}"})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def here(who: httpx.Client, order: str) -> str:
    """A cursor for what follows."""
    return str(who.get("/live/events", params={"room": f"order:{order}"}).json()["pagination"]["nextCursor"])


@pytest.fixture
def two(person: Person) -> tuple[httpx.Client, httpx.Client, str]:
    """A customer and a provider whom no other test knows, and their order."""
    bo = f"Bo {uuid4()}"
    ada = person("customer")
    return ada, person("provider", bo), place(ada, bo)


# One process


@TRANSPORTS
def test_a_message_arrives_once_with_everybody_in_the_room(
    up: Souk, node: Node, two: tuple[httpx.Client, httpx.Client, str], transports: list[str]
) -> None:
    ada, bo, order = two
    sockets = [connect(node, up, who, transports=transports) for who in (ada, bo, bo)]
    outside = connect(node, up, ada, transports=transports)
    for socket in sockets:
        assert socket.ask("join_order", order) == {"ok": True, "room": f"order:{order}"}
    cursor = here(ada, order)
    first, second = post(bo, order, "Is Tuesday all right?"), post(ada, order, "Yes")
    for socket in sockets:
        socket.hears("new_message", 2)
    (event, other) = missed(ada, order, cursor)
    for socket in sockets:
        (message, meta), (answer, _) = socket.heard("new_message")
        assert (message["id"], message["body"], message["orderId"], answer["id"]) == (first, "Is Tuesday all right?", order, second)
        assert meta == {"id": event["id"], "at": event["at"]}
    assert [event["data"]["id"], other["data"]["id"]] == [first, second]
    assert outside.heard("new_message") == []


def test_a_client_that_polls_comes_over_to_a_websocket(up: Souk, node: Node, two: tuple[httpx.Client, httpx.Client, str]) -> None:
    ada, bo, order = two
    socket = connect(node, up, ada, transports=["polling", "websocket"])
    assert socket.hears("upgrade") == ["websocket"]
    socket.ask("join_order", order)
    post(bo, order, "Tuesday?")
    socket.hears("new_message")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "SIGN_IN_NEEDED"),
        ("x.y.z", "TOKEN_INVALID"),
        (jwt.encode({"sub": str(uuid4()), "aud": "sample", "iss": "souk"}, "", "none"), "TOKEN_INVALID"),
        (bearer("tulifo", "client"), "TOKEN_INVALID"),
        (bearer("sample", "customer", life=-1), "TOKEN_EXPIRED"),
    ],
    ids=["none", "forged", "unsigned", "of another market", "expired"],
)
@TRANSPORTS
def test_who_has_no_token_of_this_market_is_refused(up: Souk, node: Node, token: str | None, code: str, transports: list[str]) -> None:
    error = node.open(up.address, PATH, token, transports=transports).refused()
    assert error["message"] == error["data"]["code"] == code
    assert error["data"]["message"]


def test_what_is_refused_names_the_same_reason_as_over_http(up: Souk, node: Node, person: Person, two: tuple[Any, Any, str]) -> None:
    _, _, order = two
    eve = person("customer")
    socket = connect(node, up, eve)
    refused = socket.ask("join_order", order)
    assert refused == {"ok": False, "error": eve.get(f"/orders/{order}").json()["error"]}
    assert refused["error"]["code"] == "ORDER_NOT_FOUND"
    socket.emit("join_order", order)
    assert socket.hears("error") == [refused["error"]]
    assert socket.ask("typing", {"orderId": order})["error"]["code"] == "NOT_IN_ROOM"
    assert socket.ask("nonsense")["error"]["code"] == "EVENT_UNKNOWN"


def test_a_namespace_for_staff_refuses_others(up: Souk, node: Node, person: Person) -> None:
    customer, staff = person("customer"), person("staff")
    socket = connect(node, up, customer)
    assert node.beside(socket, "/staff", token_of(customer)).refused()["message"] == "NOT_ALLOWED"
    assert node.beside(socket, "/elsewhere", token_of(customer)).refused()["message"] == "NAMESPACE_UNKNOWN"
    node.beside(connect(node, up, staff), "/staff", token_of(staff)).connected()


def test_what_happens_live_is_measured(up: Souk, node: Node, person: Person) -> None:
    def reads() -> dict[str, float]:
        lines = [line.split(" ") for line in up.get("/metrics").text.splitlines() if line.startswith("souk_live_")]
        return {name.partition("{")[0]: float(value) for name, value in lines}

    before = reads()
    socket = connect(node, up, person("customer"))
    socket.ask("nonsense")
    after = reads()
    assert after["souk_live_sockets"] == before["souk_live_sockets"] + 1
    assert after["souk_live_events_in_total"] == before["souk_live_events_in_total"] + 1
    assert after["souk_live_refusals_total"] == before["souk_live_refusals_total"] + 1
    socket.close()
    until(lambda: reads()["souk_live_sockets"] == before["souk_live_sockets"])


def test_every_market_has_the_namespaces_that_it_declares(everything: Souk, node: Node) -> None:
    for market in every_market():
        assert market.live is not None, market.name
        for namespace in market.live.namespaces:
            role = min(roles_allowed(namespace.who, market.roles))
            node.open(everything.address + namespace.path, f"/{market.name}/socket.io", bearer(market.name, role)).connected()
        elsewhere = node.open(f"{everything.address}/elsewhere", f"/{market.name}/socket.io", bearer(market.name, "admin"))
        assert elsewhere.refused()["message"] == "NAMESPACE_UNKNOWN"


# Two processes


@pytest.fixture
def both(start: Start, dsn: str) -> tuple[Souk, Souk]:
    """Two processes on one database."""
    first = start("up", SOUK_DATABASE_URL=dsn)
    assert first.address
    second = start("serve", SOUK_DATABASE_URL=dsn)
    assert second.address
    return first, second


@pytest.fixture
def ada_and_bo(both: tuple[Souk, Souk]) -> Iterator[tuple[httpx.Client, httpx.Client, str]]:
    """Ada by the first process, Bo by the second."""
    with both[0].client("Ada") as ada, both[1].client("Bo", "provider") as bo:
        yield ada, bo, place(ada, "Bo")


def end_session(dsn: str, session: UUID) -> None:
    """As a third process does, which nobody hears of at once: it is only written down."""

    async def ended() -> None:
        pool = Pool(market_dsn(dsn, "sample", Settings.load({}).key("database").hex()), size=1)
        catalogue = Catalogue([])
        database = Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
        await database.write(lambda tx: revoke(tx, tokens_of("sample"), [session]))
        await pool.close()

    asyncio.run(ended())


def test_processes_speak_as_one(both: tuple[Souk, Souk], ada_and_bo: tuple[httpx.Client, httpx.Client, str], dsn: str, node: Node) -> None:
    (first, second), (ada, bo, order) = both, ada_and_bo
    here_, there = connect(node, first, ada), connect(node, second, bo)
    also_there = connect(node, second, ada)
    for socket in (here_, there, also_there):
        assert socket.ask("join_order", order)["ok"]

    # What is posted in one is heard in both, once.
    for number in range(3):
        post(ada if number % 2 else bo, order, str(number))
    for socket in (here_, there, also_there):
        socket.hears("new_message", 3)
        assert [message["body"] for message, _ in socket.heard("new_message")] == ["0", "1", "2"]

    # Typing goes to the others, wherever they are.
    there.ask("typing", {"orderId": order, "on": True})
    for socket in (here_, also_there):
        assert socket.hears("typing") == [{"orderId": order, "on": True, "userId": str(person_called("Bo"))}]
    assert there.heard("typing") == []

    # A session that ends takes its sockets along, in both.
    other_session = connect(node, first, bo)
    begun = time.monotonic()
    end_session(dsn, session_of(ada))
    for socket in (here_, also_there):
        (gone,) = socket.times("disconnect")
        assert gone["args"] == ["io server disconnect"]
        assert gone["at"] - begun < 1.5, "a second, and what writing it down took"
        assert socket.hears("error")[0]["code"] == "TOKEN_REVOKED"
    assert node.open(second.address, PATH, token_of(ada)).refused()["message"] == "TOKEN_REVOKED"
    assert there.heard("disconnect") == other_session.heard("disconnect") == []


# Faults


async def test_sockets_outlive_a_database_that_goes_away(
    start: Start, dsn: str, closing: Callable[[Callable[[], Any]], None], node: Node
) -> None:
    proxy = Proxy(dsn)
    closing(proxy.down)
    await proxy.up()
    cut_off = await asyncio.to_thread(start, "up", SOUK_DATABASE_URL=proxy.dsn)
    await asyncio.to_thread(lambda: cut_off.address)
    other = await asyncio.to_thread(start, "serve", SOUK_DATABASE_URL=dsn)
    await asyncio.to_thread(lambda: other.address)
    ada, bo = await asyncio.to_thread(cut_off.client, "Ada"), await asyncio.to_thread(other.client, "Bo", "provider")

    def before() -> tuple[str, Client, str]:
        order = place(ada, "Bo")
        socket = connect(node, cut_off, ada)
        socket.ask("join_order", order)
        post(bo, order, "before")
        socket.hears("new_message")
        return order, socket, here(ada, order)

    def meanwhile() -> None:
        assert socket.ask("join_order", str(uuid4()))["error"]["code"] == "DATABASE_UNAVAILABLE"
        post(bo, order, "meanwhile")

    def afterwards() -> None:
        socket.hears("new_message", 2)
        post(bo, order, "afterwards")
        socket.hears("new_message", 3)
        assert [message["body"] for message, _ in socket.heard("new_message")] == ["before", "meanwhile", "afterwards"]
        assert [event["data"]["body"] for event in missed(ada, order, cursor)] == ["meanwhile", "afterwards"]
        assert socket.heard("disconnect") == []

    order, socket, cursor = await asyncio.to_thread(before)
    await proxy.down()
    await asyncio.to_thread(meanwhile)
    await proxy.up()
    await asyncio.to_thread(afterwards)
    ada.close()
    bo.close()


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
@TRANSPORTS
def test_clients_come_back_after_a_restart_and_miss_nothing(
    start: Start, dsn: str, node: Node, transports: list[str], *, killed: bool
) -> None:
    first = start("up", SOUK_DATABASE_URL=dsn, measured=not killed)
    address = first.address
    other = start("serve", SOUK_DATABASE_URL=dsn)
    with (
        httpx.Client(base_url=f"{other.address}/sample/v1", timeout=30, **IN_THE_CLEAR) as bo,
        first.client("Ada") as ada,
    ):
        bo.headers["Authorization"] = f"Bearer {bo.post('/sign-in', json={'name': 'Bo', 'role': 'provider'}).json()['data']['accessToken']}"
        order = place(ada, "Bo")
        socket = connect(node, first, ada, transports=transports)
        socket.ask("join_order", order)
        cursor = here(ada, order)
        begun = time.monotonic()
        if killed:
            first.kill()
        else:
            assert first.stop() == 0
            assert time.monotonic() - begun < 4, "a socket does not hold the end of a process"
        assert socket.hears("disconnect")[0] in ("transport close", "transport error")
        text = post(bo, order, "meanwhile")
        again = start("up", SOUK_DATABASE_URL=dsn, SOUK_PORT=address.rpartition(":")[2])
        assert again.address == address
        socket.hears("connect", 2)
        assert socket.ask("join_order", order)["ok"]
        seen = post(bo, order, "afterwards")
        assert socket.hears("new_message")[0]["id"] == seen
        ada.headers["Connection"] = "close"
        assert [event["data"]["id"] for event in missed(ada, order, cursor)] == [text, seen]
