"""API keys at the door: asked about once, within their scopes, never more than their owner may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest

from souk.kernel.db import Database
from souk.kernel.http.guards import ANYONE, MEMBER, Actor, who
from souk.kernel.http.limits import parse
from souk.kernel.http.operation import operation
from souk.kernel.http.streams import ServerEvent
from tests.kernel.http.serving import Served, code, site

KEY = "souk_" + "k" * 43
OWNER, SESSION = uuid4(), uuid4()
READ, WRITE = "test_api_keys:read", "test_api_keys:write"


@operation("GET", "/mine", who=MEMBER)
async def read_mine(by: Actor) -> UUID:
    """Read."""
    return by.id


@operation("POST", "/mine", who=MEMBER)
async def write_mine(by: Actor) -> UUID:
    """Write."""
    return by.id


@operation("GET", "/open", who=ANYONE)
async def read_open(by: Actor | None) -> UUID | None:
    """Read what anyone may."""
    return by.id if by else None


@operation("GET", "/staff", who=who("staff"))
async def read_staff(by: Actor) -> UUID:
    """Read what staff may."""
    return by.id


@operation("GET", "/stream", who=MEMBER, kind="stream")
async def read_stream(by: Actor) -> AsyncIterator[ServerEvent]:
    """Read as it comes."""
    yield ServerEvent(str(by.id))


OPERATIONS = (read_mine, write_mine, read_open, read_staff, read_stream)


class Keeper:
    """Knows one key, with these scopes and roles."""

    def __init__(self, *scopes: str, role: str = "client") -> None:
        self.asked = 0
        self.actor = Actor(OWNER, frozenset({role}), SESSION, "test", scopes=frozenset(scopes))

    async def __call__(self, key: str) -> Actor | None:
        self.asked += 1
        return self.actor if key == KEY else None


@asynccontextmanager
async def opened(database: Database, keeper: Keeper | None, key: str = KEY) -> AsyncIterator[tuple[Served, httpx.AsyncClient]]:
    made = site(database, address_limit=parse("20/1m"))
    made.tokens.look_up = keeper
    async with Served(made, OPERATIONS) as running, running.client(Authorization=f"Bearer {key}") as client:
        yield running, client


async def test_a_key_acts_for_its_owner_and_is_asked_about_once(database: Database) -> None:
    keeper = Keeper(READ, WRITE)
    async with opened(database, keeper) as (_, client):
        for answer in (await client.get("/mine"), await client.get("/mine"), await client.post("/mine")):
            assert answer.json()["data"] == str(OWNER)
        assert str(OWNER) in (await client.get("/stream")).text
    assert keeper.asked == 1


@pytest.mark.parametrize(("scope", "method", "wanted"), [(READ, "POST", WRITE), (WRITE, "GET", READ), ("other:read", "GET", READ)])
async def test_a_key_does_nothing_outside_its_scopes(database: Database, scope: str, method: str, wanted: str) -> None:
    async with opened(database, Keeper(scope)) as (_, client):
        answer = await client.request(method, "/mine")
    assert (answer.status_code, code(answer)) == (403, "OUT_OF_SCOPE")
    assert answer.json()["error"]["details"] == {"scope": wanted}


async def test_what_is_open_to_anyone_needs_no_scope(database: Database) -> None:
    async with opened(database, Keeper()) as (_, client):
        assert (await client.get("/open")).json()["data"] == str(OWNER)


async def test_a_scope_gives_no_role(database: Database) -> None:
    async with opened(database, Keeper(READ, WRITE)) as (_, client):
        assert code(await client.get("/staff")) == "NOT_ALLOWED"
    async with opened(database, Keeper(READ, role="admin")) as (_, client):
        assert (await client.get("/staff")).status_code == 200
    async with opened(database, Keeper(role="admin")) as (_, client):
        assert code(await client.get("/staff")) == "OUT_OF_SCOPE"


async def test_a_signed_in_person_has_no_scopes_to_be_outside_of(database: Database) -> None:
    async with opened(database, Keeper()) as (running, _), running.client("client") as person:
        assert (await person.post("/mine")).status_code == 200


@pytest.mark.parametrize("path", ["/mine", "/open", "/stream"])
async def test_an_unknown_key_is_refused_even_where_none_is_needed(database: Database, path: str) -> None:
    async with opened(database, Keeper(READ), "souk_" + "x" * 43) as (_, client):
        answer = await client.get(path)
    assert (answer.status_code, code(answer)) == (401, "TOKEN_INVALID")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_where_nobody_knows_keys_one_is_as_good_as_nonsense(database: Database) -> None:
    async with opened(database, None) as (_, client):
        assert code(await client.get("/mine")) == "TOKEN_INVALID"


async def test_guesses_are_counted(database: Database) -> None:
    """Each costs a question; the address that guesses has as many as anybody has requests."""
    keeper = Keeper(READ)
    async with opened(database, keeper) as (_, client):
        said = [code(await client.get("/mine", headers={"Authorization": f"Bearer souk_{number:043}"})) for number in range(30)]
    assert said == ["TOKEN_INVALID"] * 20 + ["TOO_MANY_REQUESTS"] * 10
    assert keeper.asked == 20


async def test_a_revoked_key_is_refused_at_once(database: Database) -> None:
    async with opened(database, Keeper(READ)) as (running, client):
        assert (await client.get("/mine")).status_code == 200
        running.site.tokens.revoke(SESSION)
        assert code(await client.get("/mine")) == "TOKEN_REVOKED"
