"""Addresses and numbers: which can be written to at all, how a mail server is told of them, and which two are one."""

from __future__ import annotations

import re
from typing import Final

from souk.modules.mail.errors import AddressUnusable, NumberUnusable

LONGEST: Final = 254
LONGEST_LOCAL: Final = 64
FORBIDDEN: Final = frozenset('<>()[]\\,;:" @')
AMBIGUOUS: Final = frozenset("ßς\u200c\u200d")
"""Two standards of international names lead these to two different domains: rather none than a stranger's."""

DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def usable(text: str) -> str:
    """The address as a mail server is told it, with the domain in ASCII; refused when it is none.

    Nothing that passes can end a header or an SMTP command: no spaces, line breaks, brackets or control characters.
    """
    local, at, domain = text.rpartition("@")
    wrong = not (at and 0 < len(local) <= LONGEST_LOCAL and local.isprintable() and FORBIDDEN.isdisjoint(local))
    if wrong or local.startswith(".") or local.endswith(".") or ".." in local:
        raise AddressUnusable
    told = f"{local}@{_ascii(domain)}"
    if len(told.encode()) > LONGEST:
        raise AddressUnusable
    return told


def address_key(text: str) -> str:
    """What the spellings of one address have in common."""
    return usable(text).lower()


def usable_number(text: str) -> str:
    """A telephone number in its one international spelling."""
    if NUMBER.fullmatch(text) is None:
        raise NumberUnusable
    return text


def _ascii(domain: str) -> str:
    if not AMBIGUOUS.isdisjoint(domain):
        raise AddressUnusable
    try:
        told = domain.encode("idna").decode().lower()
    except UnicodeError:
        raise AddressUnusable from None
    if DOMAIN.fullmatch(told) is None:
        raise AddressUnusable
    return told
