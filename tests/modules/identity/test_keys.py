"""API keys: a program acts for a person, within scopes, until the key is revoked, too old, or its owner is shut out."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from souk.kernel.http.tokens import KeyUnknown, TokenInvalid, TokenRevoked, Tokens
from souk.modules.identity.keys import AT_MOST
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import Town, Visitor

WANTED = {"name": "Nightly report", "scopes": ["identity:read"]}


async def made(visitor: Visitor, *scopes: str, **also: object) -> tuple[UUID, str]:
    """A new key's id, and the key."""
    answer = await visitor.asks("POST", "/auth/api-keys", **{**WANTED, "scopes": list(scopes or ("identity:read",)), **also})
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["data"]["id"]), answer.json()["data"]["key"]


async def asks(town: Town, key: str, method: str = "GET", path: str = "/users/me", **body: object) -> httpx.Response:
    return await (await town.client(key)).request(method, path, json=body or None)


async def believed(tokens: Tokens, key: str) -> UUID:
    """Whom another process takes it for."""
    header = f"Bearer {key}".encode()
    try:
        return tokens.actor(header).id
    except KeyUnknown as unknown:
        await tokens.meet(unknown)
        return tokens.actor(header).id


async def test_a_key_acts_for_its_owner(town: Town) -> None:
    ada = await town.join()
    _, key = await made(ada)
    answer = await asks(town, key)
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, str(ada.id))


async def test_it_is_shown_once_and_stored_as_a_digest(town: Town) -> None:
    ada = await town.join()
    key_id, key = await made(ada)
    assert key.startswith("souk_")
    assert len(key) == len("souk_") + 43
    listed = await ada.asks("GET", "/auth/api-keys")
    assert key not in listed.text
    [found] = listed.json()["data"]
    assert (found["id"], found["hint"], found["scopes"]) == (str(key_id), key[-4:], ["identity:read"])
    assert await town.rows("select hash from api_keys") == [(hashlib.sha256(key.encode()).digest(),)]
    assert "key" not in found
    assert "hash" not in found


async def test_it_may_only_what_its_scopes_say(town: Town) -> None:
    ada = await town.join()
    _, reading = await made(ada, "sample:read")
    _, writing = await made(ada, "sample:read", "sample:write")
    wanted = {"providerId": str(uuid4()), "title": "Paint the fence", "price": 12500, "currency": "EUR"}
    assert (await asks(town, reading, path="/orders")).status_code == 200
    assert code(await asks(town, reading)) == "OUT_OF_SCOPE"
    assert code(await asks(town, reading, "POST", "/orders", **wanted)) == "OUT_OF_SCOPE"
    assert (await asks(town, writing, "POST", "/orders", **wanted)).status_code == 201


async def test_its_owners_things_are_taken_along_as_far_as_its_scopes_read(town: Town) -> None:
    ada = await town.join()
    _, key = await made(ada, "identity:read")
    assert set((await asks(town, key, path="/users/me/export")).json()["data"]) == {"identity"}
    assert {"identity", "mail", "audit"} <= set((await ada.asks("GET", "/users/me/export")).json()["data"])


async def test_it_may_no_more_than_its_owner(town: Town) -> None:
    ada = await town.join()
    _, key = await made(ada)
    assert code(await asks(town, key, path="/admin/users")) == "NOT_ALLOWED"


async def test_no_key_makes_keys_or_changes_who_its_owner_is(town: Town) -> None:
    ada = await town.join()
    _, key = await made(ada, "sample:write", "identity:read")
    assert code(await asks(town, key, "POST", "/auth/api-keys", **WANTED)) == "OUT_OF_SCOPE"
    assert code(await asks(town, key, "PATCH", "/users/me", firstName="Eve")) == "OUT_OF_SCOPE"
    assert code(await asks(town, key, "DELETE", "/users/me", password="three fine winters")) == "OUT_OF_SCOPE"


@pytest.mark.parametrize("scope", ["identity:write", "mail:read", "audit:read", "sample:everything", "elsewhere:read"])
async def test_a_scope_that_no_key_has_is_refused_and_the_others_are_named(town: Town, scope: str) -> None:
    ada = await town.join()
    answer = await ada.asks("POST", "/auth/api-keys", name="Too much", scopes=["sample:read", scope])
    assert code(answer) == "INVALID"
    [wrong] = answer.json()["error"]["details"]["fields"]
    assert wrong["field"] == "scopes[1]"
    assert "identity:read, sample:read, sample:write" in wrong["problem"]


