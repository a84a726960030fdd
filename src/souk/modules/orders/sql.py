"""Every statement about orders."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import call, count, many, one, values
from souk.modules.orders.model import At, Consent, Entry, Known, Stored, Taken, TakenCount

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

BEGIN = call(
    int,
    """select order_begun($1, $2, $3, $4, $5::text::jsonb, $6,
        $7, $8, $9, $10, $11::text::jsonb, $12::text::jsonb, $13::text::jsonb, $14, $15::text::jsonb) as "revision!\"""",
)
"""An order begins: its row, its history, its money and its parties in one call."""

MOVE = call(
    int,
    """select order_moved($1, $2, $3, $4, $5::text::jsonb, $6,
        $7, $8, $9, $10, $11::text::jsonb, $12::text::jsonb, $13::text::jsonb, $14, $15::text::jsonb) as "revision!\"""",
)
"""An order takes a step. One that has moved on meanwhile makes the transaction start again."""

CONSENTS = many(Consent, "select actor, person_id, params from order_consents where order_id = $1 and step = $2 and entered = $3")
CONSENT = count(
    """insert into order_consents (order_id, step, actor, person_id, entered, params, at) values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
    on conflict (order_id, step, actor) do update set person_id = excluded.person_id, entered = excluded.entered,
        params = excluded.params, at = excluded.at"""
)

AGREED = count("delete from order_consents where order_id = $1 and step = $2")
"""What was agreed to is used up by the step that follows from it."""

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
OPEN_TO = many(
    Stored,
    """with seen as (
        (select p.order_id from order_parties p join orders o on o.id = p.order_id
            where p.person_id = $1 and p.process = $2 and ($3::uuid is null or p.order_id < $3) and ($4::text is null or o.state = $4)
            order by p.order_id desc limit $5)
        union
        (select o.id from orders o
            where o.process = $2 and o.state = any($6::text[]) and ($3::uuid is null or o.id < $3) and ($4::text is null or o.state = $4)
            order by o.id desc limit $5))
    select o.id as "id!", o.process as "process!", o.version as "version!", o.state as "state!", o.revision as "revision!",
        o.entered as "entered!", order_whole(o) as "whole!", to_jsonb(m) as purse
    from seen s join orders o on o.id = s.order_id left join order_money m on m.order_id = o.id order by o.id desc limit $5""",
)
"""Somebody's own orders, and those that are open to their role."""

OF_ALL = many(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from orders o left join order_money m on m.order_id = o.id
    where o.process = $1 and ($2::uuid is null or o.id < $2) and ($3::text is null or o.state = $3) order by o.id desc limit $4""",
)

KNOWN = many(
    Known,
    """select o.process, order_whole(o) as "whole!", (select coalesce(jsonb_agg(jsonb_build_object('revision', s.revision, 'step', s.step,
        'actor', s.actor, 'params', s.params, 'at', s.at) order by s.revision), '[]')
        from order_steps s where s.order_id = o.id and s.person_id = $1) as "steps!"
    from order_parties p join orders o on o.id = p.order_id where p.person_id = $1 order by o.id desc limit $2""",
)
"""What is known of somebody: orders in which they have a part, and what they did there."""

WHERE = many(
    At,
    """select o.id, o.state, coalesce(m.escrow, 'nothing') as "escrow!" from orders o left join order_money m on m.order_id = o.id
    where o.id = any($1::uuid[])""",
)
TAKEN = many(
    TakenCount,
    """select process, step, count(*)::integer as "count!" from order_steps where order_id = any($1::uuid[])
    group by process, step order by process, step""",
)

# Other versions

RUNNING = many(
    Stored,
    """select o.id, o.process, o.version, o.state, o.revision, o.entered, order_whole(o) as "whole!", to_jsonb(m) as purse
    from orders o left join order_money m on m.order_id = o.id
    where o.process = $1 and o.version = $2 and o.state = any($3::text[]) and ($4::uuid is null or o.id > $4) order by o.id limit $5""",
)
LOCK = values(UUID, "select id from orders where id = any($1::uuid[]) order by id for update")
WHEN_TAKEN = many(
    Taken,
    """select order_id, revision, step, coalesce((case when step = 'migrated' then params ->> 'since' end)::timestamptz, at) as "at!"
    from order_steps where order_id = any($1::uuid[]) order by order_id, revision""",
)
MIGRATE = call(int, """select order_migrated($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8) as "revision!\"""")
