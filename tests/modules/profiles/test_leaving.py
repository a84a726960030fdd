"""Taking a profile along, having it forgotten, and what a demonstration begins with."""

from __future__ import annotations

from souk.modules import identity, profiles
from souk.modules.profiles.routes import EXAMPLE
from tests.modules.identity.conftest import PASSWORD
from tests.modules.profiles.conftest import Village, told


async def test_all_that_is_kept_is_taken_along(here: Village) -> None:
    ada, bo = await here.worker("ada", **EXAMPLE), await here.join("bo")
    await ada.client.put(f"/users/me/blocks/{bo.id}")
    await ada.client.put("/users/me/settings", json={"privacy": {"hidden": ["rate"]}, "preferences": {"theme": "dark"}})
    taken = told(await ada.client.get("/users/me/export"))["profiles"]
    assert (taken["profile"]["bio"], taken["profile"]["location"]["latitude"]) == (EXAMPLE["bio"], 45.76)
    assert (taken["hidden"], taken["preferences"]) == (["rate"], {"theme": "dark"})
    assert [each["personId"] for each in taken["blocks"]] == [str(bo.id)]


async def test_who_leaves_is_forgotten(here: Village) -> None:
    ada, bo = await here.worker("ada", **EXAMPLE), await here.join("bo")
    await bo.client.put(f"/users/me/blocks/{ada.id}")
    told(await ada.client.request("DELETE", "/users/me", json={"password": PASSWORD}))
    for table in ("profiles", "profile_skills", "blocks"):
        assert await here.rows(f"select * from {table}") == []
    assert (await here.sees(None, ada.id, 404))["code"] == "PROFILE_NOT_FOUND"
    assert (await here.changes())[-1] == (ada.id, 2, ["erased"])
    await here.work()
    assert await here.rows("select person_id from profiles") == []
    for law in profiles.MODULE.laws:
        assert await here.rows(law.query.sql) == []


async def test_a_demonstration_begins_with_people_who_say_something(here: Village) -> None:
    for _ in range(2):
        await here.with_skills()
    ids = dict(await here.rows("select email, id from people"))
    assert set(ids) == set(identity.demo_logins(here.market))
    found = await here.database.read(lambda tx: profiles.providers(tx, list(ids.values())))
    worker = found[ids["worker@sample.test"]]
    assert [skill.slug for skill in worker.skills] == ["graphic-design", "photography", "haircut"]
    assert "headline" in str(found[ids["client@sample.test"]])
    assert found[ids["admin@sample.test"]].headline is None
    assert await here.rows("select count(*) from skills") == [(len(profiles.CATALOGUE),)]
