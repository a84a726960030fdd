"""Verification: whoever owns the tables, and has not the key, cannot change the log unnoticed."""

from __future__ import annotations

import tracemalloc
from uuid import uuid4

import pytest

from souk.modules.audit import Head, verify
from tests.modules.audit.conftest import Log

SEAL = "position, entry_id, hash, key_id"
NEW_ENTRY = "insert into audit_entries (id, at, action, entity, request_id) values ('{id}', '2026-01-01', 'order.paid', 'order', '')"
NEW_SEAL = "insert into audit_seals (position, entry_id, hash, key_id) values ({at}, '{id}', decode(repeat('ab', 32), 'hex'), 'today')"


def at(position: int) -> str:
    return f"(select entry_id from audit_seals where position = {position})"


def moved(from_: int, by: int) -> tuple[str, str]:
    """The seals from a position on, all so many places further."""
    return (
        f"update audit_seals set position = -(position + {by}) where position >= {from_}",
        "update audit_seals set position = -position where position < 0",
    )


async def open_to_anything(log: Log) -> None:
    """Without the checks that stand in the way of moving seals about."""
    async with log.owner() as owner:
        await owner.execute("alter table audit_seals drop constraint audit_seals_position_check")


async def test_a_log_that_nobody_touched_is_whole(log: Log) -> None:
    await log.filled(8)
    await log.note()
    report = await log.verify()
    assert (report.entries, report.findings, report.more, report.head.position) == (8, (), 0, 8)
    assert report.unsealed == 1
    assert await log.ask("select hash from audit_seals where position = 8") == report.head.hash


async def test_an_empty_log_is_whole(log: Log) -> None:
    report = await log.verify()
    assert (report.entries, report.head, report.findings) == (0, Head(0, bytes(32)), ())


@pytest.mark.parametrize(
    "change",
    [
        "action = 'order.refunded'",
        "person_id = gen_random_uuid()",
        "person_id = null",
        "entity_id = gen_random_uuid()",
        "entity = 'user'",
        "at = at + interval '1 microsecond'",
        "subject_id = gen_random_uuid()",
        "request_id = 'another'",
        "change_digest = null",
        "circumstances_digest = change_digest",
    ],
)
async def test_an_edited_entry_is_found_whatever_was_edited(log: Log, change: str) -> None:
    await log.filled(5)
    await log.tamper(f"update audit_entries set {change} where id = {at(3)}")
    assert "edited 3" in await log.findings()


@pytest.mark.parametrize("change", ["content = '{}'", "salt = decode(repeat('00', 16), 'hex')"])
async def test_edited_details_are_found(log: Log, change: str) -> None:
    await log.filled(5)
    await log.tamper(f"update audit_details set {change} where entry_id = {at(3)}")
    assert await log.findings() == ["edited 3"]


async def test_removed_and_added_details_are_found(log: Log) -> None:
    await log.filled(5)
    await log.tamper(
        f"delete from audit_details where entry_id = {at(2)}",
        f"insert into audit_details values ({at(4)}, 'circumstances', decode(repeat('00', 16), 'hex'), '{{}}')",
    )
    assert await log.findings() == ["deleted 2", "inserted 4"]


async def test_a_deleted_entry_is_found(log: Log) -> None:
    await log.filled(5)
    await log.tamper(f"delete from audit_entries where id = {at(3)}")
    assert await log.findings() == ["deleted 3"]


async def test_entries_that_were_deleted_with_their_seals_are_found(log: Log) -> None:
    await log.filled(9)
    await log.tamper(
        f"delete from audit_entries where id in ({at(3)}, {at(6)}, {at(7)})", "delete from audit_seals where position in (3, 6, 7)"
    )
    found = (await log.verify()).findings
    assert [(one.kind, one.position) for one in found] == [("deleted", 3), ("deleted", 6)]
    assert "positions 6 to 7" in found[1].what


async def test_a_deletion_after_which_the_others_moved_up_is_found(log: Log) -> None:
    await log.filled(9)
    await open_to_anything(log)
    await log.tamper(f"delete from audit_entries where id = {at(4)}", "delete from audit_seals where position = 4", *moved(4, -1))
    assert await log.findings() == ["deleted 4"]


async def test_entries_that_changed_places_are_found(log: Log) -> None:
    await log.filled(9)
    second, seventh = await log.ask(f"select {at(2)}"), await log.ask(f"select {at(7)}")
    async with log.owner() as owner:
        await owner.execute("alter table audit_seals drop constraint audit_seals_entry_id_key")
    await log.tamper(
        f"update audit_seals set entry_id = '{seventh}' where position = 2",
        f"update audit_seals set entry_id = '{second}' where position = 7",
    )
    found = (await log.verify()).findings
    assert [str(one.kind) for one in found] == ["moved", "moved"]
    assert [one.what.rpartition(" ")[2] for one in found] == ["7", "2"], "each is told with the place where it belongs"


