"""`StripeServer`: answers on this machine as Stripe does. What happens is the bank's business."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from souk.modules.payments.sandbox.bank import Bank
from souk.modules.payments.sandbox.errors import BankError, NoAnswer
from tests.doubles.stripe_server.forms import WrongParameter, checked, nested
from tests.doubles.stripe_server.routes import Route, found

KEY: Final = "sk_test_ofTheLocalStandIn0123456789"
NAMES: Final = {"billing_portal_session": "portal_session"}
"""What the bank calls otherwise than the SDK's folders."""


class Seen(msgspec.Struct):
    """A request that came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    params: dict[str, Any]


class StripeServer:
    """Stripe, as far as the bank can be it. `url` is known at once; it answers there from `open` on."""

    def __init__(self, bank: Bank, key: str = KEY) -> None:
        self.bank = bank
        self.key = key
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self.seen: list[Seen] = []
        self.silent = False
        """Whether it takes requests and never answers."""
        self.raw: tuple[int, bytes] | None = None
        """Answer this to everything instead, as some proxy might."""

    async def open(self) -> None:
        """Begin to answer, on the loop that runs now; once."""
        if self._server is None:
            self._server = await asyncio.start_server(self._begin, sock=self._socket)

    async def close(self) -> None:
        """End all talks."""
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._socket.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, target, _ = line.decode().split()
                headers: dict[str, str] = {}
                while (line := await reader.readline()).strip():
                    name, _, text = line.decode().partition(":")
                    headers[name.lower()] = text.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if self.silent:
                    await asyncio.Event().wait()
                status, content = self.raw or await self._answer(method, target, headers, body.decode())
                head = f"HTTP/1.1 {status} .\r\ncontent-type: application/json\r\nrequest-id: req_{len(self.seen)}\r\n"
                writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (NoAnswer, ConnectionError, asyncio.IncompleteReadError):
            return  # the line goes dead
        finally:
            writer.close()

    async def _answer(self, method: str, target: str, headers: Mapping[str, str], body: str) -> tuple[int, bytes]:
        url = urlsplit(target)
        pairs = parse_qsl(body if method == "POST" else url.query, keep_blank_values=True)
        try:
            params = nested(pairs)
            self.seen.append(Seen(method, url.path, headers, params))
            self._admit(method, headers)
            return 200, msgspec.json.encode(await self._done(method, unquote(url.path), headers, params))
        except WrongParameter as wrong:
            refused = BankError("invalid_request_error", wrong.code, str(wrong), param=wrong.param)
        except BankError as error:
            refused = error
        return refused.status, msgspec.json.encode(refused.body())

    def _admit(self, method: str, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if given != self.key:
            raise BankError("invalid_request_error", None, f"Invalid API Key provided: {given}", 401)
        if not headers.get("stripe-version"):
            raise BankError("invalid_request_error", None, "This stand-in wants a Stripe-Version with every request.")
        if method == "POST" and headers.get("content-type") != "application/x-www-form-urlencoded":
            raise BankError("invalid_request_error", None, "The body of a request is a form.")

    async def _done(self, method: str, path: str, headers: Mapping[str, str], params: dict[str, Any]) -> dict[str, Any]:
        match = found(method, path)
        if match is None:
            raise BankError("invalid_request_error", None, f"Unrecognized request URL ({method}: {path}).", 404)
        route, ids = match
        given = checked(params, route.params) if route.params else params
        expand = given.pop("expand", [])
        answer = await self._call(route, ids, given, headers)
        return await self.bank.expanded(answer, expand)

    async def _call(self, route: Route, ids: tuple[str, ...], params: dict[str, Any], headers: Mapping[str, str]) -> object:
        subject = NAMES.get(route.subject, route.subject)
        name = f"list_{subject}s" if route.verb == "list" else f"{route.verb}_{subject}"
        call = getattr(self.bank, name, None)
        if call is None:
            raise BankError("invalid_request_error", None, f"This stand-in cannot do {route.method} {route.template}.", 404)
        takes = inspect.signature(call).parameters
        account = headers.get("stripe-account")
        if account and "account" not in takes:
            raise BankError("invalid_request_error", None, f"This stand-in does {route.template} for the platform only.")
        context = {"key": headers.get("idempotency-key"), "account": account}
        said = {name: value for name, value in context.items() if value and name in takes}
        return await call(*ids, *([params] if "params" in takes else []), **said)
