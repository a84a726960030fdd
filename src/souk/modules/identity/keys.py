"""API keys: by one, a program acts for a person, within the scopes that its owner gave it.

A key is shown once and stored as a digest; it holds 256 random bits, so there is nothing to guess from that. What it may is looked
up, not written in it: a key dies with its owner's suspension and follows their roles. Its own id stands where a session's does, so
that revoking it reaches every process at once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http.guards import Actor, capacities_of
from souk.kernel.http.refusals import invalid
from souk.kernel.http.revocations import revoke
from souk.kernel.http.tokens import Tokens
from souk.kernel.ids import new_id
from souk.modules import audit
from souk.modules.identity.credentials import NEVER_GRANTED, ApiKey, MadeKey, NewKey
from souk.modules.identity.errors import KeyNotFound, TooManyKeys
from souk.modules.identity.people import any_person
from souk.modules.identity.sql import keys as sql

PREFIX: Final = "souk_"
AT_MOST: Final = 50
"""Keys of one person that work at the same time."""


def grantable(market: Market) -> frozenset[str]:
    """The scopes that a key of this market may have."""
    scopes = {operation.scope for module in market.modules for operation in module.operations}
    return frozenset(scope for scope in scopes if not NEVER_GRANTED.fullmatch(scope))


async def make(tx: Tx, market: Market, by: Actor, wanted: NewKey) -> MadeKey:
    """Make a key. The answer is the only place where it ever stands."""
    _check(tx, market, wanted)
    await any_person(tx, by.id, lock=True)
    if await tx.run(sql.KEYS_IN_USE, by.id, tx.now) >= AT_MOST:
        raise TooManyKeys(limit=AT_MOST)
    key = PREFIX + secrets.token_urlsafe(32)
    scopes = sorted(set(wanted.scopes))
    made = await tx.run(sql.ADD_KEY, new_id(), by.id, wanted.name, key[-4:], digest_of(key), scopes, tx.now, wanted.expires_at)
    await audit.record(tx, "api_key.made", "api_key", made.id, by=by, of=by.id, after={"scopes": scopes, "expiresAt": made.expires_at})
    return MadeKey(made.id, made.name, made.hint, made.scopes, made.created_at, made.expires_at, key)


def _check(tx: Tx, market: Market, wanted: NewKey) -> None:
    allowed = grantable(market)
    for i, scope in enumerate(wanted.scopes):
        if scope not in allowed:
            raise invalid(f"scopes[{i}]", f"is no scope that a key may have; one of {', '.join(sorted(allowed))}")
    if wanted.expires_at is not None and wanted.expires_at <= tx.now:
        raise invalid("expiresAt", "lies in the past; a moment in the future, or null for a key that does not expire")


async def keys_of(tx: Tx, person_id: UUID) -> list[ApiKey]:
    """A person's keys that are not revoked, newest first; the expired among them too, so that their owner can tell why one fails."""
    return await tx.run(sql.KEYS_OF, person_id)


async def revoke_key(tx: Tx, tokens: Tokens, by: Actor, key_id: UUID) -> None:
    """Revoke one of the caller's keys: it works nowhere any more once this is committed."""
    key = await tx.run(sql.REVOKE_KEY, key_id, by.id, tx.now)
    if key is None:
        raise KeyNotFound
    await revoke(tx, tokens, [key_id])
    await audit.record(tx, "api_key.revoked", "api_key", key_id, by=by, of=by.id, before={"scopes": list(key.scopes)})


async def revoke_all(tx: Tx, tokens: Tokens, person_id: UUID) -> Sequence[UUID]:
    """Revoke every key of a person, and say which those were."""
    revoked = await tx.run(sql.REVOKE_KEYS, person_id, tx.now)
    await revoke(tx, tokens, revoked)
    return revoked


async def actor_of_key(tx: Tx, market: Market, key: str) -> Actor | None:
    """Who acts by this key: its owner with their roles of now, within its scopes. None when it does not count (any more)."""
    holder = await tx.run(sql.KEY_HOLDER, digest_of(key), tx.now)
    if holder is None:
        return None
    capacities = capacities_of(holder.roles, market.roles)
    return Actor(holder.person_id, holder.roles, holder.id, market.name, capacities, holder.scopes)


def digest_of(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()
