"""What must always hold about people and sessions."""

from __future__ import annotations

import asyncpg
import pytest

from souk.kernel.assembly import Market
from souk.modules import identity
from souk.modules.identity.rules import rules_of
from tests.modules.identity.conftest import Town

LAWS = [law.query.sql for law in identity.MODULE.laws]
BREACHES = [
    "update people set status = 'suspended'",
    "insert into spent_refresh_tokens (refresh_hash, session_id, spent_at) select refresh_hash, id, created_at from sessions",
    "update people set roles = '{}'",
]


async def test_the_laws_hold_and_each_notices_its_breach(town: Town) -> None:
    ada = await town.join()
    await (await town.client()).post("/auth/refresh", json={"refreshToken": ada.refresh})
    assert [await town.rows(law) for law in LAWS] == [[]] * len(LAWS)
    for law, breach in zip(LAWS, BREACHES, strict=True):
        connection = await asyncpg.connect(town.dsn)
        try:
            undone = connection.transaction()
            await undone.start()
            await connection.execute(breach)
            assert await connection.fetch(law), law
            await undone.rollback()
        finally:
            await connection.close()


def test_two_identities_in_one_house_are_one_module() -> None:
    """With codes or without: the same tables, so that a market may change its mind."""
    assert identity.MODULE.name == identity.WITH_CODES.name
    assert identity.MODULE.migrations == identity.WITH_CODES.migrations
    assert set(identity.MODULE.operations) < set(identity.WITH_CODES.operations)


def test_a_market_with_identity_and_no_rules_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"no identity\.Rules"):
        rules_of(Market("town", "/town", "Town", (), (identity.MODULE,)))
