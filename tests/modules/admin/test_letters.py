"""What failed for good is seen by staff, run again or given up, and what they did is in the log."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.modules.identity.conftest import Visitor
from tests.modules.orders.conftest import catalogue, database, sources, told
from tests.modules.orders.street import Street, market, street

__all__ = ["catalogue", "database", "market", "sources", "street"]


async def troubled(street: Street, cleo: Visitor, will: Visitor) -> Any:
    """A chore whose reminders fail for good."""
    chore = await street.taken(cleo, will, credits=10)
    await street.asks(will, f"/chores/{chore['id']}/note", note="trouble")
    for _ in range(12):
        await street.later(hours=1)
    return chore


async def test_staff_see_what_failed_and_why_and_let_it_run_again(street: Street) -> None:
    cleo, will = await street.pair()
    sam = await street.head()
    chore = await troubled(street, cleo, will)
    assert await street.sees(sam, "/admin/queue") | {"oldestSeconds": 0} == {"due": 0, "running": 0, "dead": 2, "oldestSeconds": 0}
    first = await sam.client.get("/admin/jobs?limit=1")
    [letter] = told(first)
    rest = await sam.client.get(f"/admin/jobs?limit=1&cursor={first.json()['pagination']['nextCursor']}")
    [other] = told(rest)
    assert rest.json()["pagination"]["nextCursor"] is None
    assert letter["id"] != other["id"]
    assert (letter["job"], letter["payload"]["order_id"], letter["attempts"]) == ("orders.fire", chore["id"], 10)
    assert "trouble" in letter["error"]
    assert "remind_it" in letter["traceback"]
    assert await street.sees(sam, "/admin/jobs?job=mail.send") == []
    await street.asks(will, f"/chores/{chore['id']}/note", note="no more of it")
    await street.asks(sam, f"/admin/jobs/{letter['id']}/replay")
    await street.work()
    assert (await street.sees(cleo, f"/chores/{chore['id']}"))["reminders"] == 1
    late = await street.asks(sam, f"/admin/jobs/{letter['id']}/replay", status=404)
    assert late["code"] == "NO_SUCH_DEAD_LETTER"
    await street.asks(sam, f"/admin/jobs/{other['id']}/give-up", reason="Once is enough.")
    assert await street.sees(sam, "/admin/jobs") == []
    logs = await street.sees(sam, "/admin/audit-logs?entity=job")
    assert [(each["action"], each["entityId"]) for each in logs] == [("job.given_up", other["id"]), ("job.replayed", letter["id"])]


async def test_nobody_else_looks_into_the_engine_room(street: Street) -> None:
    cleo, _will = await street.pair()
    for method, path in (("GET", "/admin/jobs"), ("GET", "/admin/queue"), ("POST", f"/admin/jobs/{uuid4()}/replay")):
        assert (await cleo.client.request(method, path)).status_code == 403
