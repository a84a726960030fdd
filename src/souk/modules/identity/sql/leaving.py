"""Statements by which people take along what is known of them, and are forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from souk.kernel.db import count, many
from souk.kernel.record import Record


class KnownSession(Record):
    """A sign-in, as its owner takes it along."""

    id: UUID
    address: str
    agent: str
    created_at: datetime
    last_used_at: datetime
    ended_at: datetime | None
    ended_why: str | None


class KnownDevice(Record):
    """A device."""

    id: UUID
    agent: str
    created_at: datetime
    last_seen_at: datetime


class KnownKey(Record):
    """An API key, without what opens."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KnownProof(Record):
    """A link or code that was sent, without what opens."""

    kind: Literal["verify_email", "change_email", "reset_password", "phone_code"]
    target: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


SESSIONS_KNOWN = many(
    KnownSession,
    "select id, address, agent, created_at, last_used_at, ended_at, ended_why from sessions where person_id = $1 order by created_at",
)

DEVICES_KNOWN = many(KnownDevice, "select id, agent, created_at, last_seen_at from devices where person_id = $1 order by created_at")

KEYS_KNOWN = many(
    KnownKey, "select id, name, scopes, created_at, expires_at, revoked_at from api_keys where person_id = $1 order by created_at"
)

PROOFS_KNOWN = many(
    KnownProof,
    """select kind::text as "kind!", target, created_at, expires_at, used_at
       from proofs where person_id = $1 order by created_at""",
)

# The row stays, without a name, for what refers to it.
ERASE_PERSON = count(
    """with sessions_gone as (delete from sessions where person_id = $1),
            devices_gone as (delete from devices where person_id = $1),
            proofs_gone as (delete from proofs where person_id = $1),
            codes_gone as (delete from recovery_codes where person_id = $1),
            keys_gone as (delete from api_keys where person_id = $1)
       update people set status = 'erased', email = null, email_key = null, phone = null,
                         email_verified_at = null, phone_verified_at = null, first_name = '', last_name = '', suspended_for = null,
                         password_hash = null, timezone = 'UTC',
                         second_factor = null, second_factor_since = null, second_factor_step = 0, last_login_at = null
       where id = $1"""
)
