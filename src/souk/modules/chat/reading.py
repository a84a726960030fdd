"""Reading: pages of a conversation, searching in it, and how far one has got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.db import Tx
from souk.kernel.http import Actor, CursorPage, CursorPaging, cursor_page
from souk.kernel.messages import emit
from souk.modules.chat.errors import ChatMessageNotFound
from souk.modules.chat.events import ConversationRead
from souk.modules.chat.folding import sought
from souk.modules.chat.model import Message, UpTo
from souk.modules.chat.sql import conversations as talks
from souk.modules.chat.sql import messages as sql
from souk.modules.chat.talking import access, any_talk

WHOLE: Final = 10_000
"""So many messages a transcript has at most."""


class MessagesQuery(CursorPaging, kw_only=True):
    """Which messages are wanted."""

    q: Annotated[str, Meta(max_length=200, description="Only those in which words begin so.")] = ""


async def messages_of(tx: Tx, by: Actor, conversation_id: UUID, query: MessagesQuery) -> CursorPage[Message]:
    """A conversation's messages, newest first. Only an empty page asks a second time: whether it is the caller's at all."""
    before = query.after(int)
    wanted = sought(query.q)
    if wanted:
        rows = await tx.run(sql.FOUND_IN, conversation_id, by.id, before, query.limit + 1, wanted)
    elif query.q:
        rows = []
    else:
        rows = await tx.run(sql.MESSAGES_OF, conversation_id, by.id, before, query.limit + 1)
    if not rows:
        await access(tx, by, conversation_id)
    page = cursor_page(rows, query, lambda row: row.place)
    return CursorPage([row.message for row in page.items], page.next_cursor, query)


async def access_message(tx: Tx, by: Actor, message_id: UUID) -> sql.Placed:
    """A message, for one who takes part in its conversation and was there when it was said."""
    found = await tx.run(sql.MESSAGE_OF, message_id, by.id)
    if found is None:
        raise ChatMessageNotFound
    return found


async def transcript(tx: Tx, conversation_id: UUID) -> Sequence[Message]:
    """For modules: everything that was said in a conversation, the oldest first."""
    return await tx.run(sql.TRANSCRIPT, (await any_talk(tx, conversation_id)).id, WHOLE)


async def get_to(tx: Tx, by: Actor, conversation_id: UUID, up_to: UpTo, *, has_read: bool) -> int:
    """Note how far somebody has got. Who has got no farther than before is not announced. Answers what is unread of it."""
    talk = await access(tx, by, conversation_id)
    place = talk.places
    if up_to.message_id is not None:
        found = await tx.run(sql.PLACE_OF, up_to.message_id, talk.id)
        if found is None or found <= talk.from_place:
            raise ChatMessageNotFound
        place = found
    if place <= (talk.read_place if has_read else talk.delivered_place):
        return talk.unread
    at = up_to.message_id or await tx.run(sql.AT_PLACE, talk.id, place)
    if at is not None:
        await emit(tx, ConversationRead(talk.id, by.id, at, talk.others(by.id), has_read, talk.about_kind, talk.about_id))
    return await tx.finish(talks.GET_TO, talk.id, by.id, place, has_read)
