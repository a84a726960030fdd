"""Erasure: what says something of a person goes; the chain stays whole, and nothing can be hidden behind an erasure."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from souk.modules.audit import erase, export
from tests.modules.audit.conftest import Log, actor
from tests.modules.audit.test_recording import asked

DETAILS = "select entry_id, part::text from audit_details order by 1, 2"


async def forget(log: Log, person: UUID) -> None:
    await log.database.write(lambda tx: erase(tx, person))


async def everything(log: Log) -> str:
    """All that the tables hold, as text."""
    found = [await log.rows(f"select t::text from {table} t") for table in ("audit_entries", "audit_details", "audit_erasures")]
    return json.dumps([row[0] for rows in found for row in rows])


async def test_what_was_said_of_a_person_is_gone_and_the_chain_is_whole(log: Log) -> None:
    ada = actor("customer")
    with asked(user_agent="Adas browser"):
        await log.note("user.renamed", "user", ada.id, by=ada, before={"name": "Adda"}, after={"name": "Ada Lovelace"})
        await log.note("user.suspended", "user", ada.id, by=log.staff, after={"email": "ada@example.com"}, why="as Ada asked")
        await log.note("order.paid", "order", by=ada, after={"total": 5})
    await log.sealed()
    await forget(log, ada.id)
    held = await everything(log)
    assert [word for word in ("Ada", "Adda", "example.com") if word in held.replace("Adas browser", "")] == []
    assert held.count("Adas browser") == 1, "that of the staff's request: it is theirs"
    await log.sealed()
    report = await log.verify()
    assert (report.findings, report.erased, report.entries) == ((), 4, 4)


async def test_what_staff_did_to_others_stays_when_they_leave(log: Log) -> None:
    with asked(user_agent="Firefox"):
        await log.note(after={"status": "suspended"})
    await forget(log, log.staff.id)
    parts = [row[1] for row in await log.rows(DETAILS)]
    assert parts == ["change", "change"], "what was changed, and the note of the erasure"


async def test_somebody_who_is_not_signed_in_is_whom_it_is_about(log: Log) -> None:
    ada = uuid4()
    with asked(user_agent="Firefox"):
        await log.note("login.failed", "user", ada, by=None)
    await forget(log, ada)
    assert "Firefox" not in await everything(log)


async def test_a_change_may_hold_somebody_elses_data(log: Log) -> None:
    ada = uuid4()
    await log.note("profile.changed", "profile", by=None, after={"about": "I am Ada"}, of=ada)
    await forget(log, ada)
    assert "I am Ada" not in await everything(log)
    await log.sealed()
    assert await log.findings() == []


async def test_erasing_twice_or_nothing_leaves_no_further_trace(log: Log) -> None:
    ada = await log.note(after={"name": "Ada"})
    await forget(log, ada)
    await forget(log, ada)
    await forget(log, uuid4())
    assert await log.ask("select count(*) from audit_entries where action = 'audit.erased'") == 1
    await log.sealed()
    assert await log.findings() == []


async def test_an_erasure_before_the_seal_is_one_too(log: Log) -> None:
    ada = await log.note(after={"name": "Ada"})
    await forget(log, ada)
    await log.sealed()
    report = await log.verify()
    assert (report.findings, report.erased) == ((), 1)


async def test_details_that_were_removed_under_cover_of_an_erasure_are_found(log: Log) -> None:
    """Whoever owns the tables can claim that a detail was erased; the erasure's own entry, which is sealed, says which were."""
    ada = await log.note(after={"name": "Ada"})
    bribe = await log.note("order.paid", "order", after={"total": 1})
    await forget(log, ada)
    await log.sealed()
    entry = f"(select id from audit_entries where entity_id = '{bribe}')"
    await log.tamper(
        f"delete from audit_details where entry_id = {entry}",
        f"insert into audit_erasures select {entry}, 'change', id from audit_entries where action = 'audit.erased'",
    )
    assert await log.findings() == ["edited 3"]


async def test_details_that_were_removed_under_cover_of_no_erasure_are_found(log: Log) -> None:
    await log.filled(2)
    entry = "(select entry_id from audit_seals where position = 1)"
    await log.tamper(
        f"delete from audit_details where entry_id = {entry}",
        f"insert into audit_erasures select {entry}, 'change', (select entry_id from audit_seals where position = 2)",
    )
    assert await log.findings() == ["deleted 1"]


async def test_an_export_holds_ones_own_and_nothing_of_the_staff(log: Log) -> None:
    ada = actor("customer")
    with asked(user_agent="Adas browser"):
        await log.note("user.renamed", "user", ada.id, by=ada, after={"name": "Ada"})
    with asked(user_agent="the staffs browser"):
        await log.note("user.suspended", "user", ada.id, by=log.staff, after={"status": "suspended"})
        await log.note("user.suspended", "user", by=log.staff, after={"status": "of somebody else"})
    exported: Any = await log.database.read(lambda tx: export(tx, ada.id))
    text = json.dumps(exported)
    assert [one["action"] for one in exported] == ["user.renamed", "user.suspended"]
    assert [word in text for word in ("Adas browser", "suspended", "staffs", str(log.staff.id), "somebody else")] == [
        True,
        True,
        False,
        False,
        False,
    ]
