"""Statements about reports."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.db import count, many, value
from souk.modules.chat.model import Report

ADD = count(
    """insert into chat_reports (id, message_id, conversation_id, reporter_id, reason, note, reported_at)
       values ($1, $2, $3, $4, $5, $6, $7)"""
)

REPORTS = many(
    Report,
    """select r.id,
              jsonb_build_object('id', m.id, 'conversationId', m.conversation_id, 'authorId', m.author_id, 'type', m.type,
                  'content', coalesce((select v.content from chat_versions v where v.message_id = m.id and m.deleted_at is not null
                                       order by v.id desc limit 1), m.content),
                  'payload', m.payload, 'files', m.files, 'replyTo', m.reply_to, 'clientMessageId', m.client_id,
                  'sentAt', m.sent_at, 'editedAt', m.edited_at, 'deletedAt', m.deleted_at) as "message!",
              r.reporter_id, r.reason, r.note, r.reported_at, r.outcome, r.resolved_by, r.resolution, r.resolved_at
       from chat_reports r join chat_messages m on m.id = r.message_id
       where ($1::uuid is null or r.id = $1) and ($2::boolean is null or (r.outcome is null) = $2)
           and r.id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
       order by r.id limit $4""",
)

RESOLVE = value(
    UUID,
    """update chat_reports set outcome = $2::text::report_outcome, resolved_by = $3, resolution = $4, resolved_at = $5
       where id = $1 and outcome is null returning message_id""",
)
