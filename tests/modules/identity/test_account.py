"""Oneself: who one is, and what one may change about it."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Query, Tx
from souk.kernel.http.openapi import tags_of
from souk.modules import identity
from souk.modules.identity.people import me
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, RULES, TOWN, Town, Visitor

T = TypeVar("T")
BETTER = "four fine summers"


@pytest.fixture
def market(request: pytest.FixtureRequest) -> Market:
    several = "several" in request.function.__name__
    return msgspec.structs.replace(TOWN, rules=(msgspec.structs.replace(RULES, several_roles=several),))


async def test_who_one_is_takes_one_statement(town: Town, pool: Pool, clock: Clock) -> None:
    ada = await town.join()
    for path in ("/auth/me", "/users/me"):
        user = (await ada.asks("GET", path)).json()["data"]
        assert (user["id"], user["email"], user["secondFactor"], user["phoneVerified"]) == (str(ada.id), "ada@example.com", False, False)
    actor = town.tokens.actor(f"Bearer {ada.token}".encode())
    run: list[str] = []

    class Counted(Tx):
        async def run(self, query: Query[T], *args: object) -> T:
            run.append(query.sql)
            return await super().run(query, *args)

    await Database(pool, clock, kind=Counted).read(lambda tx: me(tx, actor))
    assert len(run) == 1
    assert "where id = $1" in run[0]


async def test_one_changes_ones_name_language_and_time_zone(town: Town) -> None:
    ada = await town.join()
    changed = (await ada.asks("PATCH", "/users/me", firstName="Augusta", language="ar")).json()["data"]
    assert (changed["name"], changed["language"], changed["timezone"]) == ("Augusta Byron", "ar", "UTC")
    changed = (await ada.asks("PATCH", "/users/me", lastName=" King\u0020", timezone="Asia/Kathmandu")).json()["data"]
    assert (changed["name"], changed["language"], changed["timezone"]) == ("Augusta King", "ar", "Asia/Kathmandu")


@pytest.mark.parametrize("field", ["email", "phone", "role", "roles", "status", "id", "emailVerified", "password", "secondFactor"])
async def test_nothing_else_can_be_written(town: Town, field: str) -> None:
    ada = await town.join()
    answer = await ada.asks("PATCH", "/users/me", **{field: "x"})
    assert (answer.status_code, [each["field"] for each in answer.json()["error"]["details"]["fields"]]) == (422, [field])


async def test_a_language_or_zone_that_is_none_is_refused(town: Town) -> None:
    ada = await town.join()
    for wrong in ({"language": "ja"}, {"timezone": "Nowhere"}, {"firstName": ""}, {"firstName": "a\u202e"}):
        answer = await ada.asks("PATCH", "/users/me", **wrong)
        assert (answer.status_code, code(answer)) == (422, "INVALID"), wrong


# The password


async def change(visitor: Visitor, current: str = PASSWORD, wanted: str = BETTER) -> tuple[int, str]:
    answer = await visitor.asks("PATCH", "/users/me/password", currentPassword=current, newPassword=wanted)
    return answer.status_code, "" if answer.is_success else code(answer)


async def test_another_password_ends_every_other_session(town: Town) -> None:
    ada, other = await town.join(), await town.sign_in()
    assert await change(ada) == (200, "")
    assert (await ada.asks("GET", "/auth/me")).status_code == 200
    assert code(await other.asks("GET", "/auth/me")) == "TOKEN_REVOKED"
    assert code(await town.log_in()) == "LOGIN_FAILED"
    assert (await town.log_in(password=BETTER)).status_code == 200
    assert await town.heard("password_changed") == [("ada@example.com",)]


async def test_it_takes_the_present_one_and_guesses_are_counted(town: Town) -> None:
    ada = await town.join()
    for i in range(5):
        assert await change(ada, f"a wrong guess {i}") == (403, "PASSWORD_WRONG")
    assert await change(ada) == (429, "TOO_MANY_REQUESTS")
    assert (await town.log_in()).status_code == 429, "and they are guesses of the sign-in as well"


async def test_the_new_one_has_to_be_good_and_new(town: Town) -> None:
    ada = await town.join()
    for wanted in ("short", "password123", PASSWORD):
        answer = await ada.asks("PATCH", "/users/me/password", currentPassword=PASSWORD, newPassword=wanted)
        assert [each["field"] for each in answer.json()["error"]["details"]["fields"]] == ["newPassword"]


# Roles


async def test_where_several_roles_are_allowed_one_takes_another(town: Town) -> None:
    ada = await town.join()
    answer = await ada.asks("POST", "/auth/roles", role="worker")
    assert answer.json()["data"]["roles"] == ["client", "worker"]
    assert code(await ada.asks("GET", "/auth/me")) == "TOKEN_EXPIRED", "her token does not know of it"
    refreshed = await ada.asks("POST", "/auth/refresh", refreshToken=ada.refresh)
    ada = await town.visitor(refreshed)
    assert town.tokens.actor(f"Bearer {ada.token}".encode()).roles == {"client", "worker"}
    assert code(await ada.asks("POST", "/auth/roles", role="worker")) == "ROLE_HELD"
    for role in ("admin", "nothing"):
        assert code(await ada.asks("POST", "/auth/roles", role=role)) == "INVALID"


def test_the_api_lists_it_under_the_modules_name() -> None:
    assert {tags_of(each) for each in identity.WITH_CODES.operations} == {("identity",)}


async def test_ones_own_address_is_no_other(town: Town) -> None:
    ada = await town.join()
    answer = await ada.asks("POST", "/users/me/email", email="Ada@Example.com", password=PASSWORD)
    assert answer.json()["error"]["details"]["fields"] == [{"field": "email", "problem": "is your address already"}]


async def test_elsewhere_everybody_has_one_role(town: Town) -> None:
    ada = await town.join()
    assert code(await ada.asks("POST", "/auth/roles", role="worker")) == "INVALID"
    assert await town.rows("select roles from people") == [(["client"],)]
