"""Firebase Cloud Messaging, HTTP v1: apps on telephones, reached with a service account's own signature."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import httpx
import jwt
import msgspec

from souk.modules.notify.model import KEEP_TRYING, Device, Urgency
from souk.modules.notify.outgoing import trusted
from souk.modules.notify.pushing import Gone, Later, Push, Refused, Unknown, after
from souk.modules.notify.settings import Account

WHOLE: Final = 10.0
API: Final = "https://fcm.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HOUR: Final = 3600
EARLY: Final = 60
"""Seconds before its end in which an access token is not used any more."""
MOST: Final = 20
HIGH: Final = {Urgency.LOW: "NORMAL", Urgency.NORMAL: "NORMAL", Urgency.URGENT: "HIGH"}
PRIORITY: Final = {Urgency.LOW: "5", Urgency.NORMAL: "5", Urgency.URGENT: "10"}
GONE: Final = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})
"""The app was removed, or its token was given to another account."""


class Granted(msgspec.Struct, frozen=True):
    """An access token, as Google answers it."""

    access_token: str
    expires_in: int = HOUR


class Fcm:
    """Apps, through Google. `api` and `transport` are others in tests and development."""

    def __init__(self, account: Account, *, api: str = API, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._account = account
        self._url = f"{api}/v1/projects/{account.project_id}/messages:send"
        self._client = httpx.AsyncClient(
            verify=trusted(),
            timeout=httpx.Timeout(WHOLE, connect=WHOLE / 2),
            transport=transport,
            trust_env=False,
            limits=httpx.Limits(max_connections=MOST),
        )
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def push(self, device: Device, push: Push) -> None:
        token = await self._access()
        answer = await self._sent(token, message(device.endpoint, push))
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = ""  # it was taken back: the next attempt asks for another
            raise Later(f"FCM does not take our token: {_said(answer)}")
        judge(answer)

    async def _sent(self, token: str, body: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return await self._client.post(self._url, content=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Later(f"FCM is not reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise Unknown(f"no answer from FCM: {type(error).__name__}") from error

    async def _access(self) -> str:
        """An access token. Whoever comes while one is asked for waits for that one."""
        async with self._asking:
            if not self._token or time.monotonic() >= self._until:
                granted = await self._granted()
                self._token, self._until = granted.access_token, time.monotonic() + granted.expires_in - EARLY
            return self._token

    async def _granted(self) -> Granted:
        now = int(time.time())
        claims = {"iss": self._account.client_email, "scope": SCOPE, "aud": self._account.token_uri, "iat": now, "exp": now + HOUR}
        try:
            signed = jwt.encode(claims, self._account.private_key, algorithm="RS256")
            answer = await self._client.post(self._account.token_uri, data={"grant_type": GRANT, "assertion": signed})
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=Granted)
        except httpx.HTTPError as error:
            raise Later(f"no access token: {type(error).__name__}") from error
        except (msgspec.MsgspecError, jwt.PyJWTError, ValueError) as error:
            raise Later("no access token: the answer or the account's key cannot be read") from error
        raise Later(f"no access token: {answer.status_code} {answer.text[:200]}", after(answer.headers.get("retry-after")))


def message(token: str, push: Push) -> bytes:
    """What FCM is sent. `tag`, `collapse_key` and `apns-collapse-id` let a later word take the place of an earlier one."""
    seconds = int(KEEP_TRYING.total_seconds())
    body: dict[str, Any] = {
        "token": token,
        "notification": {"title": push.title[:200], "body": push.body[:1000]},
        "data": {"kind": push.kind, "link": push.link, "notificationId": str(push.notification_id)},
        "android": {
            "collapse_key": push.topic,
            "priority": HIGH[push.urgency],
            "ttl": f"{seconds}s",
            "notification": {"tag": push.topic},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": push.topic,
                "apns-priority": PRIORITY[push.urgency],
                "apns-expiration": str(int(push.at.timestamp()) + seconds),
            }
        },
    }
    return msgspec.json.encode({"message": body})


def judge(answer: httpx.Response) -> None:
    """What FCM's answer means."""
    if answer.is_success:
        return
    code, reason = _code(answer), f"FCM says {answer.status_code} {_said(answer)}"
    if code in GONE or answer.status_code == httpx.codes.NOT_FOUND:
        raise Gone(reason)
    if answer.status_code in {408, 429} or answer.status_code >= 500:
        raise Later(reason, after(answer.headers.get("retry-after")))
    raise Refused(reason)


def _error(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer.content, type=dict[str, Any]).get("error")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _code(answer: httpx.Response) -> str:
    """FCM's own code: it stands in the details, and says more than the status."""
    details = _error(answer).get("details")
    for each in details if isinstance(details, list) else []:
        if isinstance(each, dict) and "errorCode" in each:
            return str(each["errorCode"])
    return ""


def _said(answer: httpx.Response) -> str:
    error = _error(answer)
    return f"{_code(answer) or error.get('status', '')}: {error.get('message', '')}"[:300]
