"""Mail servers for tests: a real one that takes letters or refuses them, and ports where something else goes wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

Answer = Callable[[str], str]
OK = "250 OK"


class Server:
    """A mail server of aiosmtpd's, on this loop. `to` answers RCPT, `data` answers the letter itself."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.raw: list[bytes] = []
        self.to: Answer = lambda _address: OK
        self.data: Answer = lambda _address: OK
        self.conversations = 0
        self.at_once = 0
        self.most_at_once = 0
        self.slow = 0.0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.conversations += 1
        said = self.to(address)
        if said == OK:
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.slow)
        self.at_once -= 1
        said = self.data(envelope.rcpt_tos[0])
        if said == OK:
            self.raw.append(envelope.content)
            self.recipients += envelope.rcpt_tos
            taken = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(taken, EmailMessage)
            self.taken.append(taken)
        return said


@asynccontextmanager
async def serving(server: Server, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """The server at work, and its port."""
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(server, hostname="souk.test", **options), "127.0.0.1", port)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await listening.wait_closed()


@asynccontextmanager
async def talking(say: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    """A server that says what a test tells it to."""
    open_ones: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        try:
            await say(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            open_ones.discard(writer)
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        for writer in list(open_ones):
            writer.close()
        listening.close()
        await listening.wait_closed()


def nowhere() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
