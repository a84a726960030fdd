"""Statements about conversations and those who take part."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from souk.kernel.db import call, count, many, one, value
from souk.modules.chat.model import Message, Participant, Talk

TALK = one(
    Talk,
    """select c.id, c.about_kind, c.about_id, c.title, c.direct, c.places, c.roster,
              p.role, p.from_place, p.delivered_place, p.read_place, p.unread,
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null
                    order by o.person_id) as "people!",
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null and o.muted) as "quiet!",
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null and o.role = 'staff')
                  as "staff!"
       from participants p join conversations c on c.id = p.conversation_id
       where p.conversation_id = $1 and p.person_id = $2 and p.left_at is null""",
)

# For what the market itself says, and for staff: nobody's part in it is asked for.
ANY_TALK = one(
    Talk,
    """select c.id, c.about_kind, c.about_id, c.title, c.direct, c.places, c.roster,
              null::participant_role as role, 0::bigint as "from_place!", 0::bigint as "delivered_place!", 0::bigint as "read_place!",
              0 as "unread!",
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null
                    order by o.person_id) as "people!",
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null and o.muted) as "quiet!",
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null and o.role = 'staff')
                  as "staff!"
       from conversations c where c.id = $1""",
)


class Begun(msgspec.Struct, frozen=True):
    """The conversation that was wanted, and whether it had to be made."""

    id: UUID
    is_new: bool


BEGIN = call(Begun, 'select which as "id!", is_new as "is_new!" from begin_conversation($1, $2, $3, $4, $5, $6, $7, $8, $9)')
JOIN = call(int, 'select join_conversation($1, $2, $3::text::participant_role, $4) as "roster!"')
LEAVE = call(int, 'select leave_conversation($1, $2, $3) as "unread!"')

ABOUT = value(
    UUID,
    """select c.id from conversations c join participants p on p.conversation_id = c.id
       where c.about_kind = $1 and c.about_id = $2 and p.person_id = $3 and p.left_at is null
       order by p.touched_at desc, c.id desc limit 1""",
)


class Row(msgspec.Struct, frozen=True):
    """A conversation in somebody's list."""

    id: UUID
    about_kind: str | None
    about_id: UUID | None
    title: str | None
    direct: bool
    begun_at: datetime
    participant_ids: tuple[UUID, ...]
    unread: int
    archived: bool
    muted: bool
    last_at: datetime
    last_message: Message | None


CONVERSATIONS_OF = many(
    Row,
    """select c.id, c.about_kind, c.about_id, c.title, c.direct, c.begun_at,
              array(select o.person_id from participants o where o.conversation_id = c.id and o.left_at is null
                    order by o.person_id) as "participant_ids!",
              p.unread, p.archived, p.muted, p.touched_at as last_at,
              (select jsonb_build_object('id', m.id, 'conversationId', m.conversation_id, 'authorId', m.author_id, 'type', m.type,
                   'content', m.content, 'payload', m.payload, 'files', m.files, 'replyTo', m.reply_to, 'clientMessageId', m.client_id,
                   'sentAt', m.sent_at, 'editedAt', m.edited_at, 'deletedAt', m.deleted_at)
               from chat_messages m where m.conversation_id = c.id and m.place > p.from_place order by m.place desc limit 1) as last_message
       from participants p join conversations c on c.id = p.conversation_id
       where p.person_id = $1 and p.left_at is null
           and ($2::uuid is null or c.id = $2) and ($3::boolean is null or p.archived = $3)
           and ($4::text is null or c.about_kind = $4) and ($5::uuid is null or c.about_id = $5)
           and (p.touched_at, p.conversation_id) < (coalesce($6::timestamptz, 'infinity'),
               coalesce($7::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
       order by p.touched_at desc, p.conversation_id desc limit $8""",
)

PARTICIPANTS = many(
    Participant,
    """select p.person_id, p.role, p.joined_at,
              (select m.id from chat_messages m where m.conversation_id = p.conversation_id and m.place = p.delivered_place)
                  as delivered_up_to,
              (select m.id from chat_messages m where m.conversation_id = p.conversation_id and m.place = p.read_place) as read_up_to,
              false as "online!"
       from participants p where p.conversation_id = $1 and p.left_at is null order by p.joined_at, p.person_id""",
)

CHANGE = count(
    """with named as (
           update conversations set title = case when $6 then $5::text else title end where id = $1 and $6::boolean)
       update participants set archived = coalesce($3::boolean, archived), muted = coalesce($4::boolean, muted)
       where conversation_id = $1 and person_id = $2 and left_at is null"""
)

UNREAD = value(int, "select unread from unread_totals where person_id = $1")
GET_TO = call(int, 'select got_to($1, $2, $3, $4) as "unread!"')
SHARE = value(
    UUID,
    """select o.conversation_id from participants p join participants o on o.conversation_id = p.conversation_id
       where p.person_id = $1 and p.left_at is null and o.person_id = $2 and o.left_at is null limit 1""",
)


# Leaving altogether


class Known(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation that somebody takes part in, or took."""

    id: UUID
    about_kind: str | None
    about_id: UUID | None
    title: str | None
    joined_at: datetime
    left_at: datetime | None


KNOWN = many(
    Known,
    """select c.id, c.about_kind, c.about_id, c.title, p.joined_at, p.left_at
       from participants p join conversations c on c.id = p.conversation_id
       where p.person_id = $1 order by p.joined_at desc limit $2""",
)
LEAVE_ALL = call(
    int,
    """select count(leave_conversation(mine.conversation_id, $1, $2)) as "left!" from (
           select conversation_id from participants where person_id = $1 and left_at is null order by conversation_id) mine""",
)
FORGET_TOTAL = count("delete from unread_totals where person_id = $1")
