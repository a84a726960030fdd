"""Links that prove an address, or the right to a new password."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import count, one


class Proof(msgspec.Struct, frozen=True):
    """What a link proves, of whom."""

    person_id: UUID
    kind: str
    target: str


ADD_LINK = count(
    """insert into proofs (id, kind, person_id, target, hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (person_id, kind) where used_at is null
       do update set target = excluded.target, hash = excluded.hash, attempts = 0,
                     created_at = excluded.created_at, expires_at = excluded.expires_at"""
)

TAKE_EMAIL_LINK = one(
    Proof,
    """update proofs set used_at = $2
       where hash = $1 and kind in ('verify_email', 'change_email') and used_at is null and expires_at > $2
       returning person_id, kind::text as "kind!", target""",
)

TAKE_RESET_LINK = one(
    Proof,
    """update proofs set used_at = $2 where hash = $1 and kind = 'reset_password' and used_at is null and expires_at > $2
       returning person_id, kind::text as "kind!", target""",
)

# Whoever asked for them may be whom the new password is against. Codes by SMS go to a telephone that they do not hold.
DROP_LINKS = count("delete from proofs where person_id = $1 and kind in ('change_email', 'reset_password') and used_at is null")

SEE_RESET_LINK = one(
    Proof,
    """select person_id, kind::text as "kind!", target from proofs
       where hash = $1 and kind = 'reset_password' and used_at is null and expires_at > $2""",
)

FORGET_PROOFS = count(
    """delete from proofs where id in (
           select id from proofs where expires_at < $1 order by expires_at limit $2 for update skip locked)"""
)
