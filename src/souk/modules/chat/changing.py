"""Editing and deleting: within a window by their author, at any time by staff. What a message said before is kept for staff."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from souk.kernel.db import NoRow, Tx
from souk.kernel.http import Actor
from souk.kernel.messages import emit
from souk.modules.chat.errors import ChatMessageNotFound, NotYourMessage, TooLateToChange
from souk.modules.chat.events import MessageDeleted, MessageEdited
from souk.modules.chat.folding import searchable
from souk.modules.chat.model import Message, Sent
from souk.modules.chat.policy import judge
from souk.modules.chat.posting import sent
from souk.modules.chat.reading import access_message
from souk.modules.chat.rules import Rules
from souk.modules.chat.sql import messages as sql
from souk.modules.chat.talking import access, any_talk


async def edit(tx: Tx, rules: Rules, by: Actor, message_id: UUID, content: str) -> Sent:
    """Say something else. The market's policy looks at it as at a new message."""
    message = await _own(tx, by, message_id, "edited", rules.edit_within)
    talk = await access(tx, by, message.conversation_id)
    judged = judge(rules.policy, rules.words, await rules.matter(tx, talk.about), content)
    if judged.content == message.content:
        return sent(message, judged)
    unreached = await rules.blocking(tx, by.id, talk.others(by.id))
    told = tuple(each for each in talk.others(by.id) if each not in unreached)
    edited = replace(message, content=judged.content, edited_at=tx.now)
    await emit(tx, MessageEdited(talk.id, edited, told, talk.about_kind, talk.about_id))
    try:
        written = await tx.finish(sql.EDIT, message_id, judged.content, searchable(judged.content), judged.flags, tx.now, judged.original)
    except NoRow:
        raise ChatMessageNotFound from None
    return sent(written, judged)


async def delete(tx: Tx, rules: Rules, by: Actor, message_id: UUID) -> Message:
    """Take a message back. A tombstone stays."""
    message = await _own(tx, by, message_id, "deleted", rules.delete_within)
    return await remove(tx, by, message)


async def remove(tx: Tx, by: Actor, message: Message) -> Message:
    """Leave a tombstone, for whatever reason."""
    talk = await any_talk(tx, message.conversation_id)
    told = talk.others(by.id)
    await emit(tx, MessageDeleted(talk.id, message.id, message.author_id, by.id, told, talk.about_kind, talk.about_id))
    try:
        return await tx.run(sql.DELETE, message.id, by.id, tx.now)
    except NoRow:
        raise ChatMessageNotFound from None


async def _own(tx: Tx, by: Actor, message_id: UUID, what: str, within: timedelta) -> Message:
    """One's own message that may still be changed."""
    message = await access_message(tx, by, message_id)
    if message.author_id != by.id:
        raise NotYourMessage
    if message.deleted_at is not None:
        raise ChatMessageNotFound
    if tx.now - message.sent_at > within:
        raise TooLateToChange(what=what, minutes=int(within.total_seconds() // 60))
    return message.message
