"""Facts that chat announces. `recipients` are those whom a fact is news to; `quiet` those of them who want no notifications."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.messages import Event, event
from souk.modules.chat.model import Message


@event("conversation.begun")
class ConversationBegun(Event):
    """Somebody, or the market, began a conversation."""

    conversation_id: UUID
    begun_by: UUID | None
    recipients: tuple[UUID, ...]
    about_kind: str | None = None
    about_id: UUID | None = None
    title: str | None = None


@event("message.posted")
class MessagePosted(Event):
    """Something was said in a conversation."""

    conversation_id: UUID
    message: Message
    recipients: tuple[UUID, ...]
    quiet: tuple[UUID, ...] = ()
    about_kind: str | None = None
    about_id: UUID | None = None


@event("message.edited")
class MessageEdited(Event):
    """A message says something else now."""

    conversation_id: UUID
    message: Message
    recipients: tuple[UUID, ...]
    about_kind: str | None = None
    about_id: UUID | None = None


@event("message.deleted")
class MessageDeleted(Event):
    """A message says nothing any more."""

    conversation_id: UUID
    message_id: UUID
    author_id: UUID | None
    deleted_by: UUID
    recipients: tuple[UUID, ...]
    about_kind: str | None = None
    about_id: UUID | None = None


@event("conversation.read")
class ConversationRead(Event):
    """Somebody has got so far, and has read it or only received it."""

    conversation_id: UUID
    person_id: UUID
    up_to: UUID
    recipients: tuple[UUID, ...]
    has_read: bool = True
    about_kind: str | None = None
    about_id: UUID | None = None


@event("message.reported", aggregate="message_id")
class MessageReported(Event):
    """Somebody asked staff to look at a message."""

    report_id: UUID
    conversation_id: UUID
    message_id: UUID
    reporter_id: UUID
    author_id: UUID | None
    reason: str
