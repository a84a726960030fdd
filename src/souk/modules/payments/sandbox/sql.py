"""Every statement of the sandbox."""

from __future__ import annotations

from souk.kernel.db import count, many, one
from souk.modules.payments.sandbox.store import Answered, Delivery, Kept

BANK_OBJECT = one(
    Kept,
    """select kind, id, account, version, created_at, due_at, content::text as "content!"
       from sandbox_objects where kind = $1 and id = $2""",
)

BANK_OBJECTS = many(
    Kept,
    """select kind, id, account, version, created_at, due_at, content::text as "content!" from sandbox_objects
       where kind = $1 and account = $2 and content @> $3::text::jsonb
           and created_at >= $4 and created_at < $5
           and ($6::text is null
                or (created_at, id) < (select l.created_at, l.id from sandbox_objects l where l.kind = $1 and l.id = $6))
       order by created_at desc, id desc limit $7""",
)

# Each object over the version that was read, and no other: what is counted less than was sent is stale.
SAVE_BANK_OBJECTS = count(
    """insert into sandbox_objects (kind, id, account, version, created_at, due_at, content)
       select o.kind, o.id, o.account, o.version + 1, o.created_at, o.due_at, o.content::jsonb
       from json_to_recordset($1::text::json)
           o(kind text, id text, account text, version integer, created_at timestamptz, due_at timestamptz, content text)
       on conflict (kind, id) do update set version = excluded.version, due_at = excluded.due_at, content = excluded.content
           where sandbox_objects.version = excluded.version - 1"""
)

BANK_ANSWER = one(Answered, "select key, asked, refused, answer, at from sandbox_keys where key = $1")

# Only over one that is too old to count.
SAVE_BANK_ANSWER = count(
    """insert into sandbox_keys (key, asked, refused, answer, at) values ($1, $2, $3, $4, $5)
       on conflict (key) do update set asked = excluded.asked, refused = excluded.refused, answer = excluded.answer, at = excluded.at
           where sandbox_keys.at <= $6"""
)

SAVE_BANK_EVENTS = count(
    """insert into sandbox_events (id, event, raw, due_at, created_at, attempts)
       select e.id, e.event, e.raw, e.due_at, e.created_at, e.attempts
       from json_to_recordset($1::text::json)
           e(id text, event text, raw text, due_at timestamptz, created_at timestamptz, attempts integer)"""
)

BANK_OBJECTS_DUE = many(
    Kept,
    """select kind, id, account, version, created_at, due_at, content::text as "content!"
       from sandbox_objects where due_at <= $1 order by due_at limit $2""",
)

TAKE_BANK_EVENTS = many(
    Delivery,
    """update sandbox_events set due_at = $2, attempts = attempts + 1
       where id in (select e.id from sandbox_events e where e.due_at <= $1 order by e.due_at, e.id limit $3 for update skip locked)
       returning id, event, raw, due_at, created_at, attempts""",
)

SETTLE_BANK_EVENT = count("delete from sandbox_events where id = $1")

POSTPONE_BANK_EVENT = count("update sandbox_events set due_at = $2 where id = $1")

FORGET_BANK_ANSWERS = count("delete from sandbox_keys where at < $1")
