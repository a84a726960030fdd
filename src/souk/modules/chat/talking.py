"""Beginning conversations, finding one's own, and who takes part in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.kernel.ids import new_id
from souk.kernel.live.presence import online
from souk.kernel.messages import emit
from souk.modules import audit, identity
from souk.modules.chat.errors import ConversationNotFound, NotReachable, OnlyForGroups, TooManyPeople, WithNobody
from souk.modules.chat.events import ConversationBegun
from souk.modules.chat.model import About, ChangedConversation, Conversation, NewConversation, Opened, Part, Talk
from souk.modules.chat.posting import notice
from souk.modules.chat.rules import Rules
from souk.modules.chat.sql import conversations as sql


async def access(tx: Tx, by: Actor, conversation_id: UUID) -> Talk:
    """A conversation, for one who takes part in it now. It also guards the live room of the same name."""
    talk = await tx.run(sql.TALK, conversation_id, by.id)
    if talk is None:
        raise ConversationNotFound
    return talk


async def about(tx: Tx, by: Actor, kind: str, matter: UUID) -> UUID:
    """The caller's conversation about something: the latest, where they have several."""
    found = await tx.run(sql.ABOUT, kind, matter, by.id)
    if found is None:
        raise ConversationNotFound
    return found


# Beginning


async def begin(tx: Tx, rules: Rules, by: Actor, wanted: NewConversation) -> tuple[Opened, bool]:
    """Begin a conversation, or find the one that the same people have about the same. Says whether it is new."""
    others = tuple(dict.fromkeys(each for each in (wanted.participant_id, *wanted.participant_ids) if each not in (None, by.id)))
    matter = matter_of(wanted)
    await _check_reachable(tx, rules, by, msgspec.convert(others, tuple[UUID, ...]), matter, among=1 + len(others))
    begun = await _begin(tx, (by.id, *msgspec.convert(others, tuple[UUID, ...])), matter, wanted.title, by.id)
    return await opened(tx, by, begun.id), begun.is_new


def matter_of(wanted: NewConversation) -> About | None:
    """What a conversation is to be about: named by kind and id, or by a field of the market's own such as `projectId`."""
    if wanted.about_kind is not None and wanted.about_id is not None:
        return About(wanted.about_kind, wanted.about_id)
    kinds = getattr(wanted, "ABOUT", {})
    return next((About(kind, given) for name, kind in kinds.items() if (given := getattr(wanted, name)) is not None), None)


async def _check_reachable(  # noqa: PLR0913, PLR0917 - who would like to reach whom, about what
    tx: Tx, rules: Rules, by: Actor, others: tuple[UUID, ...], matter: About | None, among: int
) -> None:
    """Whether somebody may write to these people: they exist, the market lets them, and nobody has blocked anybody."""
    if not others:
        raise WithNobody
    if among > rules.most_people:
        raise TooManyPeople(most=rules.most_people)
    for person in others:
        if (await identity.any_person(tx, person)).status is not identity.PersonStatus.ACTIVE:
            raise NotReachable
    if not await rules.may_begin(tx, by, others, matter) or await rules.blocking(tx, by.id, others):
        raise NotReachable


async def ensure(tx: Tx, people: Iterable[UUID], matter: About | None = None, *, title: str | None = None) -> UUID:
    """The conversation of these people about this, begun by the market itself where there is none yet."""
    return (await _begin(tx, tuple(dict.fromkeys(people)), matter, title, None)).id


async def _begin(tx: Tx, people: tuple[UUID, ...], matter: About | None, title: str | None, by: UUID | None) -> sql.Begun:
    kind, reference = (matter.kind, matter.id) if matter is not None else (None, None)
    direct = len(people) == 2
    key = key_of(people, matter) if direct or matter is not None else None
    begun = await tx.run(sql.BEGIN, new_id(), key, kind, reference, title, direct, by, list(people), tx.now)
    if begun.is_new:
        told = tuple(each for each in people if each != by)
        await emit(tx, ConversationBegun(begun.id, by, told, kind, reference, title))
    return begun


def key_of(people: Iterable[UUID], matter: About | None) -> UUID:
    """One name for the same people and the same matter, in whatever order they are named."""
    named = [*sorted(str(each) for each in people), "" if matter is None else f"{matter.kind}:{matter.id}"]
    return UUID(bytes=blake2b("\0".join(named).encode(), digest_size=16).digest())


# Reading


class Latest(msgspec.Struct, frozen=True):
    """Where a list of conversations goes on."""

    at: datetime
    id: UUID


class ConversationsQuery(CursorPaging, kw_only=True):
    """Which conversations are wanted."""

    archived: bool | None = None
    about_kind: str | None = None
    about_id: UUID | None = None