@pytest.mark.parametrize(("one", "other"), [(2, 3), (2, 4), (2, 8), (8, 9), (1, 9)])
async def test_seals_that_changed_places_with_their_entries_are_found(log: Log, one: int, other: int) -> None:
    await log.filled(9)
    await open_to_anything(log)
    await log.tamper(
        f"update audit_seals set position = -position where position in ({one}, {other})",
        f"update audit_seals set position = {one} + {other} + position where position < 0",
    )
    assert sorted(await log.findings()) == [f"moved {one}", f"moved {other}"]


async def test_an_entry_that_was_put_in_beside_the_chain_is_found(log: Log) -> None:
    await log.filled(3)
    await log.tamper(NEW_ENTRY.format(id=uuid4()))
    assert await log.findings() == ["inserted None"]


async def test_an_entry_that_was_put_at_the_end_of_the_chain_is_found(log: Log) -> None:
    await log.filled(3)
    new = uuid4()
    await log.tamper(NEW_ENTRY.format(id=new), NEW_SEAL.format(at=4, id=new))
    assert await log.findings() == ["edited 4"]


async def test_an_entry_that_was_put_into_the_chain_is_found(log: Log) -> None:
    await log.filled(9)
    await open_to_anything(log)
    new = uuid4()
    await log.tamper(NEW_ENTRY.format(id=new), *moved(4, 1), NEW_SEAL.format(at=4, id=new))
    assert await log.findings() == ["inserted 4", "inserted 5"]


async def test_a_tail_that_was_cut_off_is_found_by_the_head_that_was_kept(log: Log) -> None:
    await log.filled(9)
    head = (await log.verify()).head
    assert await log.findings(since=head) == []
    await log.tamper(f"delete from audit_entries where id in ({at(8)}, {at(9)})", "delete from audit_seals where position > 7")
    assert await log.findings() == [], "by itself a chain does not know that it was longer"
    (found,) = (await log.verify(since=head)).findings
    assert found.kind == "cut_off"
    assert "2 entries" in found.what


async def test_a_tail_whose_seals_alone_were_cut_off_is_found(log: Log) -> None:
    await log.filled(5)
    await log.tamper("delete from audit_seals where position > 3")
    assert await log.findings() == ["inserted None", "inserted None"]


async def test_a_chain_that_was_cut_off_and_grew_again_is_found_by_the_head_that_was_kept(log: Log) -> None:
    await log.filled(5)
    head = (await log.verify()).head
    await log.tamper(f"delete from audit_entries where id = {at(5)}", "delete from audit_seals where position = 5")
    await log.filled(3)
    assert await log.findings() == []
    assert await log.findings(since=head) == ["edited 5"]


async def test_whoever_has_another_key_cannot_make_a_chain(log: Log) -> None:
    await log.filled(4)
    await log.tamper("update audit_seals set hash = sha256(hash) where position = 4")
    assert await log.findings() == ["edited 4"]
    await log.tamper("update audit_seals set key_id = 'mine' where position = 4")
    assert await log.findings() == ["unverifiable None"]


async def test_every_seal_altered_is_counted_and_the_first_are_told(log: Log) -> None:
    await log.filled(150)
    await log.tamper("update audit_entries set action = 'order.refunded'", "update audit_details set content = '{}'")
    report = await log.verify()
    assert len(report.findings) == 100
    assert len(report.findings) + report.more == 300


MANY = """with added as (
    insert into audit_entries (id, at, action, entity, entity_id, request_id)
    select gen_random_uuid(), clock_timestamp(), 'order.paid', 'order', gen_random_uuid(), repeat('r', 50) from generate_series(1, $1::int)
    returning id)
insert into audit_unsealed (entry_id) select id from added returning 1"""


async def test_a_long_chain_is_verified_in_a_bounded_memory(log: Log) -> None:
    """What 10,000 entries take is what 2,000 take: one batch."""
    small, large = [await peak(log, more) for more in (2_000, 8_000)]
    assert large < 1.5 * small


async def peak(log: Log, more: int) -> int:
    """The memory that verifying takes, when so many entries have been added."""
    await log.rows(MANY, more)
    await log.sealed()
    tracemalloc.start()
    report = await log.verify()
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.findings == ()
    assert report.entries >= more
    return taken


async def test_progress_is_told(log: Log) -> None:
    await log.filled(3)
    heard: list[int] = []
    await verify(log.database, log.sealer, heard=heard.append)
    assert heard == [3]
