"""What is said live: to a socket of another client, by the npm client too; what whoever has left does not hear; typing and presence."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.live.node import Client, Node, node
from tests.modules.chat.conftest import Parlour, Sockets
from tests.modules.identity.conftest import Visitor

__all__ = ["node"]

PATH = "/sample/socket.io"


async def connects(node: Node, sockets: Sockets, who: Visitor, namespace: str = "/") -> Client:
    """A socket of somebody, once it is connected."""
    client = node.open(f"http://127.0.0.1:{sockets.port}{namespace}", PATH, who.token)
    return await asyncio.to_thread(client.connected)


async def hears(client: Client, event: str, count: int = 1) -> list[Any]:
    return await asyncio.to_thread(client.hears, event, count)


async def asks(client: Client, event: str, *args: Any) -> Any:
    return await asyncio.to_thread(client.ask, event, *args)


async def test_the_npm_client_hears_messages_receipts_and_typing(parlour: Parlour, node: Node) -> None:
    ada, bo, eve = await parlour.people("ada", "bo", "eve")
    talk = await parlour.begins(ada, bo)
    async with Sockets(parlour) as sockets:
        at_ada, at_bo, at_eve = [await connects(node, sockets, who) for who in (ada, bo, eve)]
        named = await connects(node, sockets, bo, "/jobs")
        message = await parlour.says(ada, talk, "Is Tuesday all right?")
        heard, _meta = await hears(at_bo, "new_message")
        assert (heard["id"], heard["content"], heard["authorId"]) == (message["id"], "Is Tuesday all right?", str(ada.id))
        assert (await hears(named, "job:new_message"))[0]["id"] == message["id"]
        await hears(at_ada, "new_message")
        await parlour.marks(bo, talk, message)
        read = (await hears(at_ada, "read"))[0]
        assert read == {"conversationId": talk["id"], "userId": str(bo.id), "messageId": message["id"]}
        await parlour.does(ada, "PATCH", f"/messages/{message['id']}", content="Is Wednesday?")
        assert (await hears(at_bo, "message_edited"))[0]["content"] == "Is Wednesday?"
        await parlour.does(ada, "DELETE", f"/messages/{message['id']}")
        assert (await hears(at_bo, "message_deleted"))[0] == {"conversationId": talk["id"], "messageId": message["id"]}

        for client in (at_ada, at_bo):
            assert (await asks(client, "join_conversation", talk["id"]))["ok"]
        refused = await asks(at_eve, "join_conversation", talk["id"])
        assert refused["error"]["code"] == "CONVERSATION_NOT_FOUND"
        await asks(at_bo, "typing", {"conversationId": talk["id"], "on": True})
        assert (await hears(at_ada, "typing"))[0] == {"conversationId": talk["id"], "on": True, "userId": str(bo.id)}
        assert at_eve.heard("new_message") == at_eve.heard("typing") == []
        assert len(at_bo.heard("new_message")) == len(named.heard("job:new_message")) == 1


async def test_whoever_has_left_hears_nothing_more(parlour: Parlour, node: Node) -> None:
    ada, bo, cy = await parlour.people("ada", "bo", "cy")
    group = await parlour.begins(ada, bo, cy)
    async with Sockets(parlour) as sockets:
        at_bo, at_cy = [await connects(node, sockets, who) for who in (bo, cy)]
        assert (await asks(at_cy, "join_conversation", group["id"]))["ok"]
        await parlour.says(ada, group, "before")
        await hears(at_cy, "new_message")
        await parlour.does(cy, "POST", f"/conversations/{group['id']}/leave")
        await parlour.says(ada, group, "after")
        await hears(at_bo, "new_message", 3)
        assert [words[0]["content"] for words in at_cy.heard("new_message")] == ["before"]


async def test_who_shares_a_conversation_sees_who_is_here(parlour: Parlour, node: Node) -> None:
    ada, bo, eve = await parlour.people("ada", "bo", "eve")
    talk = await parlour.begins(ada, bo)
    async with Sockets(parlour) as sockets:
        at_ada, at_eve = [await connects(node, sockets, who) for who in (ada, eve)]
        assert (await asks(at_eve, "watch_presence", str(bo.id)))["error"]["code"] == "CONVERSATION_NOT_FOUND"
        assert (await asks(at_ada, "watch_presence", str(bo.id)))["ok"]
        await connects(node, sockets, bo)
        assert (await hears(at_ada, "presence"))[0] == {"personId": str(bo.id), "online": True}
        people = (await parlour.does(ada, "GET", f"/conversations/{talk['id']}"))["participants"]
        assert {each["personId"]: each["online"] for each in people} == {str(ada.id): True, str(bo.id): True}
