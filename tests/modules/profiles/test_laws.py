"""Laws of profiles hold of a village, and each catches its fault."""

from __future__ import annotations

from souk.modules import profiles
from tests.modules.profiles.conftest import Village


async def test_laws_hold_of_a_village_and_each_catches_its_fault(here: Village) -> None:
    await here.with_skills()
    ada = await here.worker("ada", bio="I build.", skills=["carpentry", "whistling"])
    bo = await here.worker("bo", bio="I paint.")
    await bo.asks("PUT", f"/users/me/blocks/{ada.id}")
    laws = profiles.MODULE.laws
    assert len(laws) == 3
    for law in laws:
        assert await here.rows(law.query.sql) == []
    await here.do("update people set status = 'erased', email = null, email_key = null, password_hash = null where id = $1", ada.id)
    await here.do("delete from skill_names where slug = 'gardening'")
    assert [len(await here.rows(law.query.sql)) for law in laws] == [1, 1, 1]
