"""Sealing: one chain, whoever writes and whoever seals; nothing is lost that commits late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec

from souk.kernel.clock import Clock
from souk.kernel.config import Settings
from souk.kernel.db import Database, Pool
from souk.kernel.messages import Catalogue, Outbox, Worker
from souk.markets.sample import SAMPLE
from souk.modules.audit import MODULE, Sealer, erase, record, seal
from souk.modules.audit.jobs import resources
from tests.modules.audit.conftest import KEY, OLD, Log

CHAIN = "select position from audit_seals order by position"
LAWS = [law.query.sql for law in MODULE.laws]


async def test_entries_get_positions_without_gaps_in_the_order_of_their_transactions(log: Log) -> None:
    things = [await log.note("order.paid", "order") for _ in range(5)]
    await log.sealed()
    chained = await log.rows("select s.position, e.entity_id from audit_seals s join audit_entries e on e.id = s.entry_id order by 1")
    assert [tuple(row) for row in chained] == list(enumerate(things, 1))
    more = await log.note("order.paid", "order")
    await log.sealed()
    assert await log.ask("select e.entity_id from audit_seals s join audit_entries e on e.id = s.entry_id where position = 6") == more


async def test_an_entry_that_commits_late_is_not_lost_and_nothing_overtakes_it(log: Log, database: Database) -> None:
    late = uuid4()
    async with database.begin() as tx:
        await record(tx, "order.paid", "order", late, by=log.staff)
        early = await log.note("order.paid", "order")
        await database.write(lambda other: seal(other, log.sealer))
        assert await log.rows(CHAIN) == [], "nothing is sealed while a transaction below it is open"
    await log.sealed()
    chained = await log.rows("select e.entity_id from audit_seals s join audit_entries e on e.id = s.entry_id order by position")
    assert [row[0] for row in chained] == [late, early]


async def test_many_writers_and_several_sealers_make_one_chain(log: Log, database: Database) -> None:
    async def write(number: int) -> None:
        async with database.begin() as tx:
            await record(tx, "order.paid", "order", uuid4(), by=log.staff, after={"number": number})
            await asyncio.sleep(number % 5 * 0.003)

    async def write_all() -> None:
        for start in range(0, 60, 3):
            await asyncio.gather(*(write(start + i) for i in range(3)))

    writing = asyncio.create_task(write_all())
    while not writing.done():
        await asyncio.gather(*(database.write(lambda tx: seal(tx, log.sealer, 3)) for _ in range(2)))
    await writing
    await log.sealed()
    assert [row[0] for row in await log.rows(CHAIN)] == list(range(1, 61))
    report = await log.verify()
    assert (report.entries, report.unsealed, report.findings) == (60, 0, ())


async def test_a_second_sealer_stands_back_while_the_first_is_at_it(log: Log, database: Database) -> None:
    await log.note()
    async with database.begin() as first:
        sealing = 0
        while not sealing:
            sealing = await seal(first, log.sealer)
        await log.note()
        assert await asyncio.wait_for(database.write(lambda tx: seal(tx, log.sealer)), 5) == 0
    await log.sealed()
    assert await log.findings() == []


async def test_every_minute_a_worker_seals_what_waits_however_many_batches(log: Log, pool: Pool, clock: Clock) -> None:
    """As the market runs it: the keys are found by their type."""
    own = resources(Settings.load({}), SAMPLE)
    await log.rows(
        """with added as (insert into audit_entries (id, at, action, entity, request_id)
               select gen_random_uuid(), clock_timestamp(), 'order.paid', 'order', '' from generate_series(1, 1200) returning id)
           insert into audit_unsealed (entry_id) select id from added returning 1"""
    )
    catalogue = Catalogue([MODULE])
    worker = Worker(Database(pool, clock, lambda tx: Outbox(catalogue, tx)), catalogue, resources=own)
    await worker.drain()
    for minute in range(1, 60):
        clock.move_to(timedelta(minutes=minute))
        await worker.drain()
        if await log.ask("select count(*) from audit_unsealed") == 0:
            break
        await asyncio.sleep(0.1)  # another test's transaction was open
    assert await log.ask("select max(position) from audit_seals") == 1200
    sealer = own[Sealer]
    assert isinstance(sealer, Sealer)
    log.sealer = sealer
    assert await log.findings() == []


async def test_what_an_earlier_key_sealed_is_verified_for_as_long_as_it_is_known(log: Log) -> None:
    log.sealer = Sealer({"before": OLD})
    await log.filled(3)
    log.sealer = Sealer({"today": KEY, "before": OLD})
    await log.filled(2)
    assert [row[0] for row in await log.rows("select key_id from audit_seals order by position")] == ["before"] * 3 + ["today"] * 2
    assert await log.findings() == []
    log.sealer = Sealer({"today": KEY})
    (found,) = (await log.verify()).findings
    assert (found.kind, "3 entries" in found.what, "before" in found.what) == ("unverifiable", True, True)


async def test_each_market_has_keys_of_its_own() -> None:
    settings = Settings.load({})
    one, other = (resources(settings, msgspec.structs.replace(SAMPLE, name=name))[Sealer] for name in ("one", "other"))
    assert isinstance(one, Sealer)
    assert isinstance(other, Sealer)
    assert one._keys != other._keys


async def test_the_laws_hold_and_each_notices_its_breach(log: Log) -> None:
    await log.filled(3)
    person = await log.note(after={"name": "Ada"})
    await log.database.write(lambda tx: erase(tx, person))
    await log.note()
    breaches = (
        "delete from audit_seals where position = 2",
        "delete from audit_entries where id = (select entry_id from audit_seals where position = 2)",
        "delete from audit_unsealed",
        "delete from audit_details where part = 'change'",
        "delete from audit_entries where action = 'audit.erased'",
    )
    async with log.owner() as owner:
        for law, breach in zip(LAWS, breaches, strict=True):
            assert await owner.fetch(law) == []
            await owner.execute(f"begin; {breach}")
            assert len(await owner.fetch(law)) >= 1
            await owner.execute("rollback")


async def test_entries_that_were_restored_from_a_copy_are_sealed_as_well(log: Log) -> None:
    """Another server counts transactions anew: what it is given may be far ahead of its own."""
    await log.filled(2)
    await log.note()
    await log.tamper("update audit_unsealed set txid = '1000000000000'")
    await log.note()
    await log.sealed()
    assert await log.findings() == []
