"""Conversations and messages: what they are, what is sent, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from souk.kernel.record import Record

MOST_PEOPLE: Final = 50
"""So many take part in a conversation at most."""

Content = Annotated[str, Meta(min_length=1, max_length=4000, examples=["Is Tuesday all right?"])]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Word = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,39}$", extra={"expected": "a word of small letters, digits and _"})]
ClientId = Annotated[str, Meta(min_length=1, max_length=64, description="An id of the client's own: asked again, nothing is posted twice.")]
Reason = Annotated[str, Meta(min_length=1, max_length=1000)]


class Part(StrEnum):
    """As what somebody takes part."""

    MEMBER = auto()
    STAFF = auto()


class About(Record):
    """What a conversation is about: an order, a project, anything that has an id."""

    kind: str
    id: UUID


# Messages


class Message(Record):
    """What somebody said, or the market itself where there is no author."""

    id: UUID
    conversation_id: UUID
    author_id: UUID | None
    type: str
    content: str
    payload: dict[str, Any] | None
    """What belongs to messages of this type, such as the terms on a card."""
    files: tuple[UUID, ...]
    reply_to: UUID | None
    client_message_id: str | None
    sent_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


class Warned(Record):
    """Something in a message that the market would rather not see there."""

    kind: str
    text: str
    done: Literal["warned", "masked"]


class Sent(Message):
    """A message as its author gets it back."""

    warnings: tuple[Warned, ...] = ()


class NewMessage(Record):
    """A message as it is sent."""

    conversation_id: UUID
    content: Content
    type: Word = "text"
    reply_to: UUID | None = None
    client_message_id: ClientId | None = None
    files: Annotated[tuple[UUID, ...], Meta(max_length=20)] = ()


class NewAnswer(Record):
    """A message to the conversation about something that the path names."""

    content: Content
    type: Word = "text"
    reply_to: UUID | None = None
    client_message_id: ClientId | None = None
    files: Annotated[tuple[UUID, ...], Meta(max_length=20)] = ()

    def to(self, conversation_id: UUID) -> NewMessage:
        """The same, to that conversation."""
        return NewMessage(conversation_id, **{name: getattr(self, name) for name in self.__struct_fields__})


class EditedMessage(Record):
    """What it is to say instead."""

    content: Content


# Conversations


class Conversation(Record):
    """A conversation as it stands in one's list."""

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


class Participant(Record):
    """Somebody in a conversation, and how far they have got."""

    person_id: UUID
    role: Part
    joined_at: datetime
    delivered_up_to: UUID | None
    read_up_to: UUID | None
    online: bool = False


class Opened(Conversation):
    """A conversation with everybody in it."""

    participants: tuple[Participant, ...] = ()


class NewConversation(Record, kw_only=True):
    """With whom one would like to speak, and about what."""

    participant_id: UUID | None = None
    participant_ids: Annotated[tuple[UUID, ...], Meta(max_length=MOST_PEOPLE)] = ()
    title: Title | None = None
    about_kind: Word | None = None
    about_id: UUID | None = None


class ChangedConversation(Record):
    """What is sent is changed: the title for all, the rest for oneself alone."""

    title: Title | UnsetType | None = UNSET
    archived: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET


class Added(Record):
    """Who is to take part as well."""

    person_id: UUID


class UpTo(Record):
    """How far one has got: to this message, or to the latest where none is named."""

    message_id: UUID | None = None


class Unread(Record):
    """How much one has not read."""

    unread: int


# Reports


class Outcome(StrEnum):
    """What staff did about a report."""

    DISMISSED = auto()
    WARNED = auto()
    REMOVED = auto()


class NewReport(Record):
    """Why somebody should look at a message."""

    reason: Literal["spam", "abuse", "fraud", "contact", "other"]
    note: Annotated[str, Meta(max_length=2000)] = ""


class Report(Record):
    """A message that somebody would like staff to look at."""

    id: UUID
    message: Message
    reporter_id: UUID | None
    reason: str
    note: str
    reported_at: datetime
    outcome: Outcome | None
    resolved_by: UUID | None
    resolution: str | None
    resolved_at: datetime | None


class OpenedReport(Report):
    """With what was said around it."""

    surroundings: tuple[Message, ...] = ()


class Resolution(Record):
    """What is done about a report, and why."""

    outcome: Outcome
    reason: Reason


class Version(Record):
    """What a message said before."""

    content: str
    why: str
    until: datetime


class Flagged(Message):
    """A message in which the market's policy saw something, and let it pass."""

    flags: tuple[str, ...] = ()


# Inside


class Talk(msgspec.Struct, frozen=True):
    """A conversation as a command needs it, loaded with the permission of one who takes part."""

    id: UUID
    about_kind: str | None
    about_id: UUID | None
    title: str | None
    direct: bool
    places: int
    roster: int
    role: Part | None
    from_place: int
    delivered_place: int
    read_place: int
    unread: int
    people: tuple[UUID, ...]
    quiet: tuple[UUID, ...]
    staff: tuple[UUID, ...]

    @property
    def about(self) -> About | None:
        """What it is about."""
        return About(self.about_kind, self.about_id) if self.about_kind is not None and self.about_id is not None else None

    def others(self, person: UUID | None) -> tuple[UUID, ...]:
        """Everybody else."""
        return tuple(each for each in self.people if each != person)


Payload = msgspec.Struct | Mapping[str, Any] | None
