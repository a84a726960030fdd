"""Events of webhooks: believed when Stripe signed the raw bytes a short while ago."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import stripe

from souk.modules.payments.provider import BadSignature, Happening
from souk.modules.payments.snapshots import happening
from souk.modules.payments.stripe.line import Line

HEADER: Final = b"stripe-signature"
SHAPE: Final = re.compile(r"t=([0-9]{1,12})(?:,v[0-9]=[0-9A-Za-z]+)+")
"""One time and some signatures. In a looser shape the SDK might verify another time than the one that is compared here."""
TOLERANCE: Final = 300
"""Seconds for which a signature is good."""


class Webhooks(Line):
    """The part of the provider that reads what Stripe sends by itself."""

    def read_webhook(self, raw: bytes, headers: Mapping[bytes, bytes], now: datetime) -> Happening:
        """Verify the raw bytes and read them. Raises BadSignature."""
        header = headers.get(HEADER, b"").decode("latin-1")
        shape = SHAPE.fullmatch(header)
        if shape is None or not any(signed(raw, header, secret) for secret in self._webhook_secrets):
            raise BadSignature("Stripe did not sign this")
        if not -TOLERANCE <= now.timestamp() - int(shape[1]) <= TOLERANCE:
            raise BadSignature(f"Stripe signed this more than {TOLERANCE} s ago, or one of the two clocks is wrong")
        return happening(raw)


def signed(raw: bytes, header: str, secret: str) -> bool:
    """Whether an endpoint's secret made this signature. The SDK judges; its own clock does not, because time is given here."""
    try:
        return bool(stripe.WebhookSignature.verify_header(raw, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
