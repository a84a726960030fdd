"""The schema that migrations lead to is the one that the sources declare, for everything any market can have."""

from __future__ import annotations

from souk.kernel.migrate import Source, declare, differences, migrate, shape

SECRET = "s"


async def test_the_migrated_schema_is_the_declared_one(dsn: str, sources: tuple[Source, ...]) -> None:
    await migrate(dsn, "as_migrated", sources, secret=SECRET)
    await declare(dsn, "as_declared", sources, secret=SECRET)
    found = differences(await shape(dsn, "as_declared"), await shape(dsn, "as_migrated"))
    assert not found, "\n".join(found)
