"""What a market declares of its own about conversations: the words its clients use for what they are about.

    CHAT = chat.chats(about={"project_id": "project"}, paths={"job": "/jobs"})

`about`: fields of `POST /conversations` beside the usual ones, and what kind of thing each names. `paths`: things whose conversation
stands below them, `GET|POST /jobs/{job_id}/messages`; it is the one that the caller takes part in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from souk.kernel.assembly import Module, module
from souk.kernel.db import Tx
from souk.kernel.http import MEMBER, Actor, CursorPage, Operation, Reply, operation
from souk.modules.chat import leaving, posting, reading, routes, staff_routes, talking
from souk.modules.chat.errors import ConversationNotFound
from souk.modules.chat.model import Message, NewAnswer, NewConversation, Opened, Sent
from souk.modules.chat.reading import MessagesQuery
from souk.modules.chat.rules import Rules

MODULE: Final = module("chat", routes, staff_routes, leaving)


def chats(*, about: Mapping[str, str] | None = None, paths: Mapping[str, str] | None = None) -> Module:
    """Chat under a market's own words."""
    operations = [each for each in MODULE.operations if not (about and each.name == "begin_conversation")]
    more = [_beginning(about)] if about else []
    more += [each for kind, path in (paths or {}).items() for each in _below(kind, path)]
    return replace(MODULE, operations=(*operations, *more))


def _beginning(about: Mapping[str, str]) -> Operation[..., Any]:
    """Beginning a conversation, with fields of the market's own."""
    fields: list[tuple[str, Any, Any]] = [(name, UUID | None, None) for name in about]
    said = {"__doc__": NewConversation.__doc__, "ABOUT": dict(about)}
    wanted: Any = msgspec.defstruct("NewConversation", fields, bases=(NewConversation,), namespace=said, frozen=True, kw_only=True)

    async def begin_conversation(tx: Tx, by: Actor, body: Any, rules: Rules) -> Reply[Opened]:
        opened, is_new = await talking.begin(tx, rules, by, body)
        return Reply(opened, status=201 if is_new else 200)

    begin_conversation.__annotations__["body"] = wanted
    begin_conversation.__doc__ = routes.begin_conversation.__doc__
    return operation(
        "POST",
        "/conversations",
        who=MEMBER,
        status=201,
        idempotent=True,
        limit=routes.begin_conversation.limit,
        refusals=routes.BEGINNING,
        example=routes.begin_conversation.example,
    )(begin_conversation)


def _below(kind: str, path: str) -> Iterator[Operation[..., Any]]:
    """The conversation about something, below the thing itself."""

    async def read(tx: Tx, by: Actor, about_id: UUID, query: MessagesQuery) -> CursorPage[Message]:
        return await reading.messages_of(tx, by, await talking.about(tx, by, kind, about_id), query)

    async def write(tx: Tx, by: Actor, about_id: UUID, body: NewAnswer, rules: Rules) -> Sent:
        return await posting.say(tx, rules, by, body.to(await talking.about(tx, by, kind, about_id)))

    below = f"{path}/{{about_id}}/messages"
    read.__name__, read.__doc__ = f"list_{kind}_messages", f"What was said about a {kind}, newest first."
    write.__name__, write.__doc__ = f"post_{kind}_message", f"Write to the conversation about a {kind}."
    yield operation("GET", below, who=MEMBER, refusals=(ConversationNotFound,))(read)
    yield operation(
        "POST",
        below,
        who=MEMBER,
        status=201,
        idempotent=True,
        limit=routes.PACE,
        max_body=65_536,
        refusals=routes.SENDING,
        example={"content": "Is Tuesday all right?"},
    )(write)
