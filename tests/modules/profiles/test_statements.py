"""The module's statements fit its schema and the types they answer, are used, and its laws catch what they are for."""

from __future__ import annotations

from souk.kernel.db import QUERIES
from souk.kernel.db.checks import check_statements
from souk.kernel.db.usage import check_usage
from souk.modules import profiles
from tests.modules.profiles.conftest import Village

OURS = [query for query in QUERIES if query.home.startswith("souk.modules.profiles.")]


async def test_every_statement_fits_the_schema_and_the_type_it_answers(runtime_dsn: str) -> None:
    assert len(OURS) > 20
    complaints = await check_statements(runtime_dsn, OURS)
    assert not complaints, "\n".join(complaints)


def test_every_statement_is_used() -> None:
    complaints = check_usage(profiles.MODULE.folder, OURS)
    assert not complaints, "\n".join(complaints)


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
