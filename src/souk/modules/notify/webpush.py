"""Web push: a message is sealed for one browser (RFC 8291), signed as ours (VAPID, RFC 8292), and handed to its push service (RFC 8030)."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from souk.modules.notify.errors import EndpointRefused
from souk.modules.notify.model import KEEP_TRYING, Device, Urgency
from souk.modules.notify.outgoing import NoAnswer, NotReached, Outgoing
from souk.modules.notify.pushing import Gone, Later, Push, Refused, Unknown, after

RECORD: Final = 4096
LONGEST: Final = 3000
"""Bytes of a message: push services promise to take 4096 with everything around it."""
SALT_BYTES: Final = 16
AUTH_BYTES: Final = 16
SIGNED_FOR: Final = timedelta(hours=12)
LAST: Final = b"\x02"
"""What ends the last record."""
URGENCY: Final = {Urgency.LOW: "low", Urgency.NORMAL: "normal", Urgency.URGENT: "high"}


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """What a service worker gets: enough to show it, and to open what it is about. `tag` lets it take the place of an earlier one."""

    title: str
    body: str
    link: str
    kind: str
    tag: str
    notification_id: str


class WebPush:
    """Browsers, through the push services that their makers run."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, subject: str, outgoing: Outgoing, now: Callable[[], datetime]) -> None:
        self._key = key
        self._subject = subject
        self._outgoing = outgoing
        self._now = now
        self.public_key: Final = encoded(point_of(key.public_key()))

    async def push(self, device: Device, push: Push) -> None:
        try:
            body = sealed(shown(push), decoded(device.p256dh or ""), decoded(device.auth or ""))
            headers = self._headers(device.endpoint, push)
            status, answered, said = await self._outgoing.post(device.endpoint, headers, body)
        except ValueError as error:
            raise Refused(f"the browser's keys are unusable: {error}") from error
        except EndpointRefused as error:
            raise Refused(error.text()) from error
        except NotReached as error:
            raise Later(str(error)) from error
        except NoAnswer as error:
            raise Unknown(str(error)) from error
        judge(status, answered.get("retry-after"), said)

    def _headers(self, endpoint: str, push: Push) -> dict[str, str]:
        return {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(int(KEEP_TRYING.total_seconds())),
            "Urgency": URGENCY[push.urgency],
            "Topic": push.topic,
            "Authorization": self._signed(endpoint),
        }

    def _signed(self, endpoint: str) -> str:
        """That it is we who send, for this push service alone and for a few hours."""
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int((self._now() + SIGNED_FOR).timestamp()), "sub": self._subject}
        return f"vapid t={jwt.encode(claims, self._key, algorithm='ES256')}, k={self.public_key}"


def judge(status: int, retry_after: str | None, said: bytes) -> None:
    """What a push service's answer means."""
    if 200 <= status < 300:
        return
    reason = f"the push service says {status} {said[:200].decode(errors='replace')}".strip()
    if status in {404, 410}:
        raise Gone(reason)
    if status in {408, 429} or status >= 500:
        raise Later(reason, after(retry_after))
    raise Refused(reason)


def shown(push: Push) -> bytes:
    """The message for the service worker, cut where it would be too long to be taken."""
    body = push.body
    while True:
        message = msgspec.json.encode(Shown(push.title[:200], body, push.link, push.kind, push.topic, str(push.notification_id)))
        if len(message) <= LONGEST or not body:
            return message
        body = body[: len(body) * LONGEST // len(message) - 10].rstrip() + "…" if len(body) > 20 else ""


def sealed(
    message: bytes, browser: bytes, auth: bytes, *, own: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """A message that only this browser can read. `own` and `salt` are new for every message, unless they are given."""
    if len(auth) != AUTH_BYTES:
        raise ValueError("the secret has not 16 bytes")
    own, salt = own or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(SALT_BYTES)
    point = point_of(own.public_key())
    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), browser))
    secret = _derived(shared, auth, b"WebPush: info\0" + browser + point, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD.to_bytes(4) + bytes([len(point)]) + point
    return head + AESGCM(key).encrypt(nonce, message + LAST, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as a point, uncompressed."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_keys(p256dh: str, auth: str) -> None:
    """Whether a browser's keys can be used; `ValueError` where not."""
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(p256dh))
    if len(decoded(auth)) != AUTH_BYTES:
        raise ValueError("the secret has not 16 bytes")


def decoded(text: str) -> bytes:
    """base64url, with padding or without."""
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
