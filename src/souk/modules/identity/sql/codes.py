"""Statements about one-time codes by SMS."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import count, one
from souk.modules.identity.model import Person


class Tried(msgspec.Struct, frozen=True):
    """A code that somebody tries, after this attempt was counted."""

    id: UUID
    person_id: UUID
    target: str
    hash: bytes


# Counted before anybody looks whether it is right: a hundred guesses sent at once are a hundred guesses.
TRY_CODE = one(
    Tried,
    """update proofs set attempts = attempts + 1
       where target = $1 and kind = 'phone_code' and used_at is null and expires_at > $2 and attempts < $3
       returning id, person_id, target, hash""",
)

# By its digest too: a newer code takes the row of an earlier one.
USE_CODE = count("update proofs set used_at = $3 where id = $1 and hash = $2 and used_at is null")

SIGN_IN_BY_PHONE = one(
    Person,
    """update people set last_login_at = $3, phone_verified_at = coalesce(phone_verified_at, $3)
       where id = $1 and phone = $2 and status <> 'erased'
       returning id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
                 password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at""",
)
