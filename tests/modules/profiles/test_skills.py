"""The catalogue of skills: found by any name, kept by staff, vouched for."""

from __future__ import annotations

import pytest

from souk.modules import profiles
from tests.modules.identity.conftest import Visitor
from tests.modules.profiles.conftest import Village, told

CARPENTRY = {"slug": "carpentry", "name": "Carpentry", "category": "home", "synonyms": ["joinery"], "names": {"fr": "menuiserie"}}


async def add(staff: Visitor, status: int = 201, **skill: object) -> dict[str, object]:
    answer: dict[str, object] = told(await staff.client.post("/admin/skills", json={**CARPENTRY, **skill}), status)
    return answer


async def test_a_skill_is_found_half_typed_misspelt_and_in_other_languages(here: Village) -> None:
    await here.with_skills()
    client = await here.client()
    for q, wanted in (
        ("figm", "figma"),
        ("Fotography", "photography"),
        ("k8s", "kubernetes"),
        ("Menuiserie", "carpentry"),
        ("UX", "ux-design"),
    ):
        found = (await client.get("/skills", params={"q": q})).json()
        assert found["data"][0]["slug"] == wanted, q
        assert found["pagination"]["total"] >= 1
    assert [each["slug"] for each in told(await client.get("/skills?q=design&category=home"))] == []
    assert told(await client.get("/skills?q=carpentry&language=fr"))[0]["name"] == "menuiserie"
    listed = (await client.get("/skills?page=9&limit=100")).json()
    assert (listed["data"], listed["pagination"]["total"]) == ([], len(profiles.CATALOGUE))
    assert told(await client.get("/skills/figma"))["name"] == "Figma"
    assert told(await client.get("/skills/nothing"), 404)["details"] == {"slug": "nothing"}
    assert {"category": "beauty", "skills": 6} in told(await client.get("/skills/categories"))


def test_the_catalogue_is_sensible() -> None:
    keys = [key for each in profiles.CATALOGUE for key in {profiles.key_of(name) for name in (each.slug, each.name, *each.synonyms)}]
    assert len(profiles.CATALOGUE) >= 60
    assert len(keys) == len(set(keys)), sorted(key for key in keys if keys.count(key) > 1)


async def test_any_name_of_a_skill_means_that_one(here: Village) -> None:
    await here.with_skills()
    ada = await here.worker("ada", skills=["Joinery", {"name": "menuiserie", "level": "expert"}, "Postgres", "whistling"])
    skills = (await here.mine(ada))["skills"]
    assert [(each["slug"], each["name"]) for each in skills] == [("carpentry", "Carpentry"), ("sql", "SQL"), (None, "whistling")]


async def test_a_new_skill_is_that_of_whoever_named_it_before(here: Village) -> None:
    ada, staff = await here.worker("ada", skills=["Joinery", "menuiserie", "whistling"]), await here.staff()
    await add(staff)
    assert [each["slug"] for each in (await here.mine(ada))["skills"]] == ["carpentry", None]
    await here.work()
    assert (await here.changes())[-1] == (ada.id, 2, ["skills"])
    refused = await add(staff, 409, slug="woodwork", name="Woodwork")
    assert (refused["code"], refused["details"]) == ("SKILL_NAME_TAKEN", {"field": "the spelling 'joinery'", "slug": "carpentry"})
    assert (await add(staff, 409))["code"] == "SKILL_NAME_TAKEN"


async def test_skills_change_and_merge(here: Village) -> None:
    staff = await here.staff()
    await add(staff)
    await add(staff, slug="woodwork", name="Woodwork", synonyms=["timber"], names={})
    ada = await here.worker("ada", skills=[{"name": "woodwork", "level": "expert"}, "carpentry"])
    bo = await here.worker("bo", skills=[{"name": "timber", "level": "beginner"}])
    changed = told(await staff.client.patch("/admin/skills/carpentry", json={"synonyms": ["cabinets"], "name": "Carpenter's work"}))
    assert changed["synonyms"] == ["cabinets"]
    itself = told(await staff.client.post("/admin/skills/woodwork/merge", json={"into": "woodwork"}), 422)
    assert itself["code"] == "SKILL_MERGED_INTO_ITSELF"
    merged = told(await staff.client.post("/admin/skills/woodwork/merge", json={"into": "carpentry"}))
    assert merged["synonyms"] == ["cabinets", "Woodwork", "timber"]
    assert [each["slug"] for each in (await here.mine(ada))["skills"]] == ["carpentry"]
    assert [(each["slug"], each["level"]) for each in (await here.mine(bo))["skills"]] == [("carpentry", "beginner")]
    assert told(await staff.client.get("/skills/woodwork"), 404)["code"] == "SKILL_NOT_FOUND"
    cy = await here.worker("cy", skills=["woodwork", "joinery"])
    assert [each["slug"] for each in (await here.mine(cy))["skills"]] == ["carpentry", None], "joinery means it no more"
    found = await here.database.read(lambda tx: profiles.provider(tx, bo.id))
    assert found is not None
    assert set(found.skill_names["carpentry"]) >= {"Carpenter's work", "cabinets", "Woodwork", "timber", "menuiserie"}
    noted = await here.rows("select action from audit_entries where action like 'skill.%' order by action")
    assert [action for (action,) in noted] == ["skill.added", "skill.added", "skill.changed", "skill.merged"]


async def test_staff_vouch_for_a_skill_at_its_level(here: Village) -> None:
    staff = await here.staff()
    await add(staff)
    ada = await here.worker("ada", skills=[{"name": "joinery", "level": "advanced"}, "whistling"])
    path = f"/admin/users/{ada.id}/skills"
    assert told(await staff.client.put(f"{path}/carpentry/verification"))["verified"] is True
    assert told(await staff.client.put(f"{path}/plumbing/verification"), 404)["code"] == "SKILL_NOT_HELD"
    kept = await here.put(ada, skills=[{"name": "carpentry", "level": "advanced", "years": 3}])
    assert kept["skills"][0]["verified"] is True
    lost = await here.put(ada, skills=[{"name": "carpentry", "level": "expert"}])
    assert lost == await here.mine(ada)
    assert lost["skills"][0]["verified"] is False
    told(await staff.client.put(f"{path}/carpentry/verification"))
    assert told(await staff.client.delete(f"{path}/carpentry/verification"))["verified"] is False


@pytest.mark.parametrize("path", ["/admin/skills", "/admin/skills/carpentry/merge"])
async def test_the_catalogue_is_kept_by_staff_alone(here: Village, path: str) -> None:
    ada = await here.join("ada")
    assert told(await ada.client.post(path, json={**CARPENTRY}), 403)["code"] == "NOT_ALLOWED"
