"""Sessions, the devices they are on, and the refresh tokens that were spent."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from souk.kernel.db import count, many, one, only, value, values
from souk.modules.identity.model import Person


class MetDevice(msgspec.Struct, frozen=True):
    """A device somebody signs in from, and whether they had one before."""

    id: UUID
    had_any: bool


class Kept(Person, frozen=True):
    """A session as its refresh token finds it, and whose it is."""

    session_id: UUID
    expires_at: datetime
    ended_at: datetime | None


class Spent(Person, frozen=True):
    """The session of a refresh token that was exchanged, and whose it is."""

    session_id: UUID
    expires_at: datetime
    ended_at: datetime | None
    spent_at: datetime


class Listed(msgspec.Struct, frozen=True):
    """A session in its owner's list."""

    id: UUID
    agent: str
    address: str
    created_at: datetime
    last_used_at: datetime


class Place(msgspec.Struct, frozen=True):
    """Where a session was opened from."""

    agent: str
    address: str
    created_at: datetime


MEET_DEVICE = only(
    MetDevice,
    """insert into devices (id, person_id, fingerprint, agent, created_at, last_seen_at) values ($1, $2, $3, $4, $5, $5)
       on conflict (person_id, fingerprint) do update set last_seen_at = excluded.last_seen_at
       returning id, exists (select from devices where person_id = $2) as "had_any!\"""",
)

PEOPLE_ON_DEVICE = only(int, 'select count(*) as "people!" from devices where fingerprint = $1')

NOTICE_SHARED_DEVICE = count("insert into shared_devices (fingerprint, noticed_at) values ($1, $2) on conflict do nothing")

ADD_SESSION = count(
    """insert into sessions (id, person_id, device_id, address, agent, refresh_hash, created_at, last_used_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $7, $8)"""
)

# The person is locked first, as everywhere: roles and status are what they are until the new token is committed.
SESSION_BY_TOKEN = one(
    Kept,
    """select p.id, p.email, p.email_key, p.phone, p.email_verified_at, p.phone_verified_at, p.first_name, p.last_name, p.roles, p.status,
              p.suspended_for, p.password_hash, p.language, p.timezone, p.second_factor, p.second_factor_since, p.second_factor_step,
              p.created_at, p.last_login_at, s.id as session_id, s.expires_at, s.ended_at
       from people p join sessions s on s.person_id = p.id
       where s.refresh_hash = $1 for share of p for no key update of s""",
)

SPENT_TOKEN = one(
    Spent,
    """select p.id, p.email, p.email_key, p.phone, p.email_verified_at, p.phone_verified_at, p.first_name, p.last_name, p.roles, p.status,
              p.suspended_for, p.password_hash, p.language, p.timezone, p.second_factor, p.second_factor_since, p.second_factor_step,
              p.created_at, p.last_login_at, s.id as session_id, s.expires_at, s.ended_at, t.spent_at
       from spent_refresh_tokens t join sessions s on s.id = t.session_id join people p on p.id = s.person_id
       where t.refresh_hash = $1""",
)

ROTATE = count(
    """with spent as (insert into spent_refresh_tokens (refresh_hash, session_id, spent_at) values ($2, $1, $4))
       update sessions set refresh_hash = $3, last_used_at = $4, address = $5, agent = $6 where id = $1"""
)

IS_OF_SESSION = value(
    UUID,
    """select id from sessions where id = $1 and refresh_hash = $2
       union all select session_id from spent_refresh_tokens where session_id = $1 and refresh_hash = $2""",
)

SESSIONS_OF = many(
    Listed,
    """select id, agent, address, created_at, last_used_at from sessions
       where person_id = $1 and ended_at is null and expires_at > $2 order by last_used_at desc, id desc limit 200""",
)

PLACE_OF_SESSION = one(Place, "select agent, address, created_at from sessions where id = $1")

END_SESSION = value(
    UUID, "update sessions set ended_at = $3, ended_why = $4 where id = $1 and person_id = $2 and ended_at is null returning id"
)

END_SESSIONS_OF = values(
    UUID,
    """update sessions set ended_at = $3, ended_why = $4
       where person_id = $1 and ended_at is null and id is distinct from $2 returning id""",
)

LIVE_SESSIONS_OF = values(UUID, "select id from sessions where person_id = $1 and ended_at is null")

FORGET_SESSIONS = count(
    """delete from sessions where id in (
           select id from sessions where least(coalesce(ended_at, expires_at), expires_at) < $1
           order by expires_at limit $2 for update skip locked)"""
)
