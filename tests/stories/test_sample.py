"""Whole journeys through the sample market, over HTTP, as its people take them."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from tests.app.running import Person, Souk, Start, code, until

PROVIDER = "Penelope, who paints fences"


@pytest.fixture
def provider(person: Person) -> httpx.Client:
    return person("provider", PROVIDER)


@pytest.fixture
def provider_id(up: Souk) -> str:
    with up.client() as nobody:
        said = nobody.post("/sign-in", json={"name": PROVIDER, "role": "provider"})
    return str(said.json()["data"]["id"])


def wanted(provider_id: str) -> dict[str, object]:
    return {"providerId": provider_id, "title": "Paint the fence", "price": 12500, "currency": "EUR"}


def test_a_customer_orders_and_the_two_talk_about_it(person: Person, provider: httpx.Client, provider_id: str) -> None:
    customer = person()
    order = customer.post("/orders", json=wanted(provider_id)).json()["data"]
    assert (order["state"], order["messageCount"]) == ("open", 0)
    assert provider.get("/orders").json()["data"][0] == order
    customer.post(f"/orders/{order['id']}/messages", json={"body": "Is Tuesday all right?"})
    provider.post(f"/orders/{order['id']}/messages", json={"body": "Wednesday would be better."})
    until(lambda: customer.get(f"/orders/{order['id']}").json()["data"]["messageCount"] == 2)
    assert customer.get(f"/orders/{order['id']}").json()["data"]["state"] == "active"
    conversation = customer.get(f"/orders/{order['id']}/messages").json()["data"]
    assert [message["body"] for message in conversation] == ["Wednesday would be better.", "Is Tuesday all right?"]
    assert provider.get(f"/orders/{order['id']}/messages").json()["data"] == conversation


def test_strangers_learn_nothing_of_an_order_and_staff_sees_all(person: Person, provider_id: str) -> None:
    customer, stranger, staff = person(), person(), person("staff")
    order = customer.post("/orders", json=wanted(provider_id)).json()["data"]
    for refused in (
        stranger.get(f"/orders/{order['id']}"),
        stranger.get(f"/orders/{order['id']}/messages"),
        stranger.post(f"/orders/{order['id']}/messages", json={"body": "Let me in."}),
    ):
        assert (refused.status_code, code(refused)) == (404, "ORDER_NOT_FOUND")
    assert stranger.get("/orders").json()["pagination"]["total"] == 0
    assert staff.get(f"/staff/orders/{order['id']}").json()["data"] == order
    assert customer.get(f"/staff/orders/{order['id']}").status_code == 403


def test_a_nervous_customer_who_sends_it_three_times_orders_once(person: Person, provider_id: str) -> None:
    customer = person()
    answers = [customer.post("/orders", json=wanted(provider_id), headers={"Idempotency-Key": str(provider_id)}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert customer.get("/orders").json()["pagination"]["total"] == 1


def test_a_careful_customer_looks_first_what_would_happen(person: Person, provider_id: str) -> None:
    customer = person()
    rehearsed = customer.post("/orders?dry_run=true", json=wanted(provider_id))
    assert (rehearsed.status_code, rehearsed.json()["data"]["price"]) == (201, 12500)
    assert customer.get("/orders").json()["pagination"]["total"] == 0


@pytest.mark.parametrize("query", ["dry_run=true", "dry_run=false", "dry%5Frun=true", "dry_run=yes"])
def test_what_cannot_be_rehearsed_is_refused_rather_than_done(person: Person, provider_id: str, query: str) -> None:
    customer = person()
    order = customer.post("/orders", json=wanted(provider_id)).json()["data"]["id"]
    refused = customer.post(f"/orders/{order}/messages?{query}", json={"body": "Only to see what happens."})
    assert (refused.status_code, code(refused)) == (422, "INVALID")
    assert customer.get(f"/orders/{order}/messages").json()["data"] == []


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=TRUE", "dry_run="])
def test_a_rehearsal_that_is_not_asked_for_clearly_is_refused(person: Person, provider_id: str, query: str) -> None:
    customer = person()
    refused = customer.post(f"/orders?{query}", json=wanted(provider_id))
    assert (refused.status_code, code(refused)) == (422, "INVALID")
    assert customer.get("/orders").json()["pagination"]["total"] == 0


def test_a_rehearsal_is_one_however_it_is_written(person: Person, provider_id: str) -> None:
    customer = person()
    assert customer.post("/orders?dry%5Frun=%74rue", json=wanted(provider_id)).status_code == 201
    assert customer.get("/orders").json()["pagination"]["total"] == 0


def test_a_long_conversation_is_read_page_by_page_while_it_goes_on(person: Person, provider_id: str) -> None:
    customer = person()
    order = customer.post("/orders", json=wanted(provider_id)).json()["data"]["id"]

    def write(number: int) -> None:
        assert customer.post(f"/orders/{order}/messages", json={"body": f"message {number}"}).status_code == 201

    for number in range(25):
        write(number)
    read: list[str] = []
    query = "limit=10"
    while query:
        page = customer.get(f"/orders/{order}/messages?{query}").json()
        read += [message["body"] for message in page["data"]]
        write(100 + len(read))
        cursor = page["pagination"]["nextCursor"]
        query = f"limit=10&cursor={cursor}" if cursor else ""
    assert read == [f"message {number}" for number in reversed(range(25))]


def test_orders_that_nobody_answers_lapse_and_the_others_stay(start: Start, dsn: str) -> None:
    souk = start("up", SOUK_DATABASE_URL=dsn)
    with souk.client("Ada") as customer:
        forgotten, answered = (customer.post("/orders", json=wanted(str(uuid4()))).json()["data"]["id"] for _ in range(2))
        customer.post(f"/orders/{answered}/messages", json={"body": "Is Tuesday all right?"})
        customer.post("/dev/clock", json={"advance": "14d1h"})
        states = {order["id"]: order["state"] for order in customer.get("/orders").json()["data"]}
    assert (states[forgotten], states[answered]) == ("lapsed", "active")


def test_what_one_process_accepts_another_one_does(start: Start, dsn: str) -> None:
    assert start("migrate", SOUK_DATABASE_URL=dsn).ended() == 0
    api, worker = start("serve", SOUK_DATABASE_URL=dsn), start("work", SOUK_DATABASE_URL=dsn)
    worker.wait_for("souk: at work")
    with api.client("Ada") as customer:
        order = customer.post("/orders", json=wanted(str(uuid4()))).json()["data"]["id"]
        customer.post(f"/orders/{order}/messages", json={"body": "Is Tuesday all right?"})
        until(lambda: customer.get(f"/orders/{order}").json()["data"]["messageCount"] == 1)
    assert worker.stop() == 0
    assert api.stop() == 0
