"""Statements about API keys."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import many, one, only, values
from souk.modules.identity.credentials import ApiKey


class KeyHolder(msgspec.Struct, frozen=True):
    """Whose key it is, and what both may."""

    id: UUID
    person_id: UUID
    roles: frozenset[str]
    scopes: frozenset[str]


ADD_KEY = only(
    ApiKey,
    """insert into api_keys (id, person_id, name, hint, hash, scopes, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning id, name, hint, scopes, created_at, expires_at""",
)

KEYS_IN_USE = only(
    int,
    """select count(*) as "keys!" from api_keys
       where person_id = $1 and revoked_at is null and (expires_at is null or expires_at > $2)""",
)

KEYS_OF = many(
    ApiKey,
    """select id, name, hint, scopes, created_at, expires_at from api_keys
       where person_id = $1 and revoked_at is null order by created_at desc, id desc""",
)

KEY_HOLDER = one(
    KeyHolder,
    """select k.id, k.person_id, p.roles, k.scopes from api_keys k join people p on p.id = k.person_id
       where k.hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2) and p.status = 'active'""",
)

REVOKE_KEY = one(
    ApiKey,
    """update api_keys set revoked_at = $3 where id = $1 and person_id = $2 and revoked_at is null
       returning id, name, hint, scopes, created_at, expires_at""",
)

REVOKE_KEYS = values(UUID, "update api_keys set revoked_at = $2 where person_id = $1 and revoked_at is null returning id")

KEY_IDS = values(UUID, "select id from api_keys where person_id = $1 and revoked_at is null")
