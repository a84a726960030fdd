"""Settings of Stripe: whose account it is, and what it signs its events with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from souk.kernel.config import Declared, Problem, Unreadable, Variable

API: Final = "https://api.stripe.com"


def secret_key(text: str) -> str:
    """The key of an account, `sk_…`, or one with fewer rights, `rk_…`. Not echoed."""
    if text and not re.fullmatch(r"(sk|rk)_[A-Za-z0-9_]{8,250}", text):
        raise Unreadable("is not a secret key of Stripe's", "Set it to the key that begins with sk_ or rk_, as Stripe's dashboard shows it")
    return text


def webhook_secrets(text: str) -> tuple[str, ...]:
    """What each endpoint's events are signed with: `whsec_…`. Several, with commas between them. Not echoed."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"whsec_[A-Za-z0-9+/=_-]{16,250}", part) for part in found):
        raise Unreadable("holds what is not the signing secret of an endpoint", "Set it to whsec_…, as Stripe's dashboard shows it")
    return found


def api(text: str) -> str:
    """Where Stripe is reached. The key goes there, so it goes encrypted or stays on this machine."""
    remedy = f"Leave it empty for {API}, or set it like http://127.0.0.1:12111 for a stand-in on this machine"
    try:
        url = urlsplit(text)
        good = bool(url.hostname) and not url.path.strip("/") and not url.query and not url.username and url.port != 0
    except ValueError:
        raise Unreadable("is not a web address", remedy) from None
    if not good or not (url.scheme == "https" or (url.scheme == "http" and here(url.hostname or ""))):
        raise Unreadable("is not an address that a key may be sent to", remedy)
    return text.rstrip("/")


def here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class StripeSettings(Declared, frozen=True):
    """What the environment says about Stripe."""

    secret_key: Annotated[
        str,
        Variable(
            "SOUK_STRIPE_KEY",
            "The secret key of the Stripe account. Required where a market pays by Stripe.",
            secret_key,
            accepts="sk_… or rk_…",
            secret=True,
        ),
    ]
    webhook_secrets: Annotated[
        tuple[str, ...],
        Variable(
            "SOUK_STRIPE_WEBHOOK_SECRET",
            "What Stripe signs its events with: one signing secret for each endpoint. Required with SOUK_STRIPE_KEY.",
            webhook_secrets,
            accepts="whsec_…; several with commas between them",
            secret=True,
        ),
    ]
    api: Annotated[
        str,
        Variable(
            "SOUK_STRIPE_API",
            "Where Stripe is reached. Another address serves tests only.",
            api,
            API,
            "https://host, or http:// on this machine",
        ),
    ]

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> list[Problem]:
        if values.get("secret_key") and values.get("webhook_secrets", ...) == ():
            return [
                Problem(
                    "SOUK_STRIPE_WEBHOOK_SECRET",
                    "is missing, and without it no event of Stripe's could be believed",
                    "Set it to the whsec_… of the webhook endpoint",
                )
            ]
        return []
