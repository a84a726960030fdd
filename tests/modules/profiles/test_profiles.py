"""People say who they are, over HTTP, and others see what they may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from souk.kernel.assembly import Market
from souk.kernel.messages.outbox import enqueue_periodic
from souk.modules import profiles
from souk.modules.profiles.jobs import keep_declaration
from souk.modules.profiles.routes import EXAMPLE
from tests.modules.profiles.conftest import Village, told, village

ADA: dict[str, Any] = {"bio": "I build.", "rate": {"amount": 4500, "currency": "EUR"}, "location": {"city": "Lyon", "country": "FR"}}


async def test_a_profile_is_written_read_and_changed_in_parts(here: Village) -> None:
    ada = await here.join("ada", "worker")
    assert (await here.mine(ada))["revision"] == 0
    written = await here.put(ada, **EXAMPLE)
    assert written == await here.mine(ada)
    assert (written["revision"], written["rate"], written["location"]["exact"]) == (1, {"amount": 4500, "currency": "EUR"}, True)
    assert [skill["name"] for skill in written["skills"]] == ["carpentry", "upholstery"]
    changed = told(await ada.client.patch("/users/me/profile", json={"headline": None, "rate": None, "skills": []}))
    assert (changed["headline"], changed["rate"], changed["skills"]) == (None, None, [])
    assert changed["bio"] == EXAMPLE["bio"]
    assert [(person, fields) for person, _, fields in await here.changes()][-1] == (ada.id, ["headline", "skills", "rate"])


async def test_clients_that_send_plain_words_are_understood(here: Village) -> None:
    ada = await here.join("ada", "worker")
    sent: dict[str, Any] = {
        "skills": ["figma", "Figma "],
        "experience": "Ten years of it",
        "location": "Berlin",
        "portfolio": ["https://example.com/1"],
    }
    got = await here.put(ada, **sent)
    assert [skill["name"] for skill in got["skills"]] == ["figma"]
    assert (got["experience"][0]["title"], got["location"]["label"]) == ("Ten years of it", "Berlin")
    again = await here.put(ada, **sent)
    assert (again["revision"], again["portfolio"]) == (got["revision"], got["portfolio"]), "nothing changed, and nothing is told"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"avatar": "javascript:alert(1)"}, "avatar"),
        ({"headline": "x" * 161}, "headline"),
        ({"headline": "a\u202eb"}, "headline"),
        ({"location": {"latitude": 45.0}}, "location"),
        ({"location": {"latitude": 91, "longitude": 0}}, "location.latitude"),
        ({"rate": {"amount": -1, "currency": "EUR"}}, "rate.amount"),
        ({"skills": ["x"] * 51}, "skills"),
        ({"portfolio": [{"title": "x", "id": "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11"}]}, "portfolio[0].id"),
        ({"experience": [{"title": "x", "since": "2020-01-02", "until": "2020-01-01"}]}, "experience[0].until"),
        ({"rating": 5}, "rating"),
    ],
)
async def test_what_is_wrong_is_named(here: Village, sent: dict[str, Any], field: str) -> None:
    ada = await here.join("ada", "worker")
    refused = await here.put(ada, status=422, **sent)
    assert [each["field"] for each in refused["details"]["fields"]] == [field]


async def test_a_change_of_what_is_not_there_any_more_is_refused(here: Village) -> None:
    ada = await here.worker("ada", **ADA)
    tag = (await ada.client.get("/users/me/profile")).headers["etag"]
    await here.put(ada, bio="Another.")
    late = await ada.client.put("/users/me/profile", json={"bio": "Mine."}, headers={"If-Match": tag})
    assert told(late, 412) == {
        "code": "PROFILE_MOVED",
        "message": "Your profile was changed elsewhere (it is at revision 2). Read it again, then repeat the change.",
        "details": {"revision": 2},
    }
    tag = (await ada.client.get("/users/me/profile")).headers["etag"]
    told(await ada.client.put("/users/me/profile", json={"bio": "Mine."}, headers={"If-Match": tag}))
    told(await ada.client.put("/users/me/profile", json={"bio": "Again."}, headers={"If-Match": '"3"'}))


async def test_changes_at_once_all_happen(here: Village) -> None:
    ada = await here.join("ada", "worker")
    sent: tuple[dict[str, Any], ...] = ({"bio": "I build."}, {"headline": "Builder"}, {"company": "Oak"})
    await asyncio.gather(*(here.put(ada, **each) for each in sent))
    mine = await here.mine(ada)
    assert (mine["bio"], mine["headline"], mine["company"], mine["revision"]) == ("I build.", "Builder", "Oak", 3)
    assert sorted(revision for _, revision, _ in await here.changes()) == [1, 2, 3]


async def test_each_reader_sees_what_is_for_them(here: Village) -> None:
    ada = await here.worker("ada", **{**EXAMPLE, "company": "Oak"})
    bo, staff = await here.join("bo"), await here.staff()
    stranger, member, seen_by_staff = [await here.sees(each, ada.id) for each in (None, bo, staff)]
    assert (stranger["name"], member["name"]) == ("Ada", "Ada Byron")
    assert "company" not in stranger
    assert member["company"] == "Oak"
    assert stranger["location"]["latitude"] == 45.8
    assert not stranger["location"]["exact"]
    assert seen_by_staff["location"]["latitude"] == 45.76
    assert "revision" not in member


async def test_who_was_shut_out_is_seen_by_staff_alone(here: Village) -> None:
    ada, staff = await here.worker("ada", **ADA), await here.staff()
    await staff.asks("POST", f"/admin/users/{ada.id}/suspend", reason="Spam")
    assert (await here.sees(None, ada.id, 404))["code"] == "PROFILE_NOT_FOUND"
    assert (await here.sees(staff, ada.id))["bio"] == "I build."
    await here.work()
    assert (await here.changes())[-1][2] == ["status"]
    assert await here.database.read(lambda tx: profiles.cards(tx, [ada.id])) == {}


async def test_people_keep_things_to_themselves(here: Village) -> None:
    ada, bo = await here.worker("ada", **ADA), await here.join("bo")
    settings = {"privacy": {"hidden": ["rate"], "hiddenFromSearch": True}, "preferences": {"theme": "dark"}}
    assert told(await ada.client.put("/users/me/settings", json=settings)) == settings
    assert told(await ada.client.get("/users/me/settings")) == settings
    assert "rate" not in await here.sees(bo, ada.id)
    assert (await here.mine(ada))["rate"] == ADA["rate"]
    assert await here.database.read(lambda tx: profiles.provider(tx, ada.id)) is None
    refused = told(await ada.client.put("/users/me/settings", json={"privacy": {"hidden": ["rating"]}}), 422)
    assert refused["details"]["fields"][0]["field"] == "privacy.hidden[0]"
    assert (await here.changes())[-1][2] == ["privacy"]


async def test_a_portfolio_grows_and_shrinks(here: Village) -> None:
    ada = await here.join("ada", "worker")
    once = {"Idempotency-Key": "a-table-and-only-one"}
    item, again = [told(await ada.client.post("/users/me/portfolio", json={"title": "A table"}, headers=once), 201) for _ in range(2)]
    assert item == again
    assert [each["title"] for each in (await here.mine(ada))["portfolio"]] == ["A table"]
    told(await ada.client.delete(f"/users/me/portfolio/{item['id']}"), 204)
    assert told(await ada.client.delete(f"/users/me/portfolio/{item['id']}"), 404)["code"] == "ITEM_NOT_FOUND"


async def test_the_mark_of_being_online_goes_out(here: Village) -> None:
    ada, bo = await here.join("ada", "worker"), await here.join("bo")
    told(await ada.client.put("/users/me/online", json={"online": True}))
    assert (await here.sees(bo, ada.id))["online"] is True
    await here.later(hours=5)
    bo = await here.sign_in("bo")
    assert (await here.sees(bo, ada.id))["online"] is False


async def test_hints_say_what_is_missing_for_what_one_does(here: Village) -> None:
    ada, bo = await here.join("ada", "worker"), await here.join("bo")
    empty = told(await ada.client.get("/users/me/profile/completeness"))
    assert (empty["percent"], empty["hints"][0]["field"]) == (0, "skills")
    told(await ada.client.patch("/users/me/availability", json={"state": "available"}))
    await here.put(ada, **{key: value for key, value in EXAMPLE.items() if key != "rate"})
    almost = told(await ada.client.get("/users/me/profile/completeness"))
    assert almost["percent"] == 90
    assert almost["hints"] == [{"field": "rate", "remedy": "Say what an hour of yours costs.", "weight": 9}]
    fields = {hint["field"] for hint in told(await bo.client.get("/users/me/profile/completeness"))["hints"]}
    assert "company" in fields
    assert "rate" not in fields


async def test_what_others_count_is_kept_once_and_shown(here: Village) -> None:
    ada = await here.worker("ada", headline="Builder", avatar="https://example.com/a.png")
    for _ in range(2):
        await here.database.write(lambda tx: profiles.note_rating(tx, ada.id, 4.5, 2))
        await here.database.write(lambda tx: profiles.note_completed(tx, ada.id, 7))
    card = (await here.database.read(lambda tx: profiles.cards(tx, [ada.id])))[ada.id]
    assert (card.name, card.headline, card.avatar) == ("Ada", "Builder", "https://example.com/a.png")
    assert (card.rating, card.reviews, card.completed) == (4.5, 2, 7)
    assert [fields for _, _, fields in await here.changes()] == [["headline", "avatar"], ["rating"], ["completed"]]


class TestAnotherDeclaration:
    @pytest.fixture
    def market(self) -> Market:
        shown = {profiles.Field.BIO: profiles.PRIVATE, profiles.Field.LAST_NAME: profiles.PUBLIC}
        return village(profiles.Rules(shown=shown, currencies=frozenset({"EUR"}), free_skills=False))

    async def test_it_holds_for_readers_and_for_other_modules(self, here: Village) -> None:
        ada = await here.worker("ada", **ADA)
        assert "bio" not in await here.sees(None, ada.id)
        found = await here.database.read(lambda tx: profiles.provider(tx, ada.id))
        assert found is not None
        assert (found.name, found.bio, found.rate) == ("Ada Byron", None, profiles.Rate(4500, "EUR"))
        refused = await here.put(ada, status=422, rate={"amount": 1, "currency": "USD"})
        assert refused["details"]["fields"][0]["field"] == "rate.currency"
        unknown = await here.put(ada, status=422, skills=["whistling"])
        assert (unknown["code"], unknown["details"]["names"]) == ("SKILLS_UNKNOWN", "whistling")

    async def test_a_new_declaration_is_told_of_every_profile(self, here: Village) -> None:
        ada = await here.worker("ada", **ADA)
        await here.do("update profile_declaration set public = array['bio']")
        for _ in range(2):  # the second finds it as it should be, and tells nobody
            await here.database.write(lambda tx: enqueue_periodic(tx, [keep_declaration]))
            await here.work()
        assert [fields for _, _, fields in await here.changes()].count(["privacy"]) == 1
        assert (await here.changes())[-1][::2] == (ada.id, ["privacy"])
        found = await here.database.read(lambda tx: profiles.provider(tx, ada.id))
        assert found is not None
        assert found.bio is None
