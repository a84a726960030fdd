"""What chat says live, under whatever names a market's clients know, and the rooms one may join.

Everything goes to the rooms of the people themselves: each socket of theirs hears it, whether it has joined anything or not, and who
has left a conversation hears nothing more of it from that moment on. A market whose clients listen in the room of an order says so
with `rooms=chat.about_room("job")`; then whoever may join that room hears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from souk.kernel.live import RoomKind, Says, room, user_room
from souk.kernel.live.presence import PRESENCE as PRESENCE_ROOM
from souk.kernel.messages import Event
from souk.kernel.record import Record
from souk.modules.chat.events import ConversationBegun, ConversationRead, MessageDeleted, MessageEdited, MessagePosted
from souk.modules.chat.talking import access, access_presence

Rooms = Callable[[Any], Sequence[str]]

CONVERSATION: Final = RoomKind("conversation", access)
"""For `joins`, `leaves` and `relays`: `typing` goes to those who have the conversation open."""
PRESENCE: Final = RoomKind(PRESENCE_ROOM, access_presence)
"""For `joins`: whoever joins hears when a person comes and goes, with whom they share a conversation."""


class SaidRead(Record):
    """How far somebody has got."""

    conversation_id: UUID
    user_id: UUID
    message_id: UUID


class SaidDeleted(Record):
    """A message that says nothing any more."""

    conversation_id: UUID
    message_id: UUID


class SaidBegun(Record):
    """A conversation that one is in from now on."""

    conversation_id: UUID
    begun_by: UUID | None
    about_kind: str | None
    about_id: UUID | None


def own_rooms(fact: Any) -> list[str]:
    """The rooms of those whom it concerns: to whom it is news, and whoever did it, for their other devices."""
    return [user_room(person) for person in (*fact.recipients, *_by(fact))]


def _by(fact: MessagePosted | MessageEdited | MessageDeleted | ConversationRead | ConversationBegun) -> list[UUID]:
    """Whoever did it: nobody, where it was the market."""
    match fact:
        case MessagePosted() | MessageEdited():
            return [] if fact.message.author_id is None else [fact.message.author_id]
        case MessageDeleted():
            return [fact.deleted_by]
        case ConversationRead():
            return [fact.person_id]
        case ConversationBegun():
            return [] if fact.begun_by is None else [fact.begun_by]


def conversation_room(fact: Any) -> list[str]:
    """The room of the conversation: only those hear it who have joined, and whoever leaves it hears on until their token ends."""
    return [room(CONVERSATION.name, fact.conversation_id)]


def about_room(kind: str) -> Rooms:
    """The room of what conversations are about, `job:<id>`; of other conversations, the people's own."""
    return lambda fact: [room(kind, fact.about_id)] if fact.about_kind == kind and fact.about_id is not None else own_rooms(fact)


def says(  # noqa: PLR0913 - a name for each
    *,
    new_message: str = "new_message",
    edited: str = "message_edited",
    deleted: str = "message_deleted",
    read: str = "read",
    delivered: str = "delivered",
    begun: str = "conversation_begun",
    rooms: Rooms = own_rooms,
) -> tuple[Says, ...]:
    """What is said, under these names; an empty name leaves that out."""

    def got(*, has_read: bool) -> Rooms:
        return lambda fact: rooms(fact) if fact.has_read is has_read else []

    every: tuple[tuple[str, type[Event], Rooms, Callable[[Any], object]], ...] = (
        (new_message, MessagePosted, rooms, lambda fact: fact.message),
        (edited, MessageEdited, rooms, lambda fact: fact.message),
        (deleted, MessageDeleted, rooms, lambda fact: SaidDeleted(fact.conversation_id, fact.message_id)),
        (read, ConversationRead, got(has_read=True), _said_read),
        (delivered, ConversationRead, got(has_read=False), _said_read),
        (begun, ConversationBegun, rooms, lambda fact: SaidBegun(fact.conversation_id, fact.begun_by, fact.about_kind, fact.about_id)),
    )
    return tuple(Says(name, fact, to=to, what=what) for name, fact, to, what in every if name)


def _said_read(fact: ConversationRead) -> SaidRead:
    return SaidRead(fact.conversation_id, fact.person_id, fact.up_to)


SAYS: Final = says()
"""Under the names that most clients know: `new_message`, `read`, …"""
