"""Taking one's things along, and being forgotten by every module at once, or by none."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from souk.kernel.assembly import Market, Module
from souk.kernel.db import Tx
from souk.kernel.http.tokens import TokenRevoked
from souk.modules.identity.people import any_person
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, TOWN, Town
from tests.modules.identity.test_keys import made
from tests.modules.identity.test_second_factor import offered

FORGOTTEN: list[str] = []


async def export(_tx: Tx, _person_id: UUID) -> object:
    return {"stamps": 3}


async def erase(tx: Tx, person_id: UUID) -> None:
    """A module above identity, which wants to know whom it forgets. It cannot forget anybody called Stuck."""
    person = await any_person(tx, person_id)
    FORGOTTEN.append(person.first_name)
    if person.first_name == "Stuck":
        raise RuntimeError("this cannot be forgotten")


@pytest.fixture
def market() -> Market:
    """A market where a club knows people too."""
    club = Module("club", Path("no such folder"), export=export, erase=erase)
    return msgspec.structs.replace(TOWN, modules=(*TOWN.modules, club))


async def test_people_take_along_what_every_module_knows_of_them_and_nothing_that_opens(town: Town) -> None:
    ada = await town.join(phone="+33612345678")
    _, key = await made(ada)
    phone = await offered(town, ada)
    await town.work()
    answer = await ada.asks("GET", "/users/me/export")
    known = answer.json()["data"]
    assert {"mail", "audit", "identity", "club"} <= known.keys()
    assert known["club"] == {"stamps": 3}
    own = known["identity"]
    assert own["profile"]["email"] == "ada@example.com"
    assert [len(own[part]) for part in ("sessions", "devices", "apiKeys", "proofs")] == [1, 1, 1, 1]
    for secret in (key, phone.totp.secret, "$2b$", ada.refresh, "hash"):
        assert secret not in answer.text
    assert "no-store" in answer.headers["cache-control"]


async def test_whoever_leaves_is_forgotten(town: Town) -> None:
    await town.staff()
    ada = await town.join(phone="+33612345678")
    await made(ada)
    await offered(town, ada)
    await town.work()
    assert (await ada.asks("DELETE", "/users/me", password=PASSWORD)).status_code == 200
    await town.work()
    [(row,)] = await town.rows("select to_jsonb(p)::text from people p where id = $1", ada.id)
    assert json.loads(row)["status"] == "erased"
    left = {name: value for name, value in json.loads(row).items() if value not in (None, "", 0)}
    assert left.keys() <= {"id", "status", "roles", "language", "timezone", "created_at"}
    for table in ("sessions", "devices", "proofs", "recovery_codes", "api_keys"):
        assert await town.rows(f"select count(*) from {table} where person_id = $1", ada.id) == [(0,)], table
    assert FORGOTTEN[-1] == "Ada"


async def test_every_session_and_key_ends_everywhere_at_once(town: Town) -> None:
    ada = await town.join()
    again = await town.sign_in()
    _, key = await made(ada)
    tokens, revocations = town.elsewhere()
    tokens.actor(f"Bearer {again.token}".encode())
    await ada.asks("DELETE", "/users/me", password=PASSWORD)
    assert {code(await visitor.asks("GET", "/auth/me")) for visitor in (ada, again)} == {"TOKEN_REVOKED"}
    assert code(await (await town.client(key)).get("/users/me")) == "TOKEN_INVALID"
    assert code(await town.log_in()) == "LOGIN_FAILED"
    await revocations.read()
    with pytest.raises(TokenRevoked):
        tokens.actor(f"Bearer {again.token}".encode())


async def test_they_are_told_at_the_address_that_was_theirs_and_the_market_hears_an_id(town: Town) -> None:
    ada = await town.join()
    await ada.asks("DELETE", "/users/me", password=PASSWORD)
    assert (await town.letters("ada@example.com"))[0].subject == "Your account is gone"
    assert await town.rows("select payload::text from events where topic = 'user.erased'") == [(f'{{"personId": "{ada.id}"}}',)]


async def test_the_audit_log_says_so_without_saying_who(town: Town) -> None:
    ada = await town.join()
    await ada.client.delete("/sessions")
    ada.client.headers["User-Agent"] = "Ada's own browser"
    await ada.asks("DELETE", "/users/me", password=PASSWORD)
    assert await town.rows("select count(*) from audit_entries where action = 'user.erased' and entity_id = $1", ada.id) == [(1,)]
    said = str(await town.rows("select content::text from audit_details"))
    for personal in ("ada@", "Ada", "Byron", "127.0.0.1"):
        assert personal not in said, personal


async def test_the_address_is_free_again(town: Town) -> None:
    first = await town.join()
    await first.asks("DELETE", "/users/me", password=PASSWORD)
    assert (await town.join()).id != first.id


async def test_leaving_takes_the_password(town: Town) -> None:
    ada = await town.join()
    assert code(await ada.asks("DELETE", "/users/me", password="another one")) == "PASSWORD_WRONG"
    answer = await ada.client.request("DELETE", "/users/me", json={})
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "password"
    assert (await ada.asks("GET", "/auth/me")).status_code == 200


async def test_a_password_is_guessed_five_times_and_no_more(town: Town) -> None:
    ada = await town.join()
    for _ in range(5):
        assert code(await ada.asks("DELETE", "/users/me", password="another one")) == "PASSWORD_WRONG"
    assert code(await ada.asks("DELETE", "/users/me", password=PASSWORD)) == "TOO_MANY_REQUESTS"


async def test_when_one_module_cannot_forget_nobody_has_forgotten(town: Town) -> None:
    stuck = await town.join("stuck")
    answer = await stuck.asks("DELETE", "/users/me", password=PASSWORD)
    assert (answer.status_code, code(answer)) == (500, "INTERNAL_ERROR")
    assert (await stuck.asks("GET", "/auth/me")).status_code == 200
    assert await town.heard("erased") == []


async def test_staff_see_that_somebody_was_here_and_no_more(town: Town) -> None:
    staff, ada = await town.staff(), await town.join()
    await ada.asks("DELETE", "/users/me", password=PASSWORD)
    seen = (await staff.asks("GET", f"/admin/users/{ada.id}")).json()["data"]
    assert (seen["status"], seen["email"], seen["firstName"], seen["lastName"]) == ("erased", None, "", "")
    assert code(await staff.asks("POST", f"/admin/users/{ada.id}/reinstate")) == "PERSON_NOT_FOUND"
    assert code(await staff.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["admin"])) == "PERSON_NOT_FOUND"
    listed = (await staff.asks("GET", "/admin/users")).json()["data"]
    assert str(ada.id) not in [member["id"] for member in listed]
