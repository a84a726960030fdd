"""Sessions: seen by their owner alone, and ended one by one or all at once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from souk.kernel.http.tokens import TokenRevoked
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, Town, Visitor


async def alive(visitor: Visitor) -> bool:
    answer = await visitor.asks("GET", "/auth/me")
    assert answer.status_code == 200 or code(answer) == "TOKEN_REVOKED"
    return answer.status_code == 200


async def test_one_sees_where_one_is_signed_in(town: Town) -> None:
    ada = await town.join()
    client = await town.client(**{"User-Agent": "Telephone"})
    await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    await town.join("bo")
    found = (await ada.asks("GET", "/sessions")).json()["data"]
    assert sorted((each["device"], each["address"], each["current"]) for each in found) == [
        ("Telephone", "127.0.0.1", False),
        ("python-httpx/0.28.1", "127.0.0.1", True),
    ]
    assert all(each["createdAt"] <= each["lastUsedAt"] for each in found)


async def test_one_that_is_ended_is_over_at_once_and_nobody_ends_anothers(town: Town) -> None:
    ada, bo = await town.join(), await town.join("bo")
    other = await town.sign_in()
    listed = (await ada.asks("GET", "/sessions")).json()["data"]
    (target,) = [each["id"] for each in listed if not each["current"]]
    for session_id in (target, uuid4()):
        answer = await bo.asks("DELETE", f"/sessions/{session_id}")
        assert (answer.status_code, code(answer)) == (404, "SESSION_NOT_FOUND")
    assert await alive(other)
    assert (await ada.asks("DELETE", f"/sessions/{target}")).status_code == 204
    assert (await alive(other), await alive(ada), await alive(bo)) == (False, True, True)
    assert (await ada.asks("DELETE", f"/sessions/{target}")).status_code == 404
    again = await (await town.client()).post("/auth/refresh", json={"refreshToken": other.refresh})
    assert code(again) == "REFRESH_INVALID"


async def test_all_others_are_ended_together_here_and_in_every_process(town: Town) -> None:
    ada, bo = await town.join(), await town.join("bo")
    others = [await town.sign_in() for _ in range(3)]
    answer = await ada.asks("DELETE", "/sessions")
    assert answer.json()["data"] == {"ended": 3}
    assert [await alive(each) for each in (ada, bo, *others)] == [True, True, False, False, False]
    tokens, revocations = town.elsewhere()
    await revocations.read()
    assert [tokens.actor(f"Bearer {each.token}".encode()).id for each in (ada, bo)] == [ada.id, bo.id]
    for each in others:
        with pytest.raises(TokenRevoked):
            tokens.actor(f"Bearer {each.token}".encode())


async def test_who_signs_out_is_out_and_may_do_so_twice(town: Town) -> None:
    ada = await town.join()
    assert (await ada.asks("POST", "/auth/logout")).status_code == 200
    assert not await alive(ada)
    nobody = await town.client()
    for body in (None, {}, {"refreshToken": ada.refresh}, {"refreshToken": "of nobody"}):
        assert (await nobody.post("/auth/logout", json=body)).status_code == 200
    by_token = await town.sign_in()
    assert (await nobody.post("/auth/logout", json={"refreshToken": by_token.refresh})).status_code == 200
    assert not await alive(by_token)


async def test_an_access_token_that_is_over_does_not_keep_anybody_in(town: Town) -> None:
    ada = await town.join()
    actor = town.tokens.actor(f"Bearer {ada.token}".encode())
    ada.client.headers["Authorization"] = f"Bearer {town.tokens.issue(actor, life=-1)}"
    alone = await ada.asks("POST", "/auth/logout")
    assert (alone.status_code, code(alone)) == (401, "TOKEN_EXPIRED"), "its session would go on, and nobody would know"
    assert (await ada.asks("POST", "/auth/logout", refreshToken=ada.refresh)).status_code == 200
    ada.client.headers["Authorization"] = f"Bearer {ada.token}"
    assert not await alive(ada)
    for authorization in (f"Bearer {ada.token}", "Bearer a.b.c", "Bearer souk_of-nobody-at-all-really"):
        ada.client.headers["Authorization"] = authorization
        assert (await ada.asks("POST", "/auth/logout")).status_code == 200, "who is out already, stays out"


async def test_who_was_signed_out_comes_in_again_with_the_old_token_still_along(town: Town) -> None:
    ada = await town.join()
    await ada.asks("POST", "/auth/logout")
    assert code(await ada.asks("GET", "/auth/me")) == "TOKEN_REVOKED"
    assert (await ada.asks("POST", "/auth/login", email="ada@example.com", password=PASSWORD)).status_code == 200


async def test_a_token_that_was_exchanged_signs_out_too(town: Town) -> None:
    ada = await town.join()
    client = await town.client()
    newer = (await client.post("/auth/refresh", json={"refreshToken": ada.refresh})).json()["data"]["refreshToken"]
    client.cookies.clear()
    assert (await client.post("/auth/logout", json={"refreshToken": ada.refresh})).status_code == 200, "the answer with the newer was lost"
    assert not await alive(ada)
    assert code(await client.post("/auth/refresh", json={"refreshToken": newer})) == "REFRESH_INVALID"


async def test_sessions_are_forgotten_a_month_after_their_end(town: Town) -> None:
    ada = await town.join()
    await town.sign_in()
    await (await town.client()).post("/auth/refresh", json={"refreshToken": ada.refresh})
    await ada.asks("DELETE", "/sessions")
    await town.later(days=29)
    assert await town.rows("select count(*) from sessions") == [(2,)]
    await town.later(days=2)
    assert await town.rows("select count(*) from sessions") == [(1,)], "the other ran out a week later"
    await town.later(days=7)
    assert await town.rows("select count(*) from sessions") == [(0,)]
    assert await town.rows("select count(*) from spent_refresh_tokens") == [(0,)]
    assert await town.rows("select count(*) from proofs") == [(0,)]
