"""Statements about messages."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import call, count, many, one, value
from souk.modules.chat.model import Flagged, Message, Version

POST = call(
    Message,
    """select id as "id!", conversation_id as "conversation_id!", author_id, type as "type!", content as "content!", payload,
              files as "files!", reply_to, client_id as client_message_id, sent_at as "sent_at!", edited_at, deleted_at
       from post_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
)

BY_CLIENT_ID = one(
    Message,
    """select id, conversation_id, author_id, type, content, payload, files, reply_to, client_id as client_message_id,
              sent_at, edited_at, deleted_at
       from chat_messages where author_id = $1 and client_id = $2""",
)


class Placed(Message):
    """A message of a page, and where it stands."""

    place: int

    @property
    def message(self) -> Message:
        return Message(*(getattr(self, name) for name in Message.__struct_fields__))


# Whoever does not take part finds nothing, and neither does anybody who has left.
MESSAGES_OF = many(
    Placed,
    """select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
              m.client_id as client_message_id, m.sent_at, m.edited_at, m.deleted_at, m.place
       from participants p join chat_messages m on m.conversation_id = p.conversation_id and m.place > p.from_place
       where p.conversation_id = $1 and p.person_id = $2 and p.left_at is null and m.place < coalesce($3::bigint, 9223372036854775807)
       order by m.place desc limit $4""",
)

FOUND_IN = many(
    Placed,
    """select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
              m.client_id as client_message_id, m.sent_at, m.edited_at, m.deleted_at, m.place
       from participants p join chat_messages m on m.conversation_id = p.conversation_id and m.place > p.from_place
       where p.conversation_id = $1 and p.person_id = $2 and p.left_at is null and m.place < coalesce($3::bigint, 9223372036854775807)
           and m.words @@ to_tsquery('simple', $5)
       order by m.place desc limit $4""",
)

# A message, with the permission of one who takes part and was there.
MESSAGE_OF = one(
    Placed,
    """select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
              m.client_id as client_message_id, m.sent_at, m.edited_at, m.deleted_at, m.place
       from chat_messages m join participants p on p.conversation_id = m.conversation_id and p.person_id = $2
       where m.id = $1 and p.left_at is null and m.place > p.from_place""",
)

ANY_MESSAGE = one(
    Placed,
    """select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
              m.client_id as client_message_id, m.sent_at, m.edited_at, m.deleted_at, m.place
       from chat_messages m where m.id = $1""",
)

PLACE_OF = value(int, "select place from chat_messages where id = $1 and conversation_id = $2")
AT_PLACE = value(UUID, "select id from chat_messages where conversation_id = $1 and place = $2")

# `must_exist` fails the whole statement where it was deleted meanwhile, so that no event says it was edited.
EDIT = call(
    Message,
    """with kept as (
           insert into chat_versions (message_id, content, why, until)
           select must_exist((select id from chat_messages where id = $1 and deleted_at is null)),
                  (select content from chat_messages where id = $1), 'edited', $5::timestamptz
           union all select $1, $6::text, 'masked', $5::timestamptz where $6::text is not null)
       update chat_messages set content = $2, words = to_tsvector('simple', $3), flags = $4, edited_at = $5
       where id = $1 and deleted_at is null
       returning id as "id!", conversation_id as "conversation_id!", author_id, type as "type!", content as "content!", payload,
           files as "files!", reply_to, client_id as client_message_id, sent_at as "sent_at!", edited_at, deleted_at""",
)

DELETE = call(
    Message,
    """select id as "id!", conversation_id as "conversation_id!", author_id, type as "type!", content as "content!", payload,
              files as "files!", reply_to, client_id as client_message_id, sent_at as "sent_at!", edited_at, deleted_at
       from delete_message($1, $2, $3)""",
)

AROUND = many(
    Message,
    """select id as "id!", conversation_id as "conversation_id!", author_id, type as "type!", content as "content!", payload,
              files as "files!", reply_to, client_message_id, sent_at as "sent_at!", edited_at, deleted_at
       from (
           (select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
                   m.client_id as client_message_id, m.sent_at, m.edited_at, m.deleted_at, m.place
            from chat_messages m where m.conversation_id = $1 and m.place < $2 order by m.place desc limit $3)
           union all
           (select m.id, m.conversation_id, m.author_id, m.type, m.content, m.payload, m.files, m.reply_to,
                   m.client_id, m.sent_at, m.edited_at, m.deleted_at, m.place
            from chat_messages m where m.conversation_id = $1 and m.place > $2 order by m.place limit $3)) near
       order by near.place""",
)

TRANSCRIPT = many(
    Message,
    """select id, conversation_id, author_id, type, content, payload, files, reply_to, client_id as client_message_id,
              sent_at, edited_at, deleted_at
       from chat_messages where conversation_id = $1 order by place limit $2""",
)

VERSIONS = many(Version, "select content, why, until from chat_versions where message_id = $1 order by id")

FLAGGED = many(
    Flagged,
    """select id, conversation_id, author_id, type, content, payload, files, reply_to, client_id as client_message_id,
              sent_at, edited_at, deleted_at, flags
       from chat_messages where flags <> '{}' and id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
       order by id desc limit $2""",
)

# Leaving altogether

WRITTEN_BY = many(
    Message,
    """select id, conversation_id, author_id, type, content, payload, files, reply_to, client_id as client_message_id,
              sent_at, edited_at, deleted_at
       from chat_messages where author_id = $1 order by id desc limit $2""",
)
FORGET_VERSIONS = count("delete from chat_versions v using chat_messages m where m.id = v.message_id and m.author_id = $1")


class Mine(msgspec.Struct, frozen=True, rename="camel"):
    """A report that somebody made."""

    message_id: UUID
    reason: str
    note: str


REPORTED_BY = many(Mine, "select message_id, reason, note from chat_reports where reporter_id = $1 order by id desc limit $2")
FORGET_REPORTER = count("update chat_reports set reporter_id = null, note = '' where reporter_id = $1")
