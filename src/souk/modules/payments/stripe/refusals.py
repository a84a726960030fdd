"""How Stripe says no, and what that means here."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import stripe

from souk.modules.payments.provider import Declined, Failure, KeyRefused, Misused, ProviderError, Unreachable

LATER: Final = frozenset({409, 429})
"""Somebody else uses the key just now, or there are too many calls: neither says what became of this one."""
KEYS: Final = {401: "key_refused", 403: "key_not_allowed"}
"""What is wrong: the market's own key."""
NOT_OF_KEYS: Final = "account_invalid"
"""Why a call for a connected account is forbidden although the key is good: that account is closed, or has nothing to do with us."""


class Told(msgspec.Struct, frozen=True):
    """The part of an error that is read."""

    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    message: str = ""


class Answer(msgspec.Struct, frozen=True):
    """The body of an error."""

    error: Told


def judged(error: stripe.StripeError, secret: str) -> ProviderError:
    """What an error means. The key does not show in it, whatever the other side repeats."""
    status, told = error.http_status, told_by(error.json_body)
    if told is None or status is None or not 400 <= status < 500 or status in LATER or isinstance(error, stripe.RateLimitError):
        return Unreachable(f"{type(error).__name__}, status {status}" if status else shown(error))
    message = told.message.replace(secret, "…")
    if status == 402:
        return Declined(Failure(told.decline_code or told.code or told.type, message))
    if status in KEYS and told.code != NOT_OF_KEYS:
        return KeyRefused(f"{KEYS[status]}: {message}")
    return Misused(told.code or told.type, message)


def told_by(body: Any) -> Told | None:
    """What the body says, when it is Stripe's. A page of some proxy says nothing."""
    try:
        return msgspec.convert(body, Answer).error
    except msgspec.ValidationError:
        return None


def shown(error: stripe.StripeError) -> str:
    """The reason why there was no answer, in a line."""
    return (error.user_message or type(error).__name__).strip().splitlines()[-1]
