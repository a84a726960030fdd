"""The log over HTTP: for those who may read it, newest first, by filters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from souk.kernel.clock import Clock
from souk.kernel.db import Query
from souk.kernel.http.guards import Role
from souk.modules.audit import MODULE, READER, sql
from tests.kernel.http.serving import Served, code, site
from tests.modules.audit.conftest import Log
from tests.modules.audit.test_recording import asked

ROLES = (Role("admin", READER), Role("client"))


@asynccontextmanager
async def reading(log: Log) -> AsyncIterator[Served]:
    async with Served(msgspec.structs.replace(site(log.database), roles=ROLES), MODULE.operations) as running:
        yield running


async def found(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/admin/audit-logs", params=query)
    assert answer.status_code == 200, answer.text
    logs: list[dict[str, Any]] = answer.json()["data"]
    return logs


async def test_only_those_who_may_read_it_do(log: Log) -> None:
    async with reading(log) as running:
        async with running.client("client") as client:
            assert code(await client.get("/admin/audit-logs")) == "NOT_ALLOWED"
        async with running.client() as client:
            assert code(await client.get("/admin/audit-logs")) == "SIGN_IN_NEEDED"


async def test_an_entry_is_told_in_the_words_of_the_contract(log: Log) -> None:
    with asked(user_agent="Firefox"):
        person = await log.note(before={"status": "active"}, after={"status": "suspended"}, why="spam")
    async with reading(log) as running, running.client("admin") as client:
        (told,) = await found(client)
    assert {name: told[name] for name in told if name not in ("id", "timestamp")} == {
        "userId": str(log.staff.id),
        "action": "user.suspended",
        "entity": "user",
        "entityId": str(person),
        "changes": {"before": {"status": "active"}, "after": {"status": "suspended"}, "why": "spam"},
        "ipAddress": "203.0.113.7",
        "userAgent": "Firefox",
        "requestId": "req-1",
    }
    assert told["timestamp"].endswith("Z")


async def test_filters_find_what_they_name_alone_and_together(log: Log, clock: Clock) -> None:
    user = await log.note("user.suspended", "user")
    clock.move_to(timedelta(days=1))
    order = await log.note("order.paid", "order", by=None)
    clock.move_to(timedelta(days=2))
    await log.note("user.reinstated", "user", user)
    async with reading(log) as running, running.client("admin") as client:
        newest, middle, oldest = await found(client)
        for query, wanted in (
            ({"entityId": str(user)}, [newest, oldest]),
            ({"entity": "user"}, [newest, oldest]),
            ({"entity": "order", "entityId": str(order)}, [middle]),
            ({"entity": "order", "entityId": str(user)}, []),
            ({"userId": str(log.staff.id)}, [newest, oldest]),
            ({"userId": str(log.staff.id), "action": "user.reinstated"}, [newest]),
            ({"action": "order.paid"}, [middle]),
            ({"from": middle["timestamp"]}, [newest, middle]),
            ({"to": middle["timestamp"]}, [oldest]),
            ({"from": middle["timestamp"], "to": newest["timestamp"], "entity": "order"}, [middle]),
            ({"userId": str(uuid4())}, []),
        ):
            assert await found(client, **query) == wanted, query


@pytest.mark.parametrize("filters", [{}, {"entity": "order"}, {"action": "order.paid"}])
async def test_pages_hold_every_entry_once(log: Log, filters: dict[str, str]) -> None:
    await log.filled(7)
    async with reading(log) as running, running.client("admin") as client:
        pages, cursor = [], ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            answer = (await client.get("/admin/audit-logs", params={"limit": "3", **filters, **more})).json()
            pages.append([one["id"] for one in answer["data"]])
            cursor = answer["pagination"]["nextCursor"]
            if not cursor:
                break
        everything = [one["id"] for one in await found(client)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in page] == everything


@pytest.mark.parametrize(
    "query", [{"entityId": "nobody"}, {"from": "yesterday"}, {"entity": ""}, {"cursor": "nonsense"}, {"colour": "red"}]
)
async def test_what_cannot_be_asked_for_is_named(log: Log, query: dict[str, str]) -> None:
    async with reading(log) as running, running.client("admin") as client:
        answer = await client.get("/admin/audit-logs", params=query)
    assert (answer.status_code, code(answer)) == (422, "INVALID")
    assert answer.json()["error"]["details"]["fields"][0]["field"] == next(iter(query))


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (sql.LOGS_OF_ENTITY, "audit_entries_of_entity"),
        (sql.LOGS_OF_PERSON, "audit_entries_of_person"),
        (sql.LOGS_OF_ACTION, "audit_entries_of_action"),
        (sql.LOGS_OF_KIND, "audit_entries_of_kind"),
        (sql.LOGS, "audit_entries_by_time"),
    ],
)
async def test_each_filter_has_its_index_even_when_the_plan_was_made_for_all(log: Log, statement: Query[Any], index: str) -> None:
    values = ("gen_random_uuid()", "gen_random_uuid()", "'action 7'", "'entity 7'", "null", "null", "null", "null", "20")
    async with log.owner() as owner:
        await owner.execute(
            """insert into audit_entries (id, at, action, entity, entity_id, person_id, request_id)
               select gen_random_uuid(), clock_timestamp() + n * interval '1 s', 'action ' || n % 50, 'entity ' || n % 50,
                   gen_random_uuid(), gen_random_uuid(), ''
               from generate_series(1, 5000) n;
               analyze audit_entries; set plan_cache_mode = force_generic_plan"""
        )
        await owner.execute(f"prepare asked as {statement.sql}")
        plan = await owner.fetch(f"explain execute asked ({', '.join(values)})")
    assert index in "\n".join(row[0] for row in plan)
