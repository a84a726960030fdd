"""Recording: in the caller's transaction, from the current request, without secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from souk.kernel.db import Database, Tx
from souk.kernel.http.request import CURRENT, Request
from souk.modules.audit import record
from tests.modules.audit.conftest import Log

CONTENT = "select content from audit_details where part = $1::audit_part"


@contextmanager
def asked(**headers: str) -> Iterator[None]:
    """While a request is being answered."""
    raw = {name.replace("_", "-").encode(): value.encode("latin-1", "replace") for name, value in headers.items()}
    request = Request("POST", "/x", b"", raw, (), "203.0.113.7")
    request.request_id = b"req-1"
    token = CURRENT.set(request)
    try:
        yield
    finally:
        CURRENT.reset(token)


async def content(log: Log, part: str) -> Any:
    return json.loads(await log.ask(CONTENT, part))


async def test_an_entry_says_who_did_what_to_which_thing_and_from_where(log: Log) -> None:
    with asked(user_agent="Firefox"):
        person = await log.note(before={"status": "active"}, after={"status": "suspended"}, why="spam")
    (row,) = await log.rows("select action, entity, entity_id, person_id, request_id, at from audit_entries")
    assert tuple(row)[:5] == ("user.suspended", "user", person, log.staff.id, "req-1")
    assert await content(log, "circumstances") == {"address": "203.0.113.7", "agent": "Firefox"}
    assert await content(log, "change") == {"before": {"status": "active"}, "after": {"status": "suspended"}, "why": "spam"}


async def test_what_a_job_does_has_no_circumstances(log: Log) -> None:
    await log.note(by=None)
    assert [tuple(row) for row in await log.rows("select person_id, request_id from audit_entries")] == [(None, "")]
    assert await log.ask("select count(*) from audit_details") == 0


async def test_an_entry_goes_with_the_transaction_that_wrote_it(log: Log, database: Database) -> None:
    async def refused(tx: Tx) -> None:
        await record(tx, "user.suspended", "user", uuid4(), by=None, after={"status": "suspended"})
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(refused)
    for table in ("audit_entries", "audit_details", "audit_unsealed"):
        assert await log.ask(f"select count(*) from {table}") == 0


async def test_writers_do_not_wait_for_each_other(log: Log, database: Database) -> None:
    async with database.begin() as first:
        await record(first, "user.suspended", "user", uuid4(), by=log.staff, after={"a": 1})
        await asyncio.wait_for(log.note(), 5)


@pytest.mark.parametrize(
    "name", ["password", "newPassword", "accessToken", "refresh_token", "totp_secret", "apiKey", "code", "phoneCode", "recovery_codes"]
)
async def test_secrets_never_enter(log: Log, name: str) -> None:
    await log.note(before={name: "s3cr3t"}, after={"deep": [{name: "s3cr3t"}], "kept": "plain"}, why="the password=s3cr3t was told")
    assert "s3cr3t" not in await log.ask(CONTENT, "change")
    assert (await content(log, "change"))["after"]["kept"] == "plain"


@pytest.mark.parametrize("name", ["country_code", "currencyCode", "postcode", "decoder", "codec"])
async def test_what_only_sounds_like_a_code_is_kept(log: Log, name: str) -> None:
    await log.note(after={name: "DE"})
    assert (await content(log, "change"))["after"] == {name: "DE"}


class Profile(msgspec.Struct):
    name: str
    since: datetime
    hash: bytes


async def test_a_struct_is_told_as_json_has_it_and_bytes_are_only_counted(log: Log) -> None:
    await log.note(after=Profile("Ada", datetime(2026, 1, 1, tzinfo=UTC), b"\xff\x00secret"))
    assert (await content(log, "change"))["after"] == {"name": "Ada", "since": "2026-01-01T00:00:00Z", "hash": "<8 bytes>"}


async def test_sizes_are_bounded(log: Log) -> None:
    with asked(user_agent="A" * 5000):
        await log.note(before={f"field {n}": "x" * 5000 for n in range(50)}, why="y" * 9000)
    change = await content(log, "change")
    assert change["before"]["tooLarge"] > 32_000
    assert len(change["before"]["fields"]) == 50
    assert len(change["why"]) == 2000
    assert len((await content(log, "circumstances"))["agent"]) == 300


async def test_what_json_can_hold_and_a_text_cannot_is_no_obstacle(log: Log) -> None:
    with asked(user_agent="nul \x00 and \xff"):
        await log.note(after={"text": "nul \x00, half a pair \ud800, 😀", "number": 2**80, "not": float("nan")}, why="\x00")
    await log.sealed()
    assert await log.findings() == []


@pytest.mark.parametrize("table", ["audit_entries", "audit_seals", "audit_erasures", "audit_details"])
async def test_nobody_changes_what_was_recorded(log: Log, runtime_dsn: str, admin_dsn: str, table: str) -> None:
    await log.filled(1)
    for dsn in (runtime_dsn, admin_dsn):
        connection = await asyncpg.connect(dsn)
        await connection.execute("set search_path to sample")
        column = "position = 1" if table == "audit_seals" else "entry_id = entry_id" if table != "audit_entries" else "action = ''"
        for statement in (f"update {table} set {column}", f"truncate {table} cascade"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        if table != "audit_details":
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"delete from {table}")
        await connection.close()
