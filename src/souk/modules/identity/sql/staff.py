"""Statements by which staff look for people and change what they may."""

from __future__ import annotations

from uuid import UUID

from msgspec.structs import astuple

from souk.kernel.db import many, one, values
from souk.modules.identity.members import Member


class Listed(Member):
    """A person in a list, and how many the whole list has."""

    total: int

    @property
    def member(self) -> Member:
        return Member(*astuple(self)[:-1])


MEMBERS = many(
    Listed,
    """select id, email, phone, first_name, last_name, roles, status, suspended_for,
              email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
              second_factor_since is not null as "second_factor!", created_at, last_login_at, count(*) over () as "total!"
       from people
       where ($1::text is null or roles @> array[$1]) and status = coalesce($2::person_status, status)
           and ($2 is not null or status <> 'erased')
       order by created_at desc, id desc limit $3 offset $4""",
)

MEMBERS_OF_THESE = many(
    Listed,
    """select id, email, phone, first_name, last_name, roles, status, suspended_for,
              email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
              second_factor_since is not null as "second_factor!", created_at, last_login_at, count(*) over () as "total!"
       from people
       where ($1::text is null or roles @> array[$1]) and status = coalesce($2::person_status, status)
           and ($2 is not null or status <> 'erased') and id = any($5::uuid[])
       order by created_at desc, id desc limit $3 offset $4""",
)

# From one text up to another: how an index is asked for what begins with something, whatever the plan. Each arm has its own.
SEARCH = values(
    UUID,
    """select id as "id!" from (
           select id from people where email_key ~>=~ $1 and email_key ~<~ $2
           union select id from people where lower(first_name) ~>=~ $1 and lower(first_name) ~<~ $2
           union select id from people where lower(last_name) ~>=~ $1 and lower(last_name) ~<~ $2
           union select id from people where phone = $3) found
       limit $4""",
)

MEMBER = one(
    Member,
    """select id, email, phone, first_name, last_name, roles, status, suspended_for,
              email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
              second_factor_since is not null as "second_factor!", created_at, last_login_at
       from people where id = $1""",
)

SUSPEND = one(
    Member,
    """update people set status = 'suspended', suspended_for = $2 where id = $1 and status = 'active'
       returning id, email, phone, first_name, last_name, roles, status, suspended_for,
                 email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
                 second_factor_since is not null as "second_factor!", created_at, last_login_at""",
)

REINSTATE = one(
    Member,
    """update people set status = 'active', suspended_for = null where id = $1 and status = 'suspended'
       returning id, email, phone, first_name, last_name, roles, status, suspended_for,
                 email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
                 second_factor_since is not null as "second_factor!", created_at, last_login_at""",
)

SET_ROLES = one(
    Member,
    """update people set roles = $2 where id = $1 and status <> 'erased'
       returning id, email, phone, first_name, last_name, roles, status, suspended_for,
                 email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
                 second_factor_since is not null as "second_factor!", created_at, last_login_at""",
)

ACTIVE_WITH_ROLES = values(UUID, "select id from people where roles && $1::text[] and status = 'active' order by id for no key update")
