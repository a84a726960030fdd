"""Every statement of the ledger."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import call, many, one, only
from souk.modules.ledger.accounts import Owner
from souk.modules.ledger.model import Balance, Booked, Line, Lot, OpenHold, Step

# Writing


class Posted(msgspec.Struct, frozen=True):
    """The journal of a movement, and whether it was there before."""

    journal: UUID
    replayed: bool


POST = call(Posted, 'select journal as "journal!", replayed as "replayed!" from ledger_post($1::text::jsonb, $2)')

FOLD = call(int, 'select ledger_fold($1) as "folded!"')

# Reading

READING: Final = """select a.id, a.purpose, a.asset, s.exponent,
              a.posted + coalesce((select sum(amount) from hot_changes h where h.account_id = a.id), 0)::bigint as "total!",
              a.held as on_hold,
              case when a.in_lots then coalesce((select sum(remaining - held) from lots
                  where account_id = a.id and remaining > held and expires_at <= $2), 0) else 0 end::bigint as "lapsed!"
       from accounts a join assets s on s.code = a.asset"""
"""Lots that are over, but that the clock has not taken away yet, are not there any more for who would spend them."""

BALANCES = many(Balance, READING + " where a.id = any($1::uuid[])")

ACCOUNTS_OF = many(Balance, READING + " where a.owner_id = $1 order by a.purpose, a.asset")

STATEMENT = many(
    Line,
    """select e.position, j.id, j.kind, j.reference_id, e.amount, e.balance, j.at, j.reverses
       from entries e join journals j on j.id = e.journal_id
       where e.account_id = $1 and e.position < coalesce($2, 9223372036854775807)
       order by e.position desc limit $3""",
)

LOTS = many(
    Lot,
    """select l.id, l.amount, l.remaining, l.held as on_hold, l.expires_at, j.at as granted_at, j.kind
       from lots l join journals j on j.id = l.journal_id
       where l.account_id = $1 and l.remaining > 0 and coalesce(l.expires_at, 'infinity') > $2
       order by l.expires_at nulls last, l.id""",
)

HOLD = one(
    OpenHold,
    """select h.id, h.account_id, a.owner_id, a.asset, h.amount, h.state::text as "state!", h.captured, h.expires_at,
              j.kind, j.reference_id, j.at
       from holds h join accounts a on a.id = h.account_id join journals j on j.id = h.journal_id where h.id = $1""",
)

STORY = many(
    Step,
    """with touching as (
           (select journal_id from entries where account_id = $1 order by position desc limit $2)
           union select journal_id from holds where account_id = $1
           union select resolved_by from holds where account_id = $1 and resolved_by is not null),
       newest as (select j.* from touching t join journals j on j.id = t.journal_id order by j.created_at desc, j.id desc limit $2)
       select j.id as "id!", j.kind as "kind!", j.key as "key!", j.reference_id, j.at as "at!",
              coalesce((select amount from entries where journal_id = j.id and account_id = $1), 0) as "amount!",
              (coalesce((select sum(amount) from holds where journal_id = j.id and account_id = $1), 0)
                  - coalesce((select sum(amount) from holds where resolved_by = j.id and account_id = $1), 0))::bigint as "held!",
              coalesce((select jsonb_agg(jsonb_build_object('purpose', o.purpose, 'owner_id', o.owner_id, 'asset', o.asset,
                      'exponent', s.exponent, 'amount', x.amount) order by o.asset, x.amount, o.id)
                  from entries x join accounts o on o.id = x.account_id join assets s on s.code = o.asset
                  where x.journal_id = j.id and x.account_id <> $1), '[]') as "others!"
       from newest j order by j.created_at desc, j.id desc""",
)

BOOKED = only(
    Booked,
    """select coalesce((select sum(amount) from entries where account_id = $1), 0)::bigint as "total!",
              coalesce((select sum(amount) from holds where account_id = $1 and state = 'open'), 0)::bigint as "on_hold!\"""",
)


class Named(msgspec.Struct, frozen=True):
    """An account as `souk explain` finds it."""

    id: UUID
    owner: Owner
    owner_id: UUID | None
    purpose: str
    asset: str
    exponent: int


FIND = many(
    Named,
    """select a.id, a.owner, a.owner_id, a.purpose, a.asset, s.exponent from accounts a join assets s on s.code = a.asset
       where a.id::text = lower($1) or a.owner_id::text = lower($1) or a.purpose = $1 or a.purpose || ':' || a.asset = $1
       order by a.purpose, a.asset, a.id limit $2""",
)

# What the clock does


class DueHold(msgspec.Struct, frozen=True):
    """A hold whose time is over."""

    id: UUID
    reference_id: UUID | None
    account_id: UUID
    amount: int


DUE_HOLDS = many(
    DueHold,
    """select h.id, j.reference_id, h.account_id, h.amount from holds h join journals j on j.id = h.journal_id
       where h.state = 'open' and h.expires_at <= $1 order by h.expires_at limit $2""",
)


class DueLot(msgspec.Struct, frozen=True):
    """A lot whose time is over, with what nobody has used or reserved."""

    id: UUID
    owner_id: UUID
    purpose: str
    asset: str
    exponent: int
    left: int


DUE_LOTS = many(
    DueLot,
    """select l.id, a.owner_id as "owner_id!", a.purpose, a.asset, s.exponent, (l.remaining - l.held) as "left!"
       from lots l join accounts a on a.id = l.account_id join assets s on s.code = a.asset
       where l.remaining > l.held and l.expires_at <= $1 and a.owner_id is not null order by l.expires_at limit $2""",
)
