"""Events as Stripe words them, with a snapshot of what they are about. The sandbox words them in the same way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from souk.modules.payments.provider import BadSignature, Happening

NAMED: Final = ("payment_intent", "charge", "customer", "subscription", "invoice", "setup_intent", "payment_method", "transfer")
"""Other things that objects name."""
LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999: there are no later moments here."""
LONGEST: Final = 255
"""Names are kept in indexes."""
Name = Annotated[str, Meta(max_length=LONGEST)]


class About(msgspec.Struct, frozen=True):
    """What an event is about, as it was then. Only its ids count."""

    object: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """The part of an event that is read."""

    id: Name
    type: Name
    created: Annotated[int, Meta(ge=0, le=LAST_SECOND)]
    data: About
    account: str | None = None


def happening(raw: bytes) -> Happening:
    """What an event is a hint of. It is verified already."""
    try:
        event = msgspec.json.decode(raw, type=Event)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BadSignature("this is signed, and no event with its object: the endpoint must send snapshots") from None
    thing = event.data.object
    named = {kind: found for kind in NAMED if (found := _id(thing.get(kind)))}
    if subscription := _id(_inside(thing, "parent", "subscription_details").get("subscription")):
        named["subscription"] = subscription  # where newer versions of the API have an invoice's
    if event.account:
        named["account"] = event.account
    at = datetime.fromtimestamp(event.created, UTC)
    return Happening(event.id, event.type, _id(thing) or "", _id(thing.get("object")) or "", at, named)


def _id(thing: Any) -> str | None:
    """The id of something that is named, or stands there whole."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found if isinstance(found, str) and len(found) <= LONGEST else None


def _inside(thing: Any, *path: str) -> dict[str, Any]:
    """What lies at the end of a path, or nothing."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, dict) else None
    return thing if isinstance(thing, dict) else {}
