"""How events are signed: `Stripe-Signature: t=<seconds>,v1=<HMAC-SHA256 of "t.payload">`, as Stripe does."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from souk.modules.payments.provider import BadSignature

HEADER: Final = "Stripe-Signature"
TOLERANCE: Final = 300
"""Seconds for which a signature is good."""


def sign(raw: bytes, secret: str, at: datetime) -> str:
    """The header that goes with an event."""
    second = int(at.timestamp())
    return f"t={second},v1={_signature(raw, secret, second)}"


def verify(raw: bytes, header: str, secrets: Iterable[str], now: datetime) -> None:
    """Raise BadSignature unless one of the secrets signed it a short while ago."""
    parts = [part.partition("=") for part in header.split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        raise BadSignature("there is no time in the signature")
    if not -TOLERANCE <= now.timestamp() - int(at) <= TOLERANCE:
        raise BadSignature(f"this was signed more than {TOLERANCE} s ago, or one of the two clocks is wrong")
    given = [value.encode() for name, _, value in parts if name == "v1"]
    expected = [_signature(raw, secret, int(at)).encode() for secret in secrets]
    if not any(hmac.compare_digest(one, other) for one in given for other in expected):
        raise BadSignature("nobody who may signed this")


def _signature(raw: bytes, secret: str, second: int) -> str:
    return hmac.new(secret.encode(), b"%d.%b" % (second, raw), "sha256").hexdigest()
