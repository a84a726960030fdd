"""What profiles cost: round trips, counted on the wire."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http import Actor
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Outbox
from souk.modules import profiles
from tests.kernel.db.conftest import Proxy, proxy
from tests.modules.profiles.conftest import MODULES, Village

__all__ = ["proxy"]

RULES = profiles.Rules()
PEOPLE = 50


async def test_reading_is_one_round_trip_writing_two_and_fifty_cards_one(
    here: Village, proxy: Proxy, closing: Callable[[Callable[[], Awaitable[object]]], None]
) -> None:
    await here.with_skills()
    ada = await here.worker("ada", skills=["carpentry", "figma"], bio="I build.")
    await here.do(
        """insert into people (id, email, email_key, first_name, last_name, roles, language, timezone, created_at)
           select gen_random_uuid(), n || '@example.com', n || '@example.com', 'P' || n, 'Q', '{worker}', 'en', 'UTC', clock_timestamp()
           from generate_series(1, 50) n"""
    )
    people = [row[0] for row in await here.rows("select id from people where email like '%@example.com' limit $1", PEOPLE)]
    await proxy.up()
    pool = Pool(proxy.dsn, size=1)
    closing(pool.close)
    catalogue = Catalogue(MODULES)
    database = Database(pool, Clock(), lambda tx: Outbox(catalogue, tx))
    by = Actor(ada.id, frozenset({"worker"}), new_id(), "sample")
    written = iter(range(1000))

    async def write(tx: Tx) -> object:
        return await profiles.change(tx, by, RULES, profiles.Changes(headline=f"Builder {next(written)}", skills=("figma", "sql")))

    works: dict[str, tuple[Callable[[Callable[[Tx], Awaitable[object]]], Awaitable[object]], Callable[[Tx], Awaitable[object]], int]] = {
        "read": (database.read, lambda tx: profiles.profile(tx, None, RULES, ada.id), 1),
        "write": (database.write, write, 2),
        "cards": (database.read, lambda tx: profiles.cards(tx, people), 1),
        "providers": (database.read, lambda tx: profiles.providers(tx, people), 1),
    }
    for name, (run, work, trips) in works.items():
        for _ in range(8):  # until nothing of it is new to the connection
            await run(work)
        proxy.trips()
        begun = time.perf_counter()
        await run(work)
        print(f"{name}: {trips} round trips, {1000 * (time.perf_counter() - begun):.1f} ms")  # noqa: T201 - its figures
        assert proxy.trips() == ["sync"] * trips, name
    assert len(await database.read(lambda tx: profiles.cards(tx, people))) == PEOPLE
