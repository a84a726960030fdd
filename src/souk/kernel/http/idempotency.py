"""Idempotency keys: a request that is repeated has one effect and gets the first answer byte for byte.

The key is looked up in the caller's own transaction, before anything is done, and the answer is stored in the same one:
effect and answer exist together or not at all. A refusal rolls back, so nothing of it is kept: the same request may
succeed later, and a refusal repeated is judged anew. What is stored are the answers of changes that were committed.

A key belongs to one principal and one route. While its first request runs, others are refused with 409, in every
process; the same key with another body is refused with 422.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx, count, only
from souk.kernel.http.answer import Answer
from souk.kernel.http.refusals import KeyInFlight, KeyReused, invalid
from souk.kernel.messages import periodic

LONGEST_KEY: Final = 255
KEPT_HOURS: Final = 25
"""An hour more than is promised, because the purge comes once an hour."""


class Stored(msgspec.Struct, frozen=True):
    """What is known of a key: whether it is free for us, and the answer, if there is one."""

    free: bool
    digest: bytes | None
    status: int | None
    headers: bytes | None
    body: bytes | None


LOOK_UP = only(Stored, 'select free as "free!", digest, status, headers, body from idempotency_answer($1)')
KEEP = count("insert into idempotency (request, digest, status, headers, body) values ($1, $2, $3, $4, $5)")
PURGE = count(
    """delete from idempotency where request in (
         select request from idempotency where created < clock_timestamp() - make_interval(hours => $1) order by created limit 10000)"""
)

_headers: Final = msgspec.json.Decoder(list[tuple[str, str]])


def checked_key(raw: bytes) -> str:
    """The key of an `Idempotency-Key` header: 1 to 255 printable ASCII characters."""
    if not 1 <= len(raw) <= LONGEST_KEY or not all(32 < character < 127 for character in raw):
        raise invalid("Idempotency-Key", f"must be 1 to {LONGEST_KEY} printable ASCII characters without spaces")
    return raw.decode("ascii")


async def look_up(tx: Tx, principal: str, route: str, key: str, digest: bytes) -> Answer | None:
    """Take the key for this transaction. The stored answer if there is one, None if the caller is the first."""
    stored = await tx.run(LOOK_UP, _request(principal, route, key))
    if not stored.free:
        raise KeyInFlight
    if stored.digest is None or stored.status is None or stored.headers is None or stored.body is None:
        return None
    if stored.digest != digest:
        raise KeyReused
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers.decode(stored.headers)]
    return Answer(stored.status, headers, stored.body)


async def keep(  # noqa: PLR0913, PLR0917 - the name of an answer has four parts
    tx: Tx, principal: str, route: str, key: str, digest: bytes, answer: Answer
) -> None:
    """Store the answer with the change it tells of. The last statement of the transaction: the outbox rides on it."""
    headers = msgspec.json.encode([(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers])
    await tx.finish(KEEP, _request(principal, route, key), digest, answer.status, headers, answer.body)


def _request(principal: str, route: str, key: str) -> UUID:
    return UUID(bytes=blake2b(f"{principal}\0{route}\0{key}".encode(), digest_size=16).digest())


@periodic("29 * * * *", name="http.forget_idempotency_keys")
async def forget_idempotency_keys(tx: Tx) -> None:
    """Forget answers that were kept for longer than promised, a part at a time, so that no lock is long."""
    await tx.run(PURGE, KEPT_HOURS)
