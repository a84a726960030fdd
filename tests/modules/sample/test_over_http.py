"""The sample as a newcomer meets it: sign in, order, write, read, all by HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import httpx
import msgspec

from souk.kernel.db import Database
from souk.kernel.http.tokens import Tokens
from souk.markets.sample import SAMPLE
from souk.modules.sample import MODULE
from tests.kernel.http.serving import Served, site


class Counter:
    """Where people sign in; everybody leaves when it closes."""

    def __init__(self, running: Served, leaving: AsyncExitStack) -> None:
        self.running = running
        self.leaving = leaving

    async def client(self) -> httpx.AsyncClient:
        """Somebody who has not signed in."""
        return await self.leaving.enter_async_context(self.running.client())

    async def sign_in(self, name: str, role: str) -> tuple[httpx.AsyncClient, str]:
        """A client that has signed in, and the id it was given."""
        client = await self.client()
        person = (await client.post("/sign-in", json={"name": name, "role": role})).json()["data"]
        client.headers["Authorization"] = f"Bearer {person['accessToken']}"
        return client, person["id"]


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Counter]:
    """The sample's operations, under its own roles."""
    own = msgspec.structs.replace(site(database), roles=SAMPLE.roles, tokens=Tokens(SAMPLE.name, {"1": b"k" * 32}))
    async with Served(own, MODULE.operations) as running, AsyncExitStack() as leaving:
        yield Counter(running, leaving)


def fence(provider: str) -> dict[str, object]:
    return {"providerId": provider, "title": "Paint the fence", "price": 12500, "currency": "EUR"}


async def test_an_order_is_placed_written_about_and_read(database: Database) -> None:
    async with opened(database) as counter:
        ada, ada_id = await counter.sign_in("Ada", "customer")
        bo, bo_id = await counter.sign_in("Bo", "provider")
        placed = await ada.post("/orders", json=fence(bo_id))
        assert placed.status_code == 201
        order = placed.json()["data"]
        assert (order["customerId"], order["state"], order["price"]) == (ada_id, "open", 12500)
        assert (await bo.post(f"/orders/{order['id']}/messages", json={"body": "Tuesday?"})).status_code == 201
        assert [m["body"] for m in (await ada.get(f"/orders/{order['id']}/messages")).json()["data"]] == ["Tuesday?"]
        assert (await bo.get("/orders")).json()["pagination"] == {"page": 1, "limit": 20, "total": 1, "totalPages": 1}
        assert (await bo.get(f"/orders/{order['id']}")).json()["data"] == order


async def test_the_same_name_signs_in_as_the_same_person(database: Database) -> None:
    async with opened(database) as counter:
        assert (await counter.sign_in("Ada", "customer"))[1] == (await counter.sign_in("Ada", "customer"))[1]


async def test_a_repeated_key_places_one_order(database: Database) -> None:
    async with opened(database) as counter:
        ada, _ = await counter.sign_in("Ada", "customer")
        wanted = fence(str(uuid4()))
        first, again = [await ada.post("/orders", json=wanted, headers={"Idempotency-Key": "once"}) for _ in range(2)]
        assert again.content == first.content
        assert (await ada.get("/orders")).json()["pagination"]["total"] == 1


async def test_a_rehearsed_order_is_not_placed(database: Database) -> None:
    async with opened(database) as counter:
        ada, _ = await counter.sign_in("Ada", "customer")
        assert (await ada.post("/orders?dry_run=true", json=fence(str(uuid4())))).status_code == 201
        assert (await ada.get("/orders")).json()["pagination"]["total"] == 0


async def test_only_customers_order_and_only_staff_read_everything(database: Database) -> None:
    async with opened(database) as counter:
        ada, _ = await counter.sign_in("Ada", "customer")
        bo, bo_id = await counter.sign_in("Bo", "provider")
        staff, _ = await counter.sign_in("Cy", "staff")
        order = (await ada.post("/orders", json=fence(bo_id))).json()["data"]["id"]
        assert (await bo.post("/orders", json=fence(str(uuid4())))).status_code == 403
        assert (await ada.get(f"/staff/orders/{order}")).status_code == 403
        assert (await staff.get(f"/staff/orders/{order}")).status_code == 200
        assert (await staff.get("/orders")).status_code == 403


async def test_an_order_of_others_is_not_found(database: Database) -> None:
    async with opened(database) as counter:
        ada, _ = await counter.sign_in("Ada", "customer")
        cy, _ = await counter.sign_in("Cy", "customer")
        order = (await ada.post("/orders", json=fence(str(uuid4())))).json()["data"]["id"]
        for answer in (await cy.get(f"/orders/{order}"), await cy.post(f"/orders/{order}/messages", json={"body": "Hi"})):
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ORDER_NOT_FOUND")


async def test_every_wrong_field_of_an_order_is_named(database: Database) -> None:
    async with opened(database) as counter:
        ada, _ = await counter.sign_in("Ada", "customer")
        wrong = {"providerId": "nobody", "title": "", "price": -1, "currency": "euro", "state": "done"}
        answer = await ada.post("/orders", json=wrong)
        assert answer.status_code == 422
        assert {problem["field"] for problem in answer.json()["error"]["details"]["fields"]} == set(wrong)
