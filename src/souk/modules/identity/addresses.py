"""E-mail addresses and phone numbers: one key for all spellings of one address, and no address that looks like another."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import msgspec

from souk.kernel.http import Invalid, invalid

LONGEST: Final = 254
LONGEST_LOCAL: Final = 64
UNSEEN: Final = ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Zs")
"""Categories of characters that are not seen: controls, zero-width, marks that turn the direction, blanks."""
LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
EMAIL_WANTED: Final = "is not an e-mail address; write it like name@example.com"
PHONE_WANTED: Final = "is not a phone number with its country; write it like +33 6 12 34 56 78"


class EmailAddress(msgspec.Struct, frozen=True):
    """An address as its owner writes it, and the key that all its spellings share."""

    written: str
    key: str


def email_address(text: str, field: str = "email") -> EmailAddress:
    """The address. Case, width and composition of letters make no other address; the domain is compared as DNS knows it."""
    written = unicodedata.normalize("NFKC", text.strip())
    local, at, domain = written.rpartition("@")
    if not at or len(written) > LONGEST or not _is_local(local):
        raise invalid(field, EMAIL_WANTED)
    key = f"{unicodedata.normalize('NFKC', local.casefold())}@{_domain(domain, field)}"
    if len(key) > LONGEST:
        raise invalid(field, EMAIL_WANTED)
    return EmailAddress(written, key)


def _is_local(local: str) -> bool:
    if not 1 <= len(local) <= LONGEST_LOCAL or local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    return not any(letter in '@"(),:;<>[]\\' or unicodedata.category(letter) in UNSEEN for letter in local)


def _domain(domain: str, field: str) -> str:
    """The domain in the letters of DNS."""
    try:
        ascii_domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise invalid(field, EMAIL_WANTED) from None
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise invalid(field, EMAIL_WANTED)
    return ascii_domain


def phone_number(text: str, field: str = "phone") -> str:
    """The number as E.164 has it. Blanks, dashes, dots, brackets and a leading 00 are how people write it."""
    plain = re.sub(r"[\s\-.()/]", "", unicodedata.normalize("NFKC", text))
    number = "+" + plain[2:] if plain.startswith("00") else plain
    if not NUMBER.fullmatch(number) or not number.isascii():
        raise invalid(field, PHONE_WANTED)
    return number


def email_key_or_none(text: str) -> str | None:
    """The key of an address, or None for what is no address."""
    try:
        return email_address(text).key
    except Invalid:
        return None
