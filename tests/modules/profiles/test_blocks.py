"""Who wants nothing more to do with whom, both ways round."""

from __future__ import annotations

from uuid import UUID

import pytest

from souk.kernel.assembly import Market
from souk.modules import profiles
from tests.modules.profiles.conftest import Village, told, village


async def test_the_two_see_no_more_of_each_other_than_a_card(here: Village) -> None:
    ada, bo = await here.worker("ada", bio="I build.", headline="Builder"), await here.worker("bo", bio="I paint.")
    told(await ada.client.put(f"/users/me/blocks/{bo.id}"), 204)
    for reader, other in ((ada, bo), (bo, ada)):
        seen = await here.sees(reader, other.id)
        assert not {"bio", "lastName", "location", "skills"} & set(seen)
        assert seen["firstName"]
    assert (await here.sees(await here.join("cy"), ada.id))["bio"] == "I build."
    assert (await here.sees(await here.staff(), ada.id))["bio"] == "I build."
    told(await ada.client.delete(f"/users/me/blocks/{bo.id}"), 204)
    assert (await here.sees(bo, ada.id))["bio"] == "I build."


async def test_other_modules_ask_for_one_or_for_many(here: Village) -> None:
    ada, bo, cy, di = [await here.join(name) for name in ("ada", "bo", "cy", "di")]
    told(await ada.client.put(f"/users/me/blocks/{bo.id}"), 204)
    told(await cy.client.put(f"/users/me/blocks/{ada.id}"), 204)
    read = here.database.read
    for one, other, wanted in ((ada, bo, True), (bo, ada, True), (ada, cy, True), (ada, di, False), (bo, cy, False)):
        assert await read(lambda tx, one=one, other=other: profiles.blocked(tx, one.id, other.id)) is wanted  # type: ignore[misc] # bound
    among = await read(lambda tx: profiles.blocked_among(tx, ada.id, [bo.id, cy.id, di.id]))
    assert among == {bo.id, cy.id}
    assert await read(lambda tx: profiles.blocked_among(tx, ada.id, [])) == frozenset()


async def test_staff_oneself_and_nobody_cannot_be_blocked(here: Village) -> None:
    ada, staff = await here.join("ada"), await here.staff()
    for person, status, code in ((staff.id, 409, "CANNOT_BLOCK"), (ada.id, 409, "CANNOT_BLOCK"), (UUID(int=5), 404, "PROFILE_NOT_FOUND")):
        refused = told(await ada.client.put(f"/users/me/blocks/{person}"), status)
        assert refused["code"] == code
    assert await here.rows("select * from blocks") == []


async def test_the_list_is_one_s_own_and_goes_page_by_page(here: Village) -> None:
    ada = await here.join("ada")
    others = [await here.join(name) for name in ("bo", "cy", "di")]
    for other in others:
        for _ in range(2):
            told(await ada.client.put(f"/users/me/blocks/{other.id}"), 204)
    first = (await ada.client.get("/users/me/blocks?limit=2")).json()
    rest = (await ada.client.get(f"/users/me/blocks?limit=2&cursor={first['pagination']['nextCursor']}")).json()
    assert [each["person"]["name"] for each in (*first["data"], *rest["data"])] == ["Di", "Cy", "Bo"]
    assert told(await others[0].client.get("/users/me/blocks")) == []
    assert told(await others[0].client.delete(f"/users/me/blocks/{ada.id}"), 404)["code"] == "BLOCK_NOT_FOUND"


class TestASmallLimit:
    @pytest.fixture
    def market(self) -> Market:
        return village(profiles.Rules(most_blocks=1))

    async def test_it_is_named(self, here: Village) -> None:
        ada, bo, cy = [await here.join(name) for name in ("ada", "bo", "cy")]
        told(await ada.client.put(f"/users/me/blocks/{bo.id}"), 204)
        told(await ada.client.put(f"/users/me/blocks/{bo.id}"), 204)
        refused = told(await ada.client.put(f"/users/me/blocks/{cy.id}"), 409)
        assert (refused["code"], refused["details"]) == ("TOO_MANY_BLOCKS", {"limit": 1})
