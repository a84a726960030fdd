"""Posting: what people say, and what the market and its modules say in a conversation.

One statement writes the message, everybody's unread counts, the event and what is said live.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from souk.kernel.db import NoRow, Tx, Violated
from souk.kernel.errors import camel
from souk.kernel.http import Actor
from souk.kernel.ids import new_id
from souk.kernel.messages import emit
from souk.modules.chat.errors import AlreadySending, ConversationNotFound, FilesNotTaken, NotReachable, ReplyNotHere, TypeNotSent
from souk.modules.chat.events import MessagePosted
from souk.modules.chat.folding import searchable
from souk.modules.chat.model import Message, NewMessage, Payload, Sent, Talk
from souk.modules.chat.policy import Judged, judge
from souk.modules.chat.rules import Rules
from souk.modules.chat.sql import conversations as talks
from souk.modules.chat.sql import messages as sql

NOTICE = "system"
"""The type of what the market itself notes: who came and went. Its payload says what happened, for clients to put in words."""


async def say(tx: Tx, rules: Rules, by: Actor, wanted: NewMessage) -> Sent:
    """Write to a conversation. Asked again under the same `clientMessageId`, it is the same message."""
    if wanted.type not in rules.types:
        raise TypeNotSent(type=wanted.type, types=", ".join(sorted(rules.types)))
    talk = await tx.run(talks.TALK, wanted.conversation_id, by.id)
    if talk is None:
        raise ConversationNotFound
    if wanted.client_message_id is not None:
        posted = await tx.run(sql.BY_CLIENT_ID, by.id, wanted.client_message_id)
        if posted is not None:
            return sent(posted)
    unreached = await _unreached(tx, rules, by, talk)
    if wanted.files:
        if rules.attach is None:
            raise FilesNotTaken
        await rules.attach(tx, by, talk.id, wanted.files)
    judged = judge(rules.policy, rules.words, await rules.matter(tx, talk.about), wanted.content)
    message = Message(
        id=new_id(),
        conversation_id=talk.id,
        author_id=by.id,
        type=wanted.type,
        content=judged.content,
        payload=None,
        files=wanted.files,
        reply_to=wanted.reply_to,
        client_message_id=wanted.client_message_id,
        sent_at=tx.now,
        edited_at=None,
        deleted_at=None,
    )
    try:
        return sent(await _write(tx, talk, message, judged, unreached=unreached, last=True), judged)
    except NoRow:
        raise ReplyNotHere from None
    except Violated as violated:
        if violated.constraint == "chat_messages_once":
            raise AlreadySending from violated
        raise


async def _unreached(tx: Tx, rules: Rules, by: Actor, talk: Talk) -> frozenset[UUID]:
    """Those of the others who are not told, because of a block. Of two who speak alone, the message is refused; staff reach anybody."""
    if by.id in talk.staff:
        return frozenset()
    members = tuple(each for each in talk.others(by.id) if each not in talk.staff)
    blocking = await rules.blocking(tx, by.id, members)
    if blocking and talk.direct:
        raise NotReachable
    return blocking


def sent(message: Message, judged: Judged | None = None) -> Sent:
    """A message as its author gets it back."""
    known = {name: getattr(message, name) for name in Message.__struct_fields__}
    return Sent(**known, warnings=judged.warnings if judged is not None else ())


async def post(  # noqa: PLR0913, PLR0917 - who says what, of which type, with what
    tx: Tx,
    conversation_id: UUID,
    author: UUID | None,
    type: str,  # noqa: A002 - the message's own word
    content: str,
    payload: Payload = None,
    *,
    counted: bool = True,
) -> Message:
    """For modules: say something in a conversation, as the market (no author) or for a person who takes part in it.

    Cards, notices, anything with a type of its own and what belongs to it; nobody's policy is asked, because nobody typed it.
    """
    talk = await tx.run(talks.ANY_TALK, conversation_id)
    if talk is None or (author is not None and author not in talk.people):
        raise ConversationNotFound
    return await _post(tx, talk, author, type, content, payload, counted=counted)


async def notice(tx: Tx, talk: Talk, by: UUID, happened: str, **details: object) -> Message:
    """Note in a conversation what somebody did to it."""
    said = {"happened": happened, "by": by, **{camel(name): value for name, value in details.items()}}
    return await _post(tx, talk, None, NOTICE, "", said, counted=False)


async def _post(  # noqa: PLR0913, PLR0917 - as above
    tx: Tx,
    talk: Talk,
    author: UUID | None,
    kind: str,
    content: str,
    payload: Any,
    *,
    counted: bool,
) -> Message:
    raw = None if payload is None else msgspec.to_builtins(payload)
    message = Message(new_id(), talk.id, author, kind, content, raw, (), None, None, tx.now, None, None)
    return await _write(tx, talk, message, Judged(content), counted=counted)


async def _write(  # noqa: PLR0913 - what one statement does
    tx: Tx,
    talk: Talk,
    message: Message,
    judged: Judged,
    *,
    counted: bool = True,
    unreached: frozenset[UUID] = frozenset(),
    last: bool = False,
) -> Message:
    """Message, counts, event and what is said live. `last`: nothing else follows in this transaction."""
    told = tuple(each for each in talk.others(message.author_id) if each not in unreached)
    quiet = tuple(each for each in talk.quiet if each in told)
    await emit(tx, MessagePosted(talk.id, message, told, quiet, talk.about_kind, talk.about_id))
    card = None if message.payload is None else msgspec.json.encode(message.payload).decode()
    run = tx.finish if last else tx.run
    return await run(
        sql.POST,
        *(message.id, talk.id, talk.roster, message.author_id, message.type, message.content, card, list(message.files), message.reply_to),
        *(message.client_message_id, counted, judged.flags, searchable(message.content), message.sent_at, judged.original),
    )
