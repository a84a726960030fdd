"""Idempotency keys against a real database: one effect, the first answer, whoever asks again and how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import pytest

from souk.kernel.db import Database, Tx
from souk.kernel.db.query import Query
from souk.kernel.errors import Refusal
from souk.kernel.http.answer import Answer
from souk.kernel.http.idempotency import KEPT_HOURS, checked_key, forget_idempotency_keys, keep, look_up
from souk.kernel.http.refusals import Invalid, KeyInFlight, KeyReused

NOTE: Query[int] = Query(
    "count", None, "insert into idempotency (request, digest, status, headers, body) values ($1, '', 0, '', 'effect')", __name__
)
EFFECTS: Query[int] = Query("only", int, "select count(*) from idempotency where body = 'effect'", __name__)


async def charge(database: Database, key: str, digest: bytes = b"body", principal: str = "ada", route: str = "POST /charges") -> Answer:
    """What the edge does: look the key up, do it, keep the answer, all in one transaction."""

    async def work(tx: Tx) -> Answer:
        stored = await look_up(tx, principal, route, key, digest)
        if stored is not None:
            return stored
        charged = uuid4()
        await tx.run(NOTE, charged)
        answer = Answer(201, [(b"content-type", b"application/json"), (b"x-name", "Zoë".encode("latin-1"))], charged.bytes)
        await keep(tx, principal, route, key, digest, answer)
        return answer

    return await database.write(work)


async def effects(database: Database) -> int:
    return await database.read(lambda tx: tx.run(EFFECTS))


def same(a: Answer, b: Answer) -> bool:
    return (a.status, a.headers, a.body) == (b.status, b.headers, b.body)


async def test_a_repeated_request_gets_the_first_answer_byte_for_byte_and_has_one_effect(database: Database) -> None:
    first = await charge(database, "k1")
    assert same(await charge(database, "k1"), first)
    assert await effects(database) == 1


async def test_a_key_belongs_to_one_principal_and_one_route(database: Database) -> None:
    first = await charge(database, "k1")
    others = await charge(database, "k1", principal="bo"), await charge(database, "k1", route="POST /refunds")
    assert len({answer.body for answer in (first, *others)}) == 3


async def test_a_key_with_another_body_is_refused(database: Database) -> None:
    await charge(database, "k1")
    with pytest.raises(KeyReused):
        await charge(database, "k1", digest=b"other")
    assert await effects(database) == 1


async def test_a_key_whose_first_request_still_runs_is_refused(database: Database) -> None:
    async with database.begin() as tx:
        assert await look_up(tx, "ada", "POST /charges", "k1", b"body") is None
        with pytest.raises(KeyInFlight):
            await charge(database, "k1")
    assert (await charge(database, "k1")).status == 201


async def test_a_refusal_is_not_kept_so_the_same_request_may_succeed_later(database: Database) -> None:
    async def refuse(tx: Tx) -> None:
        assert await look_up(tx, "ada", "POST /charges", "k1", b"body") is None
        await tx.run(NOTE, uuid4())
        raise KeyReused

    with pytest.raises(KeyReused):
        await database.write(refuse)
    assert await effects(database) == 0
    assert (await charge(database, "k1")).status == 201


async def test_fifty_clients_with_one_key_have_one_effect_and_equal_answers_or_conflicts(database: Database) -> None:
    async def client() -> bytes | str:
        try:
            return (await charge(database, "k1")).body
        except Refusal as refusal:
            return refusal.code

    said = Counter(await asyncio.gather(*(client() for _ in range(50))))
    said.pop("KEY_IN_FLIGHT", None)
    assert len(said) == 1
    assert await effects(database) == 1
    assert (await client()) in said


async def test_answers_are_forgotten_a_day_later_by_the_databases_clock_and_not_before(database: Database, admin_dsn: str) -> None:
    old, young = await charge(database, "old"), await charge(database, "young")
    connection = await asyncpg.connect(admin_dsn)
    for body, hours in ((old.body, KEPT_HOURS + 1), (young.body, 24)):
        age = f"update sample.idempotency set created = clock_timestamp() - interval '{hours} hours' where body = $1"
        await connection.execute(age, body)
    await connection.close()
    await database.write(forget_idempotency_keys)
    assert same(await charge(database, "young"), young)
    assert not same(await charge(database, "old"), old)


@pytest.mark.parametrize("raw", [b"", b"a" * 256, b"with space", b"tab\t", "ü".encode(), b"\x00", b"\x7f"])
def test_a_key_that_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        checked_key(raw)


@pytest.mark.parametrize("raw", [b"a", b"a" * 255, str(UUID(int=7)).encode()])
def test_a_plain_key_is_taken_as_it_is(raw: bytes) -> None:
    assert checked_key(raw) == raw.decode()
