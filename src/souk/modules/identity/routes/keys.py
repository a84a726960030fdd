"""API keys over HTTP: made, listed and revoked by their owner, never by a key."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.assembly import Market
from souk.kernel.db import Tx
from souk.kernel.http import MEMBER, Actor, Reply, Tokens, operation
from souk.modules.identity import keys
from souk.modules.identity.credentials import ApiKey, MadeKey, NewKey
from souk.modules.identity.doorkeeper import UNSTORED
from souk.modules.identity.errors import KeyNotFound, PersonNotFound, TooManyKeys


@operation(
    "POST",
    "/auth/api-keys",
    who=MEMBER,
    status=201,
    idempotent=False,
    refusals=(PersonNotFound, TooManyKeys),
    example={"name": "Nightly report", "scopes": ["identity:read"], "expiresAt": None},
)
async def make_api_key(tx: Tx, by: Actor, market: Market, body: NewKey) -> Reply[MadeKey]:
    """Make an API key. This answer is the only one that shows it."""
    return Reply(await keys.make(tx, market, by, body), headers=(UNSTORED,))


@operation("GET", "/auth/api-keys", who=MEMBER)
async def list_api_keys(tx: Tx, by: Actor) -> list[ApiKey]:
    """List your API keys, newest first."""
    return await keys.keys_of(tx, by.id)


@operation("DELETE", "/auth/api-keys/{key_id}", who=MEMBER, status=204, refusals=(KeyNotFound,))
async def revoke_api_key(tx: Tx, tokens: Tokens, by: Actor, key_id: UUID) -> None:
    """Revoke one of your API keys. It works nowhere any more."""
    await keys.revoke_key(tx, tokens, by, key_id)
