"""Every statement of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import count, many, one, only
from souk.modules.audit.model import Change, Circumstances, Entry, Erasure, Head, Link, Place

# Recording

ADD_ENTRY = count(
    """with entry as (
        insert into audit_entries
            (id, at, action, entity, entity_id, person_id, subject_id, request_id, change_digest, circumstances_digest)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)),
    waiting as (insert into audit_unsealed (entry_id) values ($1))
    insert into audit_details (entry_id, part, salt, content)
    select $1, part::audit_part, salt, content::json from unnest($11::text[], $12::bytea[], $13::text[]) details(part, salt, content)"""
)
"""An entry, its details, and its place in the queue for a seal."""

# Sealing

LOCK_CHAIN = only(
    bool,
    """select pg_try_advisory_xact_lock(hashtextextended(current_schema() || ' audit seals', 0)) as "alone!\"""",
)
HEAD_OF_CHAIN = one(Head, "select position, hash from audit_seals order by position desc limit 1")
UNSEALED = many(
    Entry,
    """select e.id, e.at, e.action, e.entity, e.entity_id, e.person_id, e.subject_id, e.request_id, e.change_digest, e.circumstances_digest
    from audit_unsealed u join audit_entries e on e.id = u.entry_id
    where u.txid < pg_snapshot_xmin(pg_current_snapshot()) or u.txid >= pg_snapshot_xmax(pg_current_snapshot())
    order by u.txid, u.entry_id limit $1""",
)
"""Below the oldest transaction that is open nothing can be added any more. What is seen and yet ahead of all was restored from a copy."""

ADD_SEALS = count(
    """with sealed as (
        insert into audit_seals (position, entry_id, hash, key_id)
        select position, entry, hash, $4 from unnest($1::bigint[], $2::uuid[], $3::bytea[]) new(position, entry, hash))
    delete from audit_unsealed where entry_id = any ($2::uuid[])"""
)

# Reading


class Logged(msgspec.Struct, frozen=True):
    """An entry with what is left of its details."""

    id: UUID
    at: datetime
    action: str
    entity: str
    entity_id: UUID | None
    person_id: UUID | None
    request_id: str
    change: Change | None
    circumstances: Circumstances | None


LOGGED: Final = """select e.id, e.at, e.action, e.entity, e.entity_id, e.person_id, e.request_id,
        c.content as change, f.content as circumstances
    from audit_entries e
    left join audit_details c on c.entry_id = e.id and c.part = 'change'
    left join audit_details f on f.entry_id = e.id and f.part = 'circumstances'
    where ($1::uuid is null or e.entity_id = $1) and ($2::uuid is null or e.person_id = $2) and ($3::text is null or e.action = $3)
        and ($4::text is null or e.entity = $4)
        and e.at >= coalesce($5::timestamptz, '-infinity') and e.at < coalesce($6::timestamptz, 'infinity')
        and (e.at, e.id) < (coalesce($7::timestamptz, 'infinity'), coalesce($8::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))"""
NEWEST: Final = " order by e.at desc, e.id desc limit $9"

# One text, and for each filter a statement that says what its index begins with: a plan is kept for as long as a connection lives.
LOGS = many(Logged, LOGGED + NEWEST)
LOGS_OF_ENTITY = many(Logged, LOGGED + " and e.entity_id = $1" + NEWEST)
LOGS_OF_PERSON = many(Logged, LOGGED + " and e.person_id = $2" + NEWEST)
LOGS_OF_ACTION = many(Logged, LOGGED + " and e.action = $3" + NEWEST)
LOGS_OF_KIND = many(Logged, LOGGED + " and e.entity = $4" + NEWEST)

# What is kept of a person


class Mentioned(msgspec.Struct, frozen=True):
    """An entry by or about a person, with the details that are theirs."""

    at: datetime
    action: str
    entity: str
    entity_id: UUID | None
    change: Change | None
    circumstances: Circumstances | None


MENTIONED = many(
    Mentioned,
    """select e.at, e.action, e.entity, e.entity_id, c.content as change, f.content as circumstances
    from audit_entries e
    left join audit_details c on c.entry_id = e.id and c.part = 'change' and e.subject_id = $1
    left join audit_details f on f.entry_id = e.id and f.part = 'circumstances' and coalesce(e.person_id, e.subject_id) = $1
    where e.person_id = $1 or e.subject_id = $1
    order by e.at, e.id""",
)


ERASE_DETAILS = only(
    Erasure,
    """with gone as (
        delete from audit_details d using audit_entries e
        where e.id = d.entry_id and (
            (e.subject_id = $1 and d.part = 'change') or (e.person_id = $1 and d.part = 'circumstances')
            or (e.subject_id = $1 and e.person_id is null and d.part = 'circumstances'))
        returning d.entry_id, d.part),
    noted as (insert into audit_erasures (entry_id, part, erasure_id) select entry_id, part, $2 from gone)
    select count(*)::int as "parts!",
        encode(sha256(coalesce(string_agg(uuid_send(entry_id) || part::text::bytea, ''::bytea order by entry_id, part), '')), 'hex')
            as "digest!"
    from gone""",
)

# Verifying

ERASED_BY = only(
    Erasure,
    """select count(*)::int as "parts!",
        encode(sha256(coalesce(string_agg(uuid_send(entry_id) || part::text::bytea, ''::bytea order by entry_id, part), '')), 'hex')
            as "digest!"
    from audit_erasures where erasure_id = $1""",
)
LINKS = many(
    Link,
    """select s.position, s.entry_id, s.hash, s.key_id,
        e.id, e.at, e.action, e.entity, e.entity_id as about, e.person_id, e.subject_id, e.request_id,
        e.change_digest, e.circumstances_digest,
        c.salt as change_salt, c.content::text as change, f.salt as circumstances_salt, f.content::text as circumstances,
        array(select x.part::text from audit_erasures x join audit_entries by on by.id = x.erasure_id and by.action = 'audit.erased'
            where x.entry_id = s.entry_id) as "erased!"
    from (select position, entry_id, hash, key_id from audit_seals where position > $1 order by position limit $2) s
    left join audit_entries e on e.id = s.entry_id
    left join audit_details c on c.entry_id = s.entry_id and c.part = 'change'
    left join audit_details f on f.entry_id = s.entry_id and f.part = 'circumstances'
    order by s.position""",
)
PLACES = many(
    Place,
    """select e.id, s.entry_id is not null as "sealed!", u.entry_id is not null as "waiting!"
    from (select id from audit_entries where id > $1 order by id limit $2) e
    left join audit_seals s on s.entry_id = e.id left join audit_unsealed u on u.entry_id = e.id
    order by e.id""",
)