async def conversations_of(tx: Tx, by: Actor, query: ConversationsQuery) -> CursorPage[Conversation]:
    """The caller's conversations, the latest first."""
    at = query.after(Latest)
    rows = await tx.run(
        sql.CONVERSATIONS_OF,
        *(by.id, None, query.archived, query.about_kind, query.about_id, at and at.at, at and at.id, query.limit + 1),
    )
    return cursor_page([_shown(row) for row in rows], query, lambda row: Latest(row.last_at, row.id))


def _shown(row: sql.Row) -> Conversation:
    return Conversation(**{name: getattr(row, name) for name in Conversation.__struct_fields__})


async def opened(tx: Tx, by: Actor, conversation_id: UUID) -> Opened:
    """A conversation of the caller's, with everybody in it."""
    rows = await tx.run(sql.CONVERSATIONS_OF, by.id, conversation_id, None, None, None, None, None, 1)
    if not rows:
        raise ConversationNotFound
    people = await tx.run(sql.PARTICIPANTS, conversation_id)
    here = await online(tx, [person.person_id for person in people])
    return Opened(
        **{name: getattr(rows[0], name) for name in Conversation.__struct_fields__},
        participants=tuple(replace(each, online=each.person_id in here) for each in people),
    )


async def unread_of(tx: Tx, person: UUID) -> int:
    """How much somebody has not read, in all their conversations."""
    return await tx.run(sql.UNREAD, person) or 0


# Changing


async def change(tx: Tx, by: Actor, conversation_id: UUID, wanted: ChangedConversation) -> Opened:
    """Name a group, or put a conversation away or mute it for oneself."""
    talk = await access(tx, by, conversation_id)
    titled = wanted.title is not UNSET
    if titled and talk.direct:
        raise OnlyForGroups
    title = None if wanted.title is UNSET else wanted.title
    archived, muted = (None if each is UNSET else each for each in (wanted.archived, wanted.muted))
    await tx.run(sql.CHANGE, talk.id, by.id, archived, muted, title, titled)
    if titled and title != talk.title:
        await notice(tx, talk, by.id, "renamed", title=title)
    return await opened(tx, by, conversation_id)


async def add(tx: Tx, rules: Rules, by: Actor, conversation_id: UUID, person: UUID) -> Opened:
    """Add somebody to a group. They see what is said from now on."""
    talk = await access(tx, by, conversation_id)
    if talk.direct:
        raise OnlyForGroups
    if person not in talk.people:
        await _check_reachable(tx, rules, by, (person,), talk.about, among=len(talk.people) + 1)
        await tx.run(sql.JOIN, talk.id, person, Part.MEMBER.value, tx.now)
        await notice(tx, await any_talk(tx, talk.id), by.id, "added", person_id=person)
    return await opened(tx, by, conversation_id)


async def leave(tx: Tx, by: Actor, conversation_id: UUID) -> None:
    """Leave a group, or as staff any conversation. What is said afterwards, and what was said before, is not for them any more."""
    talk = await access(tx, by, conversation_id)
    if talk.direct and talk.role is Part.MEMBER:
        raise OnlyForGroups
    await tx.run(sql.LEAVE, talk.id, by.id, tx.now)
    left = "staff_left" if talk.role is Part.STAFF else "left"
    await notice(tx, await any_talk(tx, talk.id), by.id, left, person_id=by.id)


async def join_as_staff(tx: Tx, by: Actor, conversation_id: UUID, why: str) -> Opened:
    """Take part in anybody's conversation, for everybody to see, and on record."""
    talk = await any_talk(tx, conversation_id)
    if by.id not in talk.people:
        await tx.run(sql.JOIN, talk.id, by.id, Part.STAFF.value, tx.now)
        await audit.record(tx, "chat.staff_joined", "conversation", talk.id, by=by, why=why)
        await notice(tx, await any_talk(tx, talk.id), by.id, "staff_joined", person_id=by.id)
    return await opened(tx, by, conversation_id)


async def any_talk(tx: Tx, conversation_id: UUID) -> Talk:
    """Anybody's conversation, for staff and for the market itself."""
    talk = await tx.run(sql.ANY_TALK, conversation_id)
    if talk is None:
        raise ConversationNotFound
    return talk


async def access_presence(tx: Tx, by: Actor, person: UUID) -> None:
    """Whether somebody may see that a person is connected: those may who share a conversation with them."""
    if person != by.id and await tx.run(sql.SHARE, by.id, person) is None:
        raise ConversationNotFound


async def put_out(tx: Tx, person: UUID) -> None:
    """Let somebody take part nowhere any more."""
    await tx.run(sql.LEAVE_ALL, person, tx.now)
    await tx.run(sql.FORGET_TOTAL, person)
