"""Settings of notify: what pushes are signed with, and whose account apps are reached by."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from souk.kernel.config import Declared, Unreadable, Variable
from souk.kernel.config.values import switch

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: a private key is a number from 1 to one less."""


class Account(msgspec.Struct, frozen=True):
    """A service account, as Google gives it in a file."""

    project_id: str
    client_email: str
    private_key: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address

    def __repr__(self) -> str:
        """Without the key: this is what people are shown."""
        return f"{self.client_email} of {self.project_id}"


def vapid_key(text: str) -> ec.EllipticCurvePrivateKey | None:
    """A private key of P-256: 32 bytes in base64url, as tools for web push write it."""
    if not text:
        return None
    remedy = "Set it to the 32 bytes of a P-256 private key in base64url"
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise Unreadable("is not in base64url", remedy) from None
    if len(raw) != 32 or not 0 < int.from_bytes(raw) < ORDER:
        raise Unreadable("is not a private key of P-256", remedy)
    return ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1())


def key_from(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """A private key made of 32 secret bytes: the same bytes, the same key."""
    return ec.derive_private_key(int.from_bytes(seed) % (ORDER - 1) + 1, ec.SECP256R1())


def account(text: str) -> Account | None:
    """The account in that file."""
    if not text:
        return None
    remedy = "Set it to the JSON file of a service account that may send by Firebase Cloud Messaging"
    try:
        found = msgspec.json.decode(Path(text).expanduser().read_bytes(), type=Account)
        load_pem_private_key(found.private_key.encode(), password=None)
    except OSError as error:
        raise Unreadable(f"names a file that cannot be read ({error.strerror})", remedy) from None
    except (msgspec.MsgspecError, ValueError, TypeError):
        raise Unreadable("names a file that holds no service account", remedy) from None
    return found


class NotifySettings(Declared, frozen=True):
    """What the environment says about notifications."""

    vapid_key: Annotated[
        ec.EllipticCurvePrivateKey | None,
        Variable(
            "SOUK_VAPID_KEY",
            "The private key that web pushes are signed with. Empty makes one of SOUK_SECRET: then every browser has to subscribe anew "
            "when that changes.",
            vapid_key,
            accepts="32 bytes in base64url",
            secret=True,
        ),
    ]
    fcm: Annotated[
        Account | None,
        Variable(
            "SOUK_FCM_ACCOUNT",
            "The service account by which apps are reached through Firebase Cloud Messaging. Empty reaches none; in development a double "
            "takes the pushes.",
            account,
            accepts="a JSON file",
            secret=True,
        ),
    ]
    push_local: Annotated[
        bool,
        Variable(
            "SOUK_PUSH_LOCAL",
            "Whether web pushes may go to this machine and to private networks, without encryption: for tests. Production never does.",
            switch,
            "off",
            "on or off",
        ),
    ]
