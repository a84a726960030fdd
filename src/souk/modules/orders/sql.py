"""Every statement about orders."""

from __future__ import annotations

from souk.kernel.db import count, many, one, value
from souk.modules.orders.model import Consent, Entry, Stored

ORDER = one(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from orders o left join order_money m on m.order_id = o.id where o.id = $1 and o.process = $2""",
)
LOCKED = one(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from orders o left join order_money m on m.order_id = o.id where o.id = $1 and o.process = $2 for update of o""",
)

BEGIN = value(
    int,
    """with o as (
        insert into orders (id, process, version, state, revision, entered, content, created_at, updated_at)
        values ($1, $2, $3, $4, 1, 1, $5::text::jsonb, $6, $6) returning id, process, state, revision, updated_at)
    select order_noted(o.id, o.process, o.state, o.revision, o.updated_at,
        $7, $8, $9, $10, $11::text::jsonb, $12::text::jsonb, $13::text::jsonb, $14) from o""",
)
"""An order begins: its row, its history, its money and its parties in one statement."""

MOVE = value(
    int,
    """with o as (
        update orders set state = $3, revision = revision + 1, entered = case when $4 then revision + 1 else entered end,
            content = content || $5::text::jsonb, updated_at = $6
        where id = $1 and revision = $2 returning id, process, state, revision, updated_at)
    select order_noted(o.id, o.process, o.state, o.revision, o.updated_at,
        $7, $8, $9, $10, $11::text::jsonb, $12::text::jsonb, $13::text::jsonb, $14) from o""",
)
"""An order that is locked takes a step. Answers its revision; nothing where it is not there any more."""

CONSENTS = many(Consent, "select actor, person_id, params from order_consents where order_id = $1 and step = $2 and entered = $3")
CONSENT = count(
    """insert into order_consents (order_id, step, actor, person_id, entered, params, at) values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
    on conflict (order_id, step, actor) do update set person_id = excluded.person_id, entered = excluded.entered,
        params = excluded.params, at = excluded.at"""
)

HISTORY = many(
    Entry,
    """select revision, step, actor, person_id, source, target, params, coalesce(money, '[]') as "money!", at
    from order_steps where order_id = $1 order by revision""",
)

OF_PERSON = many(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from order_parties p join orders o on o.id = p.order_id left join order_money m on m.order_id = o.id
    where p.person_id = $1 and p.process = $2 and ($3::uuid is null or p.order_id < $3) and ($4::text is null or o.state = $4)
    order by p.order_id desc limit $5""",
)
OF_ALL = many(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from orders o left join order_money m on m.order_id = o.id
    where o.process = $1 and ($2::uuid is null or o.id < $2) and ($3::text is null or o.state = $3) order by o.id desc limit $4""",
)
