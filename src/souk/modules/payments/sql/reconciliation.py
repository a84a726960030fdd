"""Statements of reconciliation."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from souk.kernel.db import count, many, one, only, value
from souk.modules.payments.books import Comparison, Day, Difference


class Fee(msgspec.Struct, frozen=True):
    """What the provider took, of lines that are new."""

    currency: str
    amount: int


# Lines that are known already stay as they are. The answer is the fees among those that are new.
KEEP_LINES = many(
    Fee,
    """with kept as (
           insert into provider_bookings (provider, line, kind, what, source, currency, amount, at)
           select $1, line, kind, what, source, currency, amount, at
           from jsonb_to_recordset($2::text::jsonb) as l(line text, kind text, what text, source text, currency text, amount bigint,
               at timestamptz)
           on conflict do nothing returning what, currency, amount)
       select currency, sum(amount)::bigint as "amount!" from kept where what = 'fee' group by currency order by currency""",
)

LAST_DAY = value(date, "select max(day) from reconciliations where provider = $1")

FIRST_MOVED = value(
    datetime,
    """select j.at from entries e join journals j on j.id = e.journal_id
       where e.account_id = any($1::uuid[]) order by e.position limit 1""",
)

# How far the day before the last one came: whatever was still being written then has been written by now.
READ_UP_TO = value(int, "select upto from reconciliations where provider = $1 order by day desc offset 1 limit 1")

# Whatever either side did on a day, or did not agree on before, is compared as a whole: all that was booked about it, there and here.
# Some moments of the next day count too, since the same matter is not booked on both sides at once. A payout is known by our id
# where its transfer was booked before the payout had a name there.
# $1 provider, $2 its accounts, $3 from when on and $4 until when lines are looked at, $5 from where on entries are, $6 until when
# both sides are added up, $7 since when a payout may be on its way.
COMPARE = only(
    Comparison,
    """with there as (
           select what, source, currency, at from provider_bookings where provider = $1 and at >= $3 and at < $4 and what <> 'fee'
       ), moved as (
           select j.id, j.kind, j.reference_id, j.at, a.asset, e.position
           from entries e join accounts a on a.id = e.account_id join journals j on j.id = e.journal_id
           where e.account_id = any($2::uuid[]) and e.position > $5 and j.at < $4 and j.kind <> 'provider.fee'
       ), here as (
           select case when p.id is not null and m.kind = 'payment.captured' then 'payment' when r.id is not null then 'refund'
                       when d.id is not null then case m.kind when 'dispute.fee' then 'dispute_fee' else 'dispute' end
                       when o.id is not null then 'payout' else m.kind end as what,
                  coalesce(case m.kind when 'payment.captured' then p.provider_id end, r.provider_id, r.id::text, d.provider_id,
                           o.provider_id, o.id::text, m.id::text) as source, m.asset as currency
           from moved m
           left join payments p on p.id = m.reference_id and p.provider = $1
           left join refunds r on r.id = m.reference_id and r.provider = $1
           left join payment_disputes d on d.id = m.reference_id and d.provider = $1
           left join payouts o on o.id = m.reference_id and o.provider = $1
       ), found as (
           select what, source, currency from there union select what, source, currency from here
           union select what, source, currency from reconciliation_differences where provider = $1 and explained_at is null
       ), matters as (
           select distinct f.what, coalesce(o.provider_id, f.source) as source, f.currency, f.own_id
           from (select what, source, currency,
                        case when source ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then source::uuid end as own_id from found) f
           left join payouts o on f.what = 'payout' and o.id = f.own_id and o.provider = $1
       ), named as (
           select distinct m.what, m.source, m.currency, case m.what
                      when 'payment' then (select p.id from payments p where p.provider = $1 and p.provider_id = m.source)
                      when 'refund' then (select r.id from refunds r where r.provider = $1 and r.provider_id = m.source
                                          union select r.id from refunds r where r.id = m.own_id)
                      when 'dispute' then (select d.id from payment_disputes d where d.provider = $1 and d.provider_id = m.source)
                      when 'dispute_fee' then (select d.id from payment_disputes d where d.provider = $1 and d.provider_id = m.source)
                      when 'payout' then (select o.id from payouts o where o.provider = $1 and o.provider_id = m.source
                                          union select o.id from payouts o where o.provider = $1 and o.id = m.own_id)
                      else m.own_id
                  end as reference_id
           from matters m
       ), compared as (
           select n.what, n.source, n.currency, n.reference_id,
                  coalesce((select sum(b.amount) from provider_bookings b
                            where b.provider = $1 and b.what = n.what and b.source = any(array[n.source, n.reference_id::text])
                                and b.currency = n.currency and b.at < $6), 0)::bigint as there,
                  coalesce((select -sum(e.amount)
                            from journals j join entries e on e.journal_id = j.id and e.account_id = any($2::uuid[])
                            join accounts a on a.id = e.account_id and a.asset = n.currency
                            where j.at < $6 and case when n.what in ('payment', 'refund', 'dispute', 'dispute_fee', 'payout')
                                then j.reference_id = n.reference_id and (j.kind = 'dispute.fee') = (n.what = 'dispute_fee')
                                    and (n.what <> 'payment' or j.kind = 'payment.captured')
                                else j.id = n.reference_id end), 0)::bigint
                  - coalesce((select o.amount from payouts o
                              where n.what = 'payout' and o.id = n.reference_id and o.state in ('sent', 'paid', 'returned')
                                  and o.sent_at > $7 and o.sent_at < $6
                                  and not exists (select from journals j
                                                  where j.reference_id = o.id and j.kind = 'payout.left' and j.at < $6)), 0) as here
           from named n
       )
       select (select count(*) from named) as "matters!", (select count(*) from there where at >= $4 - interval '1 day') as "bookings!",
              (select count(*) from moved where at >= $4 - interval '1 day') as "movements!",
              coalesce((select max(position) from moved), $5) as "upto!",
              (select coalesce(jsonb_agg(jsonb_build_object('what', what, 'source', source, 'currency', currency,
                   'reference_id', reference_id, 'there', there, 'here', here) order by what, source, currency), '[]')
               from compared c
               where there <> here and not exists (
                   select from payouts o where c.what = 'payout' and o.id = c.reference_id and o.state = 'unknown' and o.sent_at > $7))
                  as "differing!\"""",
)

