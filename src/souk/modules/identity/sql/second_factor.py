"""Statements about second factors and their recovery codes."""

from __future__ import annotations

from souk.kernel.db import count

OFFER_FACTOR = count(
    "update people set second_factor = $2, second_factor_step = 0 where id = $1 and status = 'active' and second_factor_since is null"
)

TURN_ON = count("update people set second_factor_since = $2, second_factor_step = $3 where id = $1")

TURN_OFF = count("update people set second_factor = null, second_factor_since = null, second_factor_step = 0 where id = $1")

# Of two who send one code at once, the second finds the step taken.
TAKE_STEP = count("update people set second_factor_step = $2 where id = $1 and second_factor_step < $2 and second_factor_since is not null")

TAKE_RECOVERY_CODE = count("update recovery_codes set used_at = $3 where person_id = $1 and hash = $2 and used_at is null")

FORGET_RECOVERY_CODES = count("delete from recovery_codes where person_id = $1")

ADD_RECOVERY_CODES = count("insert into recovery_codes (person_id, hash) select $1, each from unnest($2::bytea[]) each")
