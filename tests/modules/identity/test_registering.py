"""Joining: one account for one address, however it is spelt and however many ask at once."""

from __future__ import annotations

import asyncio

import httpx
import msgspec
import pytest

from souk.kernel.assembly import Market
from souk.modules import identity
from tests.kernel.http.serving import code
from tests.modules.identity.conftest import PASSWORD, RULES, TOWN, Town

ADA = {"email": "Ada@Example.com", "password": PASSWORD, "firstName": "Ada", "lastName": "Byron", "role": "client"}


@pytest.fixture
def market() -> Market:
    only_email = msgspec.structs.replace(RULES, by=frozenset({"email"}))
    return msgspec.structs.replace(TOWN, rules=(only_email,))


def fields(answer: httpx.Response) -> dict[str, str]:
    assert (answer.status_code, code(answer)) == (422, "INVALID"), answer.text
    return {each["field"]: each["problem"] for each in answer.json()["error"]["details"]["fields"]}


async def register(town: Town, **other: object) -> httpx.Response:
    wanted = {name: value for name, value in {**ADA, **other}.items() if value is not None}
    return await (await town.client()).post("/auth/register", json=wanted)


async def test_whoever_joins_is_in_and_hears_of_it(town: Town) -> None:
    answer = await register(town, language="fr-CA", timezone="Europe/Paris")
    assert answer.status_code == 201
    data = answer.json()["data"]
    user = data["user"]
    assert (user["email"], user["name"], user["role"], user["roles"]) == ("Ada@Example.com", "Ada Byron", "client", ["client"])
    assert (user["emailVerified"], user["language"], user["timezone"], user["status"]) == (False, "fr", "Europe/Paris", "active")
    me = await (await town.client(data["accessToken"])).get("/auth/me")
    assert me.json()["data"] == user
    letters = await town.letters("ada@example.com")
    assert {letter.subject for letter in letters} == {"Bienvenue sur Town", "Confirmez votre adresse"}


async def test_what_is_stored_opens_nothing(town: Town) -> None:
    answer = await register(town)
    await town.work()
    token = answer.json()["data"]["refreshToken"]
    (link,) = [link for letter in await town.letters() for link in letter.links if "token=" in link]
    everything = str(await town.rows("select p, s, f from people p, sessions s, proofs f"))
    jobs = str(await town.rows("select * from events"))
    for secret in (PASSWORD, token, link.partition("token=")[2]):
        assert secret not in everything + jobs
    for named in ("ada@example.com", "Byron"):
        assert named.lower() not in jobs.lower()


@pytest.mark.parametrize("again", ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com ", "\uff41\uff44\uff41@example.com"])
async def test_another_spelling_is_the_same_account(town: Town, again: str) -> None:
    assert (await register(town)).status_code == 201
    answer = await register(town, email=again)
    assert (answer.status_code, code(answer)) == (409, "EMAIL_TAKEN")


async def test_of_many_at_once_exactly_one_comes_to_be(town: Town) -> None:
    await town.client()
    answers = await asyncio.gather(*(register(town, email=each) for each in ("ada@example.com", "ADA@example.com", "Ada@EXAMPLE.com") * 2))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert {code(answer) for answer in answers if answer.status_code == 409} == {"EMAIL_TAKEN"}
    await town.work()
    assert await town.rows("select count(*) from people") == [(1,)]
    assert len(await town.heard("welcome")) == 1


async def test_nobody_gives_themselves_a_role_that_is_given_by_staff(town: Town) -> None:
    for role in ("admin", "owner", "Client"):
        assert fields(await register(town, role=role)) == {"role": "is not one that you can choose; choose client or worker"}
    for extra in ({"roles": ["admin"]}, {"status": "active"}, {"emailVerified": True}, {"id": "1"}):
        answer = await register(town, **extra)
        assert answer.status_code == 422
    assert await town.rows("select count(*) from people") == [(0,)]


async def test_every_wrong_field_is_named_with_its_remedy(town: Town) -> None:
    assert "name@example.com" in fields(await register(town, email="ada"))["email"]
    assert "is missing" in fields(await register(town, email=None))["email"]
    assert "not used here" in fields(await register(town, phone="+33612345678"))["phone"]
    assert "Europe/Paris" in fields(await register(town, timezone="Mars/Base"))["timezone"]
    assert "Europe/Paris" in fields(await register(town, timezone="../../etc/passwd"))["timezone"]
    assert "tried first" in fields(await register(town, password="Password123"))["password"]
    assert "your own name" in fields(await register(town, password="ada@example.com"))["password"]
    assert "has 1000000 characters" in fields(await register(town, password="p" * 1_000_000))["password"]
    assert "firstName" in fields(await register(town, firstName=" "))
    assert "firstName" in fields(await register(town, firstName="<b>Ada</b>"))


async def test_a_language_that_is_not_spoken_here_becomes_the_first_one(town: Town) -> None:
    assert (await register(town, language="ja")).json()["data"]["user"]["language"] == "en"


async def test_many_accounts_on_one_device_are_shown_to_staff_once(town: Town) -> None:
    for i in range(6):
        await town.join(f"ada{i}")
    noted = await town.rows(
        "select d.content -> 'after' ->> 'people' from audit_entries e join audit_details d on d.entry_id = e.id and d.part = 'change' "
        "where e.action = 'device.shared'"
    )
    assert noted == [(str(RULES.people_per_device + 1),)]


async def test_the_demo_logins_are_made_once(town: Town) -> None:
    for _ in range(2):
        await town.database.write(lambda tx: identity.MODULE.seed(tx, town.market))  # type: ignore[misc]  # it has one
    found = await town.rows("select email, roles, email_verified_at is not null from people order by email")
    assert found == [(f"{role}@sample.test", [role], True) for role in ("admin", "client", "worker")]
    answer = await town.log_in("x", email="Admin@sample.test", password=identity.DEMO_PASSWORD)
    assert answer.json()["data"]["user"]["roles"] == ["admin"]
    assert await town.rows("select left(password_hash, 7) from people where email = 'admin@sample.test'") == [("$2b$04$",)], "hashed anew"