ADD_RECONCILIATION = count(
    """insert into reconciliations (id, provider, day, bookings, movements, matched, upto, finished_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)"""
)

SHOWN = """select id, provider, kind, what, source, reference_id, currency, there, here, found_at, explained_at, explained_by, explanation
       from reconciliation_differences"""

OPEN_DIFFERENCES = many(Difference, SHOWN + " where provider = $1 and explained_at is null")

# What staff have explained stays explained, unless it differs otherwise since.
WAS_EXPLAINED = value(
    bool,
    """select true from reconciliation_differences
       where provider = $1 and what = $2 and source = $3 and currency = $4 and there = $5 and here = $6
           and explained_by is not null limit 1""",
)

ADD_DIFFERENCE = count(
    """insert into reconciliation_differences (id, reconciliation_id, provider, kind, what, source, reference_id, currency, there,
                                             here, found_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
)

CHANGE_DIFFERENCE = count("update reconciliation_differences set kind = $2, reference_id = $3, there = $4, here = $5 where id = $1")

EXPLAIN = one(
    Difference,
    """update reconciliation_differences set explained_at = $2, explained_by = $3, explanation = $4 where id = $1 and explained_at is null
       returning id, provider, kind, what, source, reference_id, currency, there, here, found_at, explained_at, explained_by,
                 explanation""",
)

DIFFERENCE = one(Difference, SHOWN + " where id = $1")

DIFFERENCES = many(
    Difference,
    SHOWN + """ where $1::boolean is null or (explained_at is null) = $1 order by found_at desc, id desc limit $2 offset $3""",
)

HOW_MANY_DIFFERENCES = only(
    int, """select count(*) as "count!" from reconciliation_differences where $1::boolean is null or (explained_at is null) = $1"""
)

DAYS = many(
    Day,
    """select r.id, r.provider, r.day, r.bookings, r.movements, r.matched,
              (select count(*) from reconciliation_differences d where d.reconciliation_id = r.id) as "differences!",
              (select count(*) from reconciliation_differences d
               where d.reconciliation_id = r.id and d.explained_at is null) as "unexplained!",
              r.finished_at
       from reconciliations r order by r.day desc, r.provider limit $1 offset $2""",
)

HOW_MANY_DAYS = only(int, """select count(*) as "count!" from reconciliations""")


class Unexplained(msgspec.Struct, frozen=True):
    """How many differences are open, and how many of them for days."""

    open: int
    old: int


UNEXPLAINED = only(
    Unexplained,
    """select count(*) as "open!", count(*) filter (where found_at <= $1) as "old!"
       from reconciliation_differences where explained_at is null""",
)
