"""People."""

from __future__ import annotations

from souk.kernel.db import count, one, only
from souk.modules.identity.model import Person, User

USER = one(
    User,
    """select id, email, phone, first_name, last_name, first_name || ' ' || last_name as "name!", roles[1] as "role!", roles, status,
              email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
              language, timezone, second_factor_since is not null as "second_factor!", created_at, last_login_at
       from people where id = $1""",
)

PERSON = one(
    Person,
    """select id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
              password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at
       from people where id = $1""",
)

PERSON_LOCKED = one(
    Person,
    """select id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
              password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at
       from people where id = $1 for no key update""",
)

PERSON_BY_EMAIL = one(
    Person,
    """select id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
              password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at
       from people where email_key = $1""",
)

PERSON_BY_PHONE = one(
    Person,
    """select id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
              password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at
       from people where phone = $1""",
)

ADD_PERSON = only(
    Person,
    """insert into people (id, email, email_key, phone, email_verified_at, first_name, last_name, roles, password_hash, language, timezone,
                           created_at, last_login_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
       returning id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
                 password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at""",
)

# What was verified outside the transaction must still be so: another password, or a suspension, in between lets nobody in.
SIGN_IN = one(
    Person,
    """update people set last_login_at = $3, password_hash = coalesce($4, password_hash)
       where id = $1 and password_hash = $2 and status = 'active'
       returning id, email, email_key, phone, email_verified_at, phone_verified_at, first_name, last_name, roles, status, suspended_for,
                 password_hash, language, timezone, second_factor, second_factor_since, second_factor_step, created_at, last_login_at""",
)

CHANGE_PERSON = one(
    User,
    """update people set first_name = coalesce($2, first_name), last_name = coalesce($3, last_name),
                         language = coalesce($4, language), timezone = coalesce($5, timezone)
       where id = $1 and status = 'active'
       returning id, email, phone, first_name, last_name, first_name || ' ' || last_name as "name!", roles[1] as "role!", roles, status,
                 email_verified_at is not null as "email_verified!", phone_verified_at is not null as "phone_verified!",
                 language, timezone, second_factor_since is not null as "second_factor!", created_at, last_login_at""",
)

VERIFY_EMAIL = count("update people set email_verified_at = coalesce(email_verified_at, $3) where id = $1 and email_key = $2")

CHANGE_EMAIL = count("update people set email = $2, email_key = $3, email_verified_at = $4 where id = $1 and status <> 'erased'")

SET_PASSWORD = count("update people set password_hash = $2 where id = $1 and status <> 'erased'")

REPLACE_PASSWORD = count("update people set password_hash = $3 where id = $1 and password_hash = $2 and status = 'active'")

ADD_ROLE = count("update people set roles = array_append(roles, $2) where id = $1 and not $2 = any(roles) and status = 'active'")
