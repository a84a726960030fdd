"""Conversations and messages over HTTP."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.kernel.http import MEMBER, Actor, CursorPage, Reply, operation
from souk.modules.chat import changing, posting, reading, reporting, talking
from souk.modules.chat.errors import (
    AlreadySending,
    ChatMessageNotFound,
    ContentRefused,
    ConversationNotFound,
    FilesNotTaken,
    NotReachable,
    NotYourMessage,
    OnlyForGroups,
    ReplyNotHere,
    ReportedAlready,
    TooLateToChange,
    TooManyPeople,
    TypeNotSent,
    WithNobody,
)
from souk.modules.chat.model import (
    Added,
    ChangedConversation,
    Conversation,
    EditedMessage,
    Message,
    NewConversation,
    NewMessage,
    NewReport,
    Opened,
    Sent,
    Unread,
    UpTo,
)
from souk.modules.chat.reading import MessagesQuery
from souk.modules.chat.rules import Rules
from souk.modules.chat.talking import ConversationsQuery
from souk.modules.identity import PersonNotFound

SENDING: Final = (ConversationNotFound, NotReachable, ContentRefused, TypeNotSent, FilesNotTaken, ReplyNotHere, AlreadySending)
BEGINNING: Final = (NotReachable, WithNobody, TooManyPeople, PersonNotFound)
SOMEBODY: Final = "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11"
PACE: Final = "120/1m"
"""Nobody types faster."""


@operation("GET", "/conversations", who=MEMBER)
async def list_conversations(tx: Tx, by: Actor, query: ConversationsQuery) -> CursorPage[Conversation]:
    """Your conversations, the latest first."""
    return await talking.conversations_of(tx, by, query)


@operation(
    "POST",
    "/conversations",
    who=MEMBER,
    status=201,
    idempotent=True,
    limit="30/1h",
    refusals=BEGINNING,
    example={"participantId": SOMEBODY},
)
async def begin_conversation(tx: Tx, by: Actor, body: NewConversation, rules: Rules) -> Reply[Opened]:
    """Begin a conversation. The same two people find the one they have, and the same people about the same matter (200)."""
    opened, is_new = await talking.begin(tx, rules, by, body)
    return Reply(opened, status=201 if is_new else 200)


@operation("GET", "/conversations/{conversation_id}", who=MEMBER, refusals=(ConversationNotFound,))
async def read_conversation(tx: Tx, by: Actor, conversation_id: UUID) -> Opened:
    """A conversation of yours: who takes part, who is here, how far each has read."""
    return await talking.opened(tx, by, conversation_id)


@operation("PATCH", "/conversations/{conversation_id}", who=MEMBER, refusals=(ConversationNotFound, OnlyForGroups))
async def change_conversation(tx: Tx, by: Actor, conversation_id: UUID, body: ChangedConversation) -> Opened:
    """Name a group for all; archive or mute a conversation for yourself. A new message takes it out of the archive."""
    return await talking.change(tx, by, conversation_id, body)


@operation(
    "POST",
    "/conversations/{conversation_id}/participants",
    who=MEMBER,
    idempotent=True,
    limit="60/1h",
    refusals=(ConversationNotFound, OnlyForGroups, *BEGINNING),
    example={"personId": SOMEBODY},
)
async def add_participant(tx: Tx, by: Actor, conversation_id: UUID, body: Added, rules: Rules) -> Opened:
    """Add somebody to a group. They see what is said from now on."""
    return await talking.add(tx, rules, by, conversation_id, body.person_id)


@operation("POST", "/conversations/{conversation_id}/leave", who=MEMBER, idempotent=True, refusals=(ConversationNotFound, OnlyForGroups))
async def leave_conversation(tx: Tx, by: Actor, conversation_id: UUID) -> None:
    """Leave a group. Nothing of it is for you any more."""
    await talking.leave(tx, by, conversation_id)


@operation("GET", "/conversations/{conversation_id}/messages", who=MEMBER, refusals=(ConversationNotFound,))
async def list_messages(tx: Tx, by: Actor, conversation_id: UUID, query: MessagesQuery) -> CursorPage[Message]:
    """What was said, newest first; with `q`, only where words begin so."""
    return await reading.messages_of(tx, by, conversation_id, query)


@operation(
    "POST", "/conversations/{conversation_id}/read", who=MEMBER, idempotent=True, refusals=(ConversationNotFound, ChatMessageNotFound)
)
async def mark_read(tx: Tx, by: Actor, conversation_id: UUID, body: UpTo | None) -> Unread:
    """Say that you have read it, up to a message or to the latest. Answers what is left unread of it."""
    return Unread(await reading.get_to(tx, by, conversation_id, body or UpTo(), has_read=True))


@operation(
    "POST", "/conversations/{conversation_id}/delivered", who=MEMBER, idempotent=True, refusals=(ConversationNotFound, ChatMessageNotFound)
)
async def mark_delivered(tx: Tx, by: Actor, conversation_id: UUID, body: UpTo | None) -> Unread:
    """Say that it arrived at you, up to a message or to the latest."""
    return Unread(await reading.get_to(tx, by, conversation_id, body or UpTo(), has_read=False))


@operation("GET", "/messages/unread", who=MEMBER)
async def read_unread(tx: Tx, by: Actor) -> Unread:
    """How much you have not read, in all your conversations."""
    return Unread(await talking.unread_of(tx, by.id))


@operation(
    "POST",
    "/messages",
    who=MEMBER,
    status=201,
    idempotent=True,
    limit=PACE,
    max_body=65_536,
    refusals=SENDING,
    example={"conversationId": SOMEBODY, "content": "Is Tuesday all right?", "type": "text"},
)
async def post_message(tx: Tx, by: Actor, body: NewMessage, rules: Rules) -> Sent:
    """Write to a conversation. `warnings` says what in it the market would rather not see."""
    return await posting.say(tx, rules, by, body)


@operation(
    "PATCH",
    "/messages/{message_id}",
    who=MEMBER,
    limit=PACE,
    refusals=(ChatMessageNotFound, NotYourMessage, TooLateToChange, ContentRefused),
    example={"content": "Is Wednesday all right?"},
)
async def edit_message(tx: Tx, by: Actor, message_id: UUID, body: EditedMessage, rules: Rules) -> Sent:
    """Say something else, soon after."""
    return await changing.edit(tx, rules, by, message_id, body.content)


@operation("DELETE", "/messages/{message_id}", who=MEMBER, refusals=(ChatMessageNotFound, NotYourMessage, TooLateToChange))
async def delete_message(tx: Tx, by: Actor, message_id: UUID, rules: Rules) -> Message:
    """Take a message back, soon after. A tombstone stays."""
    return await changing.delete(tx, rules, by, message_id)


@operation(
    "POST",
    "/messages/{message_id}/report",
    who=MEMBER,
    status=201,
    idempotent=True,
    limit="30/1h",
    refusals=(ChatMessageNotFound, NotYourMessage, ReportedAlready),
    example={"reason": "fraud", "note": "They want to be paid elsewhere."},
)
async def report_message(tx: Tx, by: Actor, message_id: UUID, body: NewReport) -> None:
    """Ask staff to look at a message."""
    await reporting.report(tx, by, message_id, body)