async def test_one_that_has_expired_is_refused(town: Town) -> None:
    ada = await town.join()
    _, key = await made(ada, expiresAt=(town.clock.now() + timedelta(days=1)).isoformat())
    assert (await asks(town, key)).status_code == 200
    await town.later(days=1)
    with pytest.raises(TokenInvalid):
        await believed(town.elsewhere()[0], key)


async def test_one_may_not_have_expired_before_it_begins(town: Town) -> None:
    ada = await town.join()
    for moment in (town.clock.now().isoformat(), "2100-01-01T00:00:00"):
        answer = await ada.asks("POST", "/auth/api-keys", **WANTED, expiresAt=moment)
        assert answer.json()["error"]["details"]["fields"][0]["field"] == "expiresAt", "in the past, or nobody knows when"


async def test_a_revoked_one_is_refused_at_once_in_every_process(town: Town) -> None:
    ada = await town.join()
    key_id, key = await made(ada)
    tokens, revocations = town.elsewhere()
    assert await believed(tokens, key) == ada.id
    assert (await asks(town, key)).status_code == 200
    assert (await ada.asks("DELETE", f"/auth/api-keys/{key_id}")).status_code == 204
    assert code(await asks(town, key)) == "TOKEN_REVOKED"
    await revocations.read()
    with pytest.raises(TokenRevoked):
        await believed(tokens, key)
    assert (await ada.asks("GET", "/auth/api-keys")).json()["data"] == []


async def test_it_stays_refused_when_its_revocation_is_forgotten(town: Town) -> None:
    ada = await town.join()
    key_id, key = await made(ada)
    await ada.asks("DELETE", f"/auth/api-keys/{key_id}")
    await town.do("delete from revocations")
    with pytest.raises(TokenInvalid):
        await believed(town.elsewhere()[0], key)


async def test_nobody_revokes_the_key_of_another(town: Town) -> None:
    ada, bo = await town.join(), await town.join("bo")
    key_id, key = await made(ada)
    for unknown in (key_id, uuid4()):
        answer = await bo.asks("DELETE", f"/auth/api-keys/{unknown}")
        assert (answer.status_code, code(answer)) == (404, "KEY_NOT_FOUND")
    assert (await asks(town, key)).status_code == 200
    assert (await bo.asks("GET", "/auth/api-keys")).json()["data"] == []


async def test_a_key_that_was_never_made_is_refused_and_guesses_are_counted(town: Town) -> None:
    await town.join()
    assert code(await asks(town, "souk_" + "a" * 43)) == "TOKEN_INVALID"


async def test_fifty_keys_are_enough(town: Town) -> None:
    ada = await town.join()
    await town.do(
        """insert into api_keys (id, person_id, name, hint, hash, scopes, created_at)
           select gen_random_uuid(), $1, 'One of many', 'abcd', sha256(n::text::bytea), '{}', clock_timestamp()
           from generate_series(1, $2::int) n""",
        *(ada.id, AT_MOST),
    )
    assert code(await ada.asks("POST", "/auth/api-keys", **WANTED)) == "TOO_MANY_KEYS"


async def test_it_follows_the_roles_of_its_owner(town: Town) -> None:
    ada = await town.join()
    staff = await town.staff()
    _, key = await made(ada, "sample:read")
    assert (await asks(town, key, path="/orders")).status_code == 200
    assert (await staff.asks("PUT", f"/admin/users/{ada.id}/roles", roles=["admin"])).status_code == 200
    assert (await asks(town, key, path="/orders")).status_code in {401, 403}
    assert code(await asks(town, key, path="/orders")) == "NOT_ALLOWED"


async def test_making_and_revoking_is_in_the_audit_log_without_the_key(town: Town) -> None:
    ada = await town.join()
    key_id, key = await made(ada)
    await ada.asks("DELETE", f"/auth/api-keys/{key_id}")
    found = await town.rows(
        """select e.action, e.person_id, string_agg(d.content::text, ' ') from audit_entries e join audit_details d on d.entry_id = e.id
           where e.entity_id = $1 group by e.id order by e.at, e.id""",
        key_id,
    )
    assert [row[:2] for row in found] == [("api_key.made", ada.id), ("api_key.revoked", ada.id)]
    assert key not in str(found)
