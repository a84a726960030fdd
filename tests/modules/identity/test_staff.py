"""Staff and people: looking for them, shutting them out everywhere at once, and saying what they may."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from souk.kernel.http.tokens import TokenExpired, TokenRevoked
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import Town, Visitor
from tests.modules.identity.test_keys import asks, made


async def found(staff: Visitor, **query: str) -> list[str]:
    """The first names of who is found, newest first."""
    answer = await staff.client.get("/admin/users", params=query)
    assert answer.status_code == 200, answer.text
    return [member["firstName"] for member in answer.json()["data"]]


async def suspend(staff: Visitor, person: UUID, reason: str = "Stolen cards") -> None:
    answer = await staff.asks("POST", f"/admin/users/{person}/suspend", reason=reason)
    assert answer.status_code == 200, answer.text


async def refreshed(town: Town, visitor: Visitor) -> str:
    """What an attempt to refresh ends with."""
    answer = await (await town.client()).post("/auth/refresh", json={"refreshToken": visitor.refresh})
    return "" if answer.is_success else code(answer)


# Looking


async def test_people_are_found_by_how_their_name_or_address_begins(town: Town) -> None:
    staff = await town.staff("sam")
    for name in ("ada", "adam", "bo"):
        await town.join(name)
    await town.do("update people set phone = '+33612345678', last_name = 'O''Neil' where first_name = 'Bo'")
    assert await found(staff, q="AD") == ["Adam", "Ada"]
    assert await found(staff, q="adam@ex") == ["Adam"]
    assert await found(staff, q="o'n") == ["Bo"]
    assert await found(staff, q="+33 612345678") == ["Bo"]
    assert await found(staff, q="a%") == []
    assert await found(staff) == ["Bo", "Adam", "Ada", "Sam"]


async def test_they_are_filtered_and_told_page_by_page(town: Town) -> None:
    staff = await town.staff("sam")
    ada = await town.join("ada")
    await town.join("bo", "worker")
    await town.join("cy", "worker")
    await suspend(staff, ada.id)
    assert await found(staff, role="worker") == ["Cy", "Bo"]
    assert await found(staff, status="suspended") == ["Ada"]
    assert await found(staff, q="bo", role="client") == []
    assert await found(staff, limit="1", page="2") == ["Bo"]
    beyond = (await staff.client.get("/admin/users", params={"page": 9})).json()
    assert (beyond["data"], beyond["pagination"]["total"]) == ([], 4)


async def test_nothing_else_can_be_asked_for(town: Town) -> None:
    staff = await town.staff()
    for wrong in ({"sort": "password_hash"}, {"status": "gone"}, {"q": "a"}):
        assert code(await staff.client.get("/admin/users", params=wrong)) == "INVALID"


async def test_one_person_is_read_without_what_opens(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    answer = await staff.asks("GET", f"/admin/users/{ada.id}")
    assert answer.json()["data"]["email"] == "ada@example.com"
    assert {"passwordHash", "secondFactorStep", "emailKey"}.isdisjoint(answer.json()["data"])
    assert answer.json()["data"]["secondFactor"] is False


async def test_only_staff_may(town: Town) -> None:
    ada, bo = await town.join(), await town.join("bo")
    asked = [
        *[await ada.asks("GET", path) for path in ("/admin/users", f"/admin/users/{bo.id}", f"/admin/users/{bo.id}/sessions")],
        await ada.asks("POST", f"/admin/users/{bo.id}/suspend", reason="Envy"),
        await ada.asks("POST", f"/admin/users/{ada.id}/reinstate"),
        await ada.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["admin"]),
        await ada.asks("DELETE", f"/admin/users/{bo.id}/sessions"),
    ]
    assert [(answer.status_code, code(answer)) for answer in asked] == [(403, "NOT_ALLOWED")] * 7


async def test_who_is_not_there_is_not_found(town: Town) -> None:
    staff, nobody = await town.staff(), uuid4()
    asked = [
        *[await staff.asks("GET", f"/admin/users/{nobody}{rest}") for rest in ("", "/sessions")],
        await staff.asks("POST", f"/admin/users/{nobody}/suspend", reason="No reason"),
        await staff.asks("POST", f"/admin/users/{nobody}/reinstate"),
        await staff.asks("PUT", f"/admin/users/{nobody}/roles", roles=["client"]),
        await staff.asks("DELETE", f"/admin/users/{nobody}/sessions"),
    ]
    assert [code(answer) for answer in asked] == ["PERSON_NOT_FOUND"] * 6


# Suspending


async def test_a_suspension_works_everywhere_at_once(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    again = await town.sign_in("ada")
    _, key = await made(ada)
    assert (await asks(town, key)).status_code == 200
    tokens, revocations = town.elsewhere()
    for visitor in (ada, again):
        assert tokens.actor(f"Bearer {visitor.token}".encode()).id == ada.id
    await suspend(staff, ada.id)
    assert {code(await visitor.asks("GET", "/auth/me")) for visitor in (ada, again)} == {"TOKEN_REVOKED"}
    assert {await refreshed(town, visitor) for visitor in (ada, again)} == {"REFRESH_INVALID"}
    assert code(await asks(town, key)) == "TOKEN_REVOKED"
    assert code(await town.log_in("ada")) == "ACCOUNT_SUSPENDED"
    await revocations.read()
    for visitor in (ada, again):
        with pytest.raises(TokenRevoked):
            tokens.actor(f"Bearer {visitor.token}".encode())


async def test_whoever_is_suspended_is_told_why_and_the_market_that(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    await suspend(staff, ada.id, "Payments from stolen cards")
    [letter] = [each for each in await town.letters("ada@example.com") if each.subject == "Your account is suspended"]
    assert "Payments from stolen cards" in letter.text
    [(payload,)] = await town.rows("select payload::text from events where topic = 'user.suspended'")
    assert json.loads(payload) == {"personId": str(ada.id)}


async def test_it_is_in_the_audit_log_with_before_and_after(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    await suspend(staff, ada.id, "Stolen cards")
    await staff.asks("POST", f"/admin/users/{ada.id}/reinstate")
    logs = (await staff.client.get("/admin/audit-logs", params={"entityId": str(ada.id)})).json()["data"]
    assert [(log["action"], log["userId"]) for log in logs] == [("user.reinstated", str(staff.id)), ("user.suspended", str(staff.id))]
    assert "Stolen cards" in json.dumps(logs[1])
    assert '"suspended"' in json.dumps(logs[0])


async def test_it_ends_when_staff_say_so_and_nothing_from_before_works_again(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    _, key = await made(ada)
    await suspend(staff, ada.id)
    answer = await staff.asks("POST", f"/admin/users/{ada.id}/reinstate")
    assert (answer.json()["data"]["status"], answer.json()["data"]["suspendedFor"]) == ("active", None)
    assert code(await ada.asks("GET", "/auth/me")) == "TOKEN_REVOKED"
    assert code(await asks(town, key)) in {"TOKEN_INVALID", "TOKEN_REVOKED"}
    assert (await town.log_in("ada")).status_code == 200
    assert await town.heard("reinstated") == [("ada@example.com",)]
    assert await town.rows("select count(*) from events where topic = 'user.reinstated'") == [(1,)]


async def test_saying_it_twice_changes_nothing(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    await suspend(staff, ada.id, "The first reason")
    await suspend(staff, ada.id, "Another reason")
    assert await town.rows("select suspended_for from people where id = $1", ada.id) == [("The first reason",)]
    for _ in range(2):
        assert (await staff.asks("POST", f"/admin/users/{ada.id}/reinstate")).status_code == 200
    assert await town.rows("select count(*) from events where topic like 'user.%ed' and topic <> 'user.registered'") == [(2,)]


async def test_nobody_suspends_themselves(town: Town) -> None:
    staff = await town.staff()
    assert code(await staff.asks("POST", f"/admin/users/{staff.id}/suspend", reason="A slip")) == "OWN_ACCOUNT"


async def test_of_two_who_suspend_each_other_at_once_one_stays(town: Town) -> None:
    sam, sue = await town.staff("sam"), await town.staff("sue")
    await asyncio.gather(
        sam.asks("POST", f"/admin/users/{sue.id}/suspend", reason="Envy"),
        sue.asks("POST", f"/admin/users/{sam.id}/suspend", reason="Envy"),
    )
    assert await town.rows("select count(*) from people where status = 'active'") == [(1,)]


# Roles


async def test_new_roles_count_at_once_and_a_refresh_brings_them(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    tokens, revocations = town.elsewhere()
    assert tokens.actor(f"Bearer {ada.token}".encode()).id == ada.id
    answer = await staff.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["admin"])
    assert answer.json()["data"]["roles"] == ["admin"]
    assert code(await ada.asks("GET", "/auth/me")) == "TOKEN_EXPIRED"
    await revocations.read()
    with pytest.raises(TokenExpired):
        tokens.actor(f"Bearer {ada.token}".encode())
    fresh = await town.visitor(await (await town.client()).post("/auth/refresh", json={"refreshToken": ada.refresh}))
    assert (await fresh.asks("GET", "/admin/users")).status_code == 200
    logs = await town.rows("select action, person_id from audit_entries where entity_id = $1", ada.id)
    assert logs == [("user.roles_changed", staff.id)]


async def test_the_same_roles_again_sign_nobody_out(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    assert (await staff.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["client"])).status_code == 200
    assert (await ada.asks("GET", "/auth/me")).status_code == 200


async def test_the_last_who_manages_people_keeps_the_role(town: Town) -> None:
    sam, ada = await town.staff("sam"), await town.join()
    assert code(await sam.asks("PUT", f"/admin/users/{sam.id}/roles", roles=["client"])) == "LAST_ADMIN"
    assert code(await sam.asks("DELETE", "/users/me", password="three fine winters")) == "LAST_ADMIN"
    assert (await sam.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["admin"])).status_code == 200
    assert (await sam.asks("PUT", f"/admin/users/{sam.id}/roles", roles=["client"])).status_code == 200


async def test_of_two_who_take_each_others_role_at_once_one_keeps_it(town: Town) -> None:
    sam, sue = await town.staff("sam"), await town.staff("sue")
    await asyncio.gather(
        sam.asks("PUT", f"/admin/users/{sue.id}/roles", roles=["client"]),
        sue.asks("PUT", f"/admin/users/{sam.id}/roles", roles=["client"]),
    )
    assert await town.rows("select count(*) from people where 'admin' = any(roles)") == [(1,)]


@pytest.mark.parametrize(("roles", "field"), [(["client", "king"], "roles[1]"), (["client", "worker"], "roles"), ([], "roles")])
async def test_roles_that_nobody_can_have_are_named(town: Town, roles: list[str], field: str) -> None:
    staff, ada = await town.staff(), await town.join()
    answer = await staff.asks("PUT", f"/admin/users/{ada.id}/roles", roles=roles)
    assert [wrong["field"] for wrong in answer.json()["error"]["details"]["fields"]] == [field]


# Sessions


async def test_staff_see_where_somebody_is_signed_in_and_sign_them_out(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    again = await town.sign_in("ada")
    listed = (await staff.asks("GET", f"/admin/users/{ada.id}/sessions")).json()["data"]
    assert [session["current"] for session in listed] == [False, False]
    assert (await staff.asks("DELETE", f"/admin/users/{ada.id}/sessions")).json()["data"] == {"ended": 2}
    assert {code(await visitor.asks("GET", "/auth/me")) for visitor in (ada, again)} == {"TOKEN_REVOKED"}
    assert (await town.log_in("ada")).status_code == 200
    assert (await staff.asks("GET", "/auth/me")).status_code == 200
