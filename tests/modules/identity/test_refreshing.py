"""Staying in: refresh tokens that each work once, a lost answer that may be asked for again, and copies that end the session."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.config import Settings
from souk.modules.identity.doorkeeper import Doorkeeper
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, RULES, TOWN, Town

NOWHERE = "a-token-that-nobody-was-ever-given-000000000"


async def refresh(town: Town, token: str) -> httpx.Response:
    return await (await town.client()).post("/auth/refresh", json={"refreshToken": token})


async def next_token(town: Town, token: str) -> str:
    answer = await refresh(town, token)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["refreshToken"])


async def test_each_token_is_exchanged_for_the_next(town: Town) -> None:
    ada = await town.join()
    token, seen = ada.refresh, {ada.refresh}
    for _ in range(3):
        answer = await refresh(town, token)
        token = answer.json()["data"]["refreshToken"]
        assert token not in seen
        seen.add(token)
        me = await (await town.client(answer.json()["data"]["accessToken"])).get("/auth/me")
        assert me.json()["data"]["id"] == str(ada.id)
    assert await town.rows("select count(*) from sessions") == [(1,)]


async def test_a_lost_answer_is_given_again_for_ten_seconds(town: Town) -> None:
    ada = await town.join()
    successor = await next_token(town, ada.refresh)
    await town.later(seconds=9)
    assert await next_token(town, ada.refresh) == successor
    assert await next_token(town, successor) != successor


async def test_two_at_once_get_the_same_successor(town: Town) -> None:
    ada = await town.join()
    await town.client()
    answers = await asyncio.gather(*(refresh(town, ada.refresh) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["data"]["refreshToken"] for answer in answers}
    assert await town.rows("select count(*) from spent_refresh_tokens") == [(1,)]
    assert await next_token(town, successor)
    assert await town.rows("select ended_at from sessions") == [(None,)]


async def test_a_copy_that_comes_later_ends_the_session_for_everybody(town: Town) -> None:
    ada = await town.join()
    other = await town.sign_in()
    exchanged = await refresh(town, ada.refresh)
    assert exchanged.status_code == 200, exchanged.text
    answer = exchanged.json()["data"]
    await town.later(seconds=11)
    stolen = await refresh(town, ada.refresh)
    assert (stolen.status_code, code(stolen)) == (401, "REFRESH_REUSED")
    for token in (ada.token, answer["accessToken"]):
        me = await (await town.client(token)).get("/auth/me")
        assert (me.status_code, code(me)) == (401, "TOKEN_REVOKED")
    for token in (answer["refreshToken"], ada.refresh):
        assert code(await refresh(town, token)) == "REFRESH_INVALID"
    assert (await other.asks("GET", "/auth/me")).status_code == 200, "her other session goes on"
    assert await town.rows("select ended_why from sessions where ended_at is not null") == [("reused",)]
    assert await town.rows("select count(*) from audit_entries where action = 'session.reused'") == [(1,)]
    assert await town.heard("session_reused") == [("ada@example.com",)]


async def test_a_copy_is_noticed_however_far_the_session_went_on(town: Town) -> None:
    ada = await town.join()
    token = ada.refresh
    for _ in range(4):
        token = await next_token(town, token)
        await town.later(seconds=11)
    assert code(await refresh(town, ada.refresh)) == "REFRESH_REUSED"
    assert code(await refresh(town, token)) == "REFRESH_INVALID"


async def test_a_session_ends_however_often_it_is_refreshed(town: Town) -> None:
    ada = await town.join()
    token = ada.refresh
    for _ in range(6):
        await town.later(days=1)
        token = await next_token(town, token)
    await town.later(hours=23)
    token = await next_token(town, token)
    await town.later(hours=1)
    assert code(await refresh(town, token)) == "REFRESH_INVALID"


@pytest.mark.parametrize("token", [NOWHERE, "x", "ümläut"])
async def test_a_token_that_nobody_was_given_is_worth_nothing(town: Town, token: str) -> None:
    answer = await refresh(town, token)
    assert (answer.status_code, code(answer)) == (401, "REFRESH_INVALID")


async def test_without_any_it_says_what_to_do(town: Town) -> None:
    client = await town.client()
    for answer in (await client.post("/auth/refresh"), await client.post("/auth/refresh", json={})):
        assert (answer.status_code, code(answer)) == (401, "REFRESH_INVALID")


async def test_the_suspended_are_not_let_on(town: Town) -> None:
    ada = await town.join()
    await town.do("update people set status = 'suspended'")
    assert code(await refresh(town, ada.refresh)) == "REFRESH_INVALID"


async def test_a_refresh_knows_of_new_roles(town: Town) -> None:
    ada = await town.join()
    await town.do("update people set roles = '{client,worker}'")
    data = (await refresh(town, ada.refresh)).json()["data"]
    assert data["user"]["roles"] == ["client", "worker"]
    assert town.tokens.actor(f"Bearer {data['accessToken']}".encode()).roles == {"client", "worker"}


async def test_an_exchange_that_met_a_new_secret_is_repeated_all_the_same(town: Town) -> None:
    """The secret was rotated between the lost answer and its repetition."""
    ada = await town.join()
    successor = await next_token(town, ada.refresh)
    old = Settings.load({}).secret
    rotated = Settings.load({"SOUK_SECRET": "new:another-secret-of-these-tests-0123456789", "SOUK_SECRET_PREVIOUS": f"{old.id}:{old.text}"})
    town.resources[Doorkeeper] = keeper = Doorkeeper(rotated, town.market, RULES)
    assert keeper.successor(ada.refresh) != successor
    assert successor in keeper.successors(ada.refresh)
    town._served = None
    assert await next_token(town, ada.refresh) == successor
    assert await next_token(town, successor) == keeper.successor(successor)


# Cookies


async def test_it_is_also_a_cookie_that_no_script_and_no_other_site_sees(town: Town) -> None:
    client = await town.client()
    await town.join()
    answer = await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    token = answer.json()["data"]["refreshToken"]
    life = int(timedelta(days=7).total_seconds())
    assert cookie == f"sample_refresh={token}; Path=/test/auth; Max-Age={life}; HttpOnly; SameSite=Strict"
    refreshed = await client.post("/auth/refresh")
    assert refreshed.status_code == 200
    assert refreshed.headers["set-cookie"].startswith(f"sample_refresh={refreshed.json()['data']['refreshToken']};")
    out = await client.post("/auth/logout")
    assert out.status_code == 200
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await client.post("/auth/refresh")).status_code == 401
    assert code(await refresh(town, refreshed.json()["data"]["refreshToken"])) == "REFRESH_INVALID"


async def test_a_cookie_is_believed_only_of_the_markets_own_pages(town: Town) -> None:
    ada = await town.join()
    client = await town.client(Cookie=f"other=1; sample_refresh={ada.refresh}")
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "https://town.example.evil.example", "http://[", "http://a]b"):
        for path in ("/auth/refresh", "/auth/logout"):
            answer = await client.post(path, headers={"Origin": origin})
            assert (answer.status_code, code(answer)) == (403, "FOREIGN_ORIGIN"), (origin, path)
    assert await town.rows("select count(*) from spent_refresh_tokens") == [(0,)]
    own = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    for origin in (own, "https://town.example"):
        assert (await client.post("/auth/refresh", headers={"Origin": origin})).status_code == 200, origin
    named = await (await town.client()).post(
        "/auth/refresh", json={"refreshToken": ada.refresh}, headers={"Origin": "https://evil.example"}
    )
    assert named.status_code == 200, "who knows the token needs no cookie"


@pytest.fixture
def market(request: pytest.FixtureRequest) -> Market:
    town = msgspec.structs.replace(TOWN, origins=("https://town.example",))
    if "out_of_the_body" not in request.function.__name__:
        return town
    return msgspec.structs.replace(town, rules=(msgspec.structs.replace(RULES, refresh_in_body=False),))


async def test_a_market_may_keep_it_out_of_the_body(town: Town) -> None:
    client = await town.client()
    wanted = {"email": "ada@example.com", "password": PASSWORD, "firstName": "Ada", "lastName": "Byron", "role": "client"}
    joined = await client.post("/auth/register", json=wanted)
    refreshed = await client.post("/auth/refresh")
    for answer in (joined, refreshed):
        assert answer.is_success
        assert "refreshToken" not in answer.json()["data"]
        assert answer.headers["set-cookie"].partition("=")[2].partition(";")[0] not in answer.text


def test_in_production_the_cookie_travels_encrypted_only() -> None:
    production = Settings.load({"SOUK_ENV": "production", "SOUK_SECRET": "k3yqM0vSgN4b8Xz2Lr7TtWc5UdEaHfJp"})
    cookie = dict(Doorkeeper(production, TOWN, RULES).gone())["Set-Cookie"]
    assert cookie.startswith("__Secure-sample_refresh="), "browsers take a cookie of that name only encrypted"
    assert cookie.endswith("; Secure")
