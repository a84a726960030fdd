"""Ending sessions everywhere: written down with the change that ends them, known at once here and within a second in every process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Database, Tx, count, only
from souk.kernel.http.tokens import LIFE_SECONDS, Tokens
from souk.kernel.messages import periodic, tell_all, when_committed

SLACK_SECONDS: Final = 60
"""Kept longer than any token lives: clocks of machines differ."""


class Revocation(msgspec.Struct, frozen=True):
    """A session whose tokens are refused, and those issued before when (seconds since 1970; None is all of them)."""

    session: UUID
    before: float | None


class Look(msgspec.Struct, frozen=True):
    """What was new, and which transactions had ended when it was read."""

    now: str
    revocations: list[Revocation]


REVOKE = count(
    """insert into revocations (session, before, until)
       select each, case when $2 then 'infinity' else clock_timestamp() end, clock_timestamp() + make_interval(secs => $3)
       from unnest($1::uuid[]) each
       on conflict (session) do update set
           before = greatest(revocations.before, excluded.before), until = excluded.until, txid = pg_current_xact_id()"""
)
REVOKED_SINCE = only(
    Look,
    """select pg_current_snapshot()::text as "now!", coalesce((
           select json_agg(json_build_object('session', session,
               'before', case when isfinite(before) then extract(epoch from before)::float8 end))
           from revocations where until > clock_timestamp() and ($1::text is null or (
               txid >= pg_snapshot_xmin($1::text::pg_snapshot) and not pg_visible_in_snapshot(txid, $1::text::pg_snapshot)))
       ), '[]') as "revocations!\"""",
)
PURGE_REVOCATIONS = count("delete from revocations where until < clock_timestamp()")


async def revoke(tx: Tx, tokens: Tokens, sessions: Sequence[UUID], *, ended: bool = True) -> None:
    """Refuse the access tokens of these sessions: for good when they ended, else those issued until now."""
    if not sessions:
        return
    before = math.inf if ended else tokens.time()
    await tx.run(REVOKE, list(sessions), ended, LIFE_SECONDS + SLACK_SECONDS)
    when_committed(tx, lambda: tokens.revoke(*sessions, before=before))
    tell_all(tx)


class Revocations:
    """What this process knows of them."""

    def __init__(self, database: Database, tokens: Tokens) -> None:
        self._database = database
        self._tokens = tokens
        self._seen: str | None = None

    async def read(self) -> None:
        """Take over what any process has written down since the last time. For `News`."""
        look = await self._database.read(lambda tx: tx.run(REVOKED_SINCE, self._seen))
        self._seen = look.now
        self._tokens.forget_expired()
        for each in look.revocations:
            self._tokens.revoke(each.session, before=math.inf if each.before is None else each.before)


@periodic("*/5 * * * *")
async def forget_revocations(tx: Tx) -> None:
    """Drop those whose last token has expired."""
    await tx.finish(PURGE_REVOCATIONS)
