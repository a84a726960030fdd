"""Redaction: what must not leave the process is taken out of everything that is logged, traced or reported.

Two nets, and each would do for most cases: values whose *name* says that they are secret, at any depth, and texts that
*look* like one (tokens, passwords in URLs, card numbers). What cannot be looked into is printed and then searched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, cast
from uuid import UUID

HIDDEN: Final = "[redacted]"
DEPTH: Final = 6
ITEMS: Final = 100
LENGTH: Final = 20_000
BIGGEST: Final = 2**63

SECRET_WORDS: Final = frozenset(
    {
        *("authorization", "bearer", "card", "cards", "cookie", "cookies", "credential", "credentials", "csrf", "cvc", "cvv", "dsn"),
        *("iban", "jwt", "otp", "passphrase", "passwd", "password", "passwords", "pin", "pwd", "secret", "secrets", "session"),
        *("signature", "token", "tokens", "totp"),
    }
)
SECRET_PAIRS: Final = frozenset(("api key", "private key", "signing key", "access key", "recovery code", "recovery codes"))

PLAIN: Final = (datetime, date, Decimal, UUID, type(None))
"""Types that hold no text of their own."""


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Whether a field of that name holds something secret: `newPassword`, `x-api-key`, `card_number`; not `discard`."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    return not SECRET_WORDS.isdisjoint(words) or any(f"{a} {b}" in SECRET_PAIRS for a, b in pairwise(words))


def redact(value: Any, depth: int = DEPTH) -> Any:  # noqa: PLR0911 - one line a type
    """The value without its secrets, made of plain types only, and bounded in depth and size."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, (bool, float, PLAIN)):
        return value
    if isinstance(value, int):
        return value if -BIGGEST <= value < BIGGEST else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return redact_fields(value, depth - 1)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(part, depth - 1) for part in list(cast("list[Any]", value))[:ITEMS]]
    return redact_text(printed(value))


def redact_fields(fields: Mapping[Any, Any], depth: int = DEPTH) -> dict[str, Any]:
    """The fields, with those hidden whose name says that they are secret."""
    return {
        redact_text(str(name)): HIDDEN if value and names_secret(str(name)) else redact(value, depth)
        for name, value in list(fields.items())[:ITEMS]
    }


def printed(value: object) -> str:
    """How a value prints itself; one that fails at it must not spoil the line it stands in."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - any code may stand behind a repr
        return f"<{type(value).__name__} that cannot be printed: {type(error).__name__}>"


_NAMED = (
    r"(?P<name>\b[\w.-]{0,40}(?:password|passwd|passphrase|secret|token|authorization|api[_-]?key|private[_-]?key|cvc|cvv)[\w.-]{0,40}"
    r"['\"]?\s*[=:]\s*)(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s,;&)}\]]+)"
)
_PATTERNS: Final = (
    (re.compile(r"(?i)\b((?:set-)?cookie['\"]?\s*[:=]\s*)[^\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{4,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\b(?:sk|rk|pk|whsec)_[A-Za-z0-9_]{8,}"), HIDDEN),
    (re.compile(r"(?i)(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(_NAMED, re.IGNORECASE), rf"\g<name>{HIDDEN}"),
    # What PostgreSQL says of a duplicate names the value: Key (email)=(ann@example.com) already exists.
    (re.compile(r"(Key \([^)\n]{0,200}\)=)\([^\n]*?\)(?= (?:already|is|conflicts|with))"), rf"\1({HIDDEN})"),
)
_CARD: Final = re.compile(r"(?<![\w-])[2-6](?:[ -]?[0-9]){12,18}(?![\w-])")


def redact_text(text: str) -> str:
    """The text without what looks like a secret; safe to encode as UTF-8."""
    if len(text) > LENGTH:
        text = f"{text[:LENGTH]}… ({len(text)} characters)"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _CARD.sub(lambda found: HIDDEN if _is_card(found[0]) else found[0], text)


def _is_card(text: str) -> bool:
    """The check digit of card numbers (Luhn): one in ten other numbers passes it as well, which is no loss here."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
