"""Browsers and the push service behind them: what is sent over a real socket, and opened with the browser's own key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from souk.modules.notify.webpush import encoded, point_of


class Browser:
    """A browser that has subscribed: it opens what is sealed for it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.secret = self._key.private_numbers().private_value.to_bytes(32)
        self.public = point_of(self._key.public_key())
        self.auth = os.urandom(16)

    def subscription(self, endpoint: str) -> dict[str, Any]:
        """`PushSubscription.toJSON()`."""
        return {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": encoded(self.public), "auth": encoded(self.auth)}}

    def opens(self, body: bytes) -> bytes | None:
        """The message, or None where it is not for this browser."""
        salt, size = body[:16], body[20]
        theirs, sealed = body[21 : 21 + size], body[21 + size :]
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        secret = _hkdf(shared, self.auth, b"WebPush: info\0" + self.public + theirs, 32)
        key, nonce = _hkdf(secret, salt, b"Content-Encoding: aes128gcm\0", 16), _hkdf(secret, salt, b"Content-Encoding: nonce\0", 12)
        try:
            return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")[:-1]
        except InvalidTag:
            return None


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


class Asked(msgspec.Struct, frozen=True):
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]
Take = Callable[[Asked], Answer]


@asynccontextmanager
async def listening(
    take: Callable[[Asked], Answer | None], port: int = 0, *, came: Callable[[], None] = lambda: None
) -> AsyncIterator[int]:
    """An HTTP server on a free port. What it answers None to is never answered. `came` is called for each connection."""
    over = asyncio.Event()
    talks: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks[task] = writer
        came()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (answer := take(await _read(reader))) is not None:
                status, headers, body = answer
                lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        over.set()
        for writer in talks.values():
            writer.close()
        await asyncio.gather(*talks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _version = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))


class PushService:
    """A push service: it takes pushes, and answers as a story says."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.silent: set[str] = set()
        self.when_asked: Callable[[Asked], None] = lambda _asked: None
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def endpoint(self, name: str) -> str:
        return f"{self.origin}/send/{name}"

    def to(self, name: str) -> list[Asked]:
        """What came for one browser."""
        return [asked for asked in self.asked if asked.path == f"/send/{name}"]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[PushService]:
        async with listening(self._take, self.port) as port:
            self.port = port
            yield self

    def _take(self, asked: Asked) -> Answer | None:
        self.asked.append(asked)
        name = asked.path.rpartition("/")[2]
        self.when_asked(asked)
        if name in self.silent:
            return None
        return self.answers.get(name, 201), self.headers, b""
