"""FCM's double: it keeps apps, gives access tokens for signatures that are right, and takes pushes, by FCM's own protocol.

Development reaches it in process; tests also over a socket. The adapter that speaks to it is the one that speaks to Google.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from souk.modules.notify.fcm import GRANT, SCOPE
from souk.modules.notify.settings import Account

AT: Final = "http://fcm.localhost"
KEPT: Final = 1000
LONGEST_TOPIC: Final = 64
Answer = tuple[int, dict[str, str], bytes]


class FcmDouble:
    """FCM and Google's door to it, for one project."""

    def __init__(self, project: str = "souk-development", at: str = AT) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.account: Final = Account(project, f"pushes@{project}.example.com", text, f"{at}/token")
        self._tokens: dict[str, float] = {}
        self._removed: set[str] = set()
        self._troubles: list[Answer] = []
        self.taken: list[dict[str, Any]] = []
        """Messages that were taken, oldest first."""
        self.grants = 0
        """How many access tokens were given."""

    # What a story, or a developer, does with it

    def remove(self, app: str) -> None:
        """The app was removed from its telephone."""
        self._removed.add(app)

    def trouble(self, status: int, code: str, *, retry_after: int = 0) -> None:
        """The next push is answered so."""
        headers = {"retry-after": str(retry_after)} if retry_after else {}
        self._troubles.append(_failure(status, code, code.lower(), headers))

    def take_back(self) -> None:
        """Access tokens that were given are good no more."""
        self._tokens.clear()

    # The protocol

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """What FCM would answer."""
        if method != "POST":
            return _failure(405, "", "only POST is known here")
        if path == "/token":
            return self._grant(body)
        if path == f"/v1/projects/{self.account.project_id}/messages:send":
            return self._send(headers.get("authorization", ""), body)
        return _failure(404, "", "there is nothing at this path")

    def _grant(self, body: bytes) -> Answer:
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        try:
            claims = jwt.decode(
                form.get("assertion", ""), self._key.public_key(), algorithms=["RS256"], audience=self.account.token_uri, leeway=30
            )
        except jwt.InvalidTokenError as error:
            return _json(400, {"error": "invalid_grant", "error_description": str(error)})
        if form.get("grant_type") != GRANT or claims.get("scope") != SCOPE or claims.get("iss") != self.account.client_email:
            return _json(400, {"error": "invalid_scope"})
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + 3600
        self.grants += 1
        return _json(200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _send(self, authorization: str, body: bytes) -> Answer:
        if self._tokens.get(authorization.removeprefix("Bearer "), 0.0) < time.monotonic():
            return _failure(401, "THIRD_PARTY_AUTH_ERROR", "the access token is not good")
        if self._troubles:
            return self._troubles.pop(0)
        try:
            sent = msgspec.json.decode(body, type=dict[str, dict[str, Any]])["message"]
            to = str(sent["token"])
        except (msgspec.MsgspecError, KeyError):
            return _failure(400, "INVALID_ARGUMENT", "there is no message with a token")
        if wrong := _wrong(sent):
            return _failure(400, "INVALID_ARGUMENT", wrong)
        if to in self._removed:
            return _failure(404, "UNREGISTERED", "the app is not there any more")
        self.taken = [*self.taken[-KEPT:], sent]
        return _json(200, {"name": f"projects/{self.account.project_id}/messages/{len(self.taken)}"})


def _wrong(sent: dict[str, Any]) -> str:
    """What FCM finds fault with."""
    found = sent.get("data", {})
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return "data holds text alone"
    if len(str(sent.get("apns", {}).get("headers", {}).get("apns-collapse-id", ""))) > LONGEST_TOPIC:
        return "apns-collapse-id is too long"
    if not str(sent.get("android", {}).get("ttl", "0s")).endswith("s"):
        return "ttl is in seconds"
    return "" if len(msgspec.json.encode(sent)) <= 4096 else "the message is too big"


def _json(status: int, said: dict[str, Any], headers: dict[str, str] | None = None) -> Answer:
    return status, {"content-type": "application/json", **(headers or {})}, msgspec.json.encode(said)


def _failure(status: int, code: str, said: str, headers: dict[str, str] | None = None) -> Answer:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": kind, "errorCode": code}] if code else []
    return _json(status, {"error": {"code": status, "message": said, "status": code, "details": details}}, headers)


class InProcess(httpx.AsyncBaseTransport):
    """The way to the double without a socket."""

    def __init__(self, double: FcmDouble) -> None:
        self._double = double

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        status, headers, body = self._double.answer(request.method, request.url.path, dict(request.headers), await request.aread())
        return httpx.Response(status, headers=headers, content=body, request=request)
