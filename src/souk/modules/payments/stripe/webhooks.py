"""Events of webhooks: believed when Stripe signed the raw bytes a short while ago."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import stripe

from souk.modules.payments.provider import BadSignature, Happening
from souk.modules.payments.stripe.line import Line
from souk.modules.payments.stripe.reading import moment

HEADER: Final = b"stripe-signature"
SHAPE: Final = re.compile(r"t=([0-9]{1,12})(?:,v[0-9]=[0-9A-Za-z]+)+")
"""One time and some signatures. In a looser shape the SDK might verify another time than the one that is compared here."""
TOLERANCE: Final = 300
"""Seconds for which a signature is good."""
NAMED: Final = ("payment_intent", "charge", "customer", "subscription", "invoice", "setup_intent", "payment_method", "transfer")
"""Other things that objects name."""


class About(msgspec.Struct, frozen=True):
    """What an event is about, as it was then. Only its ids count."""

    object: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """The part of an event that is read."""

    id: str
    type: str
    created: int
    data: About
    account: str | None = None


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
        try:
            event = msgspec.json.decode(raw, type=Event)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadSignature("this is signed, and no event with its object: the endpoint must send snapshots") from None
        return happening(event)


def signed(raw: bytes, header: str, secret: str) -> bool:
    """Whether an endpoint's secret made this signature. The SDK judges; its own clock does not, because time is given here."""
    try:
        return bool(stripe.WebhookSignature.verify_header(raw, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


def happening(event: Event) -> Happening:
    """What an event is a hint of."""
    thing = event.data.object
    named = {kind: found for kind in NAMED if (found := _id(thing.get(kind)))}
    if subscription := _id(_inside(thing, "parent", "subscription_details").get("subscription")):
        named["subscription"] = subscription  # where newer versions of the API have an invoice's
    if event.account:
        named["account"] = event.account
    return Happening(event.id, event.type, _id(thing) or "", str(thing.get("object", "")), moment(event.created), named)


def _id(thing: Any) -> str | None:
    """The id of something that is named, or stands there whole."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) else None


def _inside(thing: Any, *path: str) -> dict[str, Any]:
    """What lies at the end of a path, or nothing."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing if isinstance(thing, dict) else {}
