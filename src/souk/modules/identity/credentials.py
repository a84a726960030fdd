"""What proves who somebody is beside a password: second factors, API keys and one-time codes, as values."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta

from souk.kernel.record import Record
from souk.modules.identity.model import Phone

FactorCode = Annotated[
    str, Meta(min_length=6, max_length=20, description="Six digits of the authenticator, or a recovery code.", examples=["123456"])
]
Digits = Annotated[str, Meta(pattern="^[0-9]{6}$", description="Six digits.", examples=["123456"], extra={"expected": "six digits"})]
KeyName = Annotated[str, Meta(min_length=1, max_length=100, description="What it is for, to tell it from others.")]
Scope = Annotated[str, Meta(min_length=3, max_length=60, examples=["orders:read"])]

NEVER_GRANTED: Final = re.compile(r"identity:write|(mail|audit):.*")
"""Scopes that no key has: a key makes no keys, changes no password, and reads neither mail nor the audit log."""


class PasswordGiven(Record):
    """The password once more, before something that a borrowed device must not do."""

    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class FactorCodeGiven(Record):
    """A code of the second factor."""

    code: FactorCode


class OfferedFactor(Record):
    """A second factor that is not on yet: an authenticator takes the address, as text or as a picture."""

    secret: str
    otpauth_uri: str


class RecoveryCodes(Record):
    """What lets you in without the authenticator. They are shown once, and each works once."""

    recovery_codes: tuple[str, ...]


class NumberGiven(Record):
    """A phone number to which a code shall be sent."""

    phone: Phone


class PhoneCode(Record, kw_only=True):
    """The code that came by SMS, and that of the second factor where there is one."""

    phone: Phone
    code: Digits
    second_factor_code: FactorCode | None = None


class Leaving(Record, kw_only=True):
    """The password once more; who has none sends a code that came by SMS."""

    password: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    code: Digits | None = None


class NewKey(Record):
    """An API key as it is asked for."""

    name: KeyName
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=50)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ApiKey(Record):
    """A key by which a program acts for its owner, within scopes."""

    id: UUID
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None


class MadeKey(Record):
    """A key that was just made: the only answer that has the key itself."""

    id: UUID
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    key: str
