"""People: what is known of them, what they see of themselves, and what they send."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, auto
from typing import Annotated, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from souk.kernel.record import Record

UNREADABLE: Final = r"\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff<>"
"""Controls, what is not seen, what turns the direction of writing, and what a careless page would take for a tag."""
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=f"^[^{UNREADABLE}]*[^{UNREADABLE}\\s][^{UNREADABLE}]*$",
        examples=["Ada"],
        extra={"expected": "text of 1 to 100 characters that can be read, without < and >"},
    ),
]
"""Something that can be read."""
Email = Annotated[str, Meta(min_length=3, max_length=254, examples=["ada@example.com"])]
Phone = Annotated[str, Meta(min_length=7, max_length=32, examples=["+33 6 12 34 56 78"])]
Password = Annotated[str, Meta(description="8 to 128 characters, not one of the well-known ones.", examples=["three fine winters"])]
Link = Annotated[
    str, Meta(min_length=20, max_length=100, description="The token of the link that was sent.", examples=["u4J0S3y0gq8O1yyQmY5dNw"])
]
Language = Annotated[
    str,
    Meta(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35, examples=["en"], extra={"expected": "a language such as en or pt-BR"}),
]
Timezone = Annotated[str, Meta(min_length=1, max_length=64, description="A name of the IANA time zones.", examples=["Europe/Paris"])]


class PersonStatus(StrEnum):
    """Whether somebody may come in."""

    ACTIVE = auto()
    SUSPENDED = auto()
    ERASED = auto()


class Person(msgspec.Struct, frozen=True):
    """A person's row, for commands. Nobody outside sees it: `User` is what is answered."""

    id: UUID
    email: str | None
    email_key: str | None
    phone: str | None
    email_verified_at: datetime | None
    phone_verified_at: datetime | None
    first_name: str
    last_name: str
    roles: tuple[str, ...]
    status: PersonStatus
    suspended_for: str | None
    password_hash: str | None
    language: str
    timezone: str
    second_factor: bytes | None
    second_factor_since: datetime | None
    second_factor_step: int
    created_at: datetime
    last_login_at: datetime | None

    @property
    def has_second_factor(self) -> bool:
        """Whether a code is asked for after the password. One that was begun and never confirmed is not."""
        return self.second_factor_since is not None


class User(Record):
    """A person, as they see themselves."""

    id: UUID
    email: str | None
    phone: str | None
    first_name: str
    last_name: str
    name: str
    role: str
    roles: tuple[str, ...]
    status: PersonStatus
    email_verified: bool
    phone_verified: bool
    language: str
    timezone: str
    second_factor: bool
    created_at: datetime
    last_login_at: datetime | None


class SignedIn(Record):
    """Who came in, and the tokens that prove it."""

    user: User
    access_token: str
    refresh_token: str | UnsetType = UNSET
    """Absent where the market gives it as a cookie only."""


class Opened(msgspec.Struct, frozen=True):
    """A session that was opened or continued, before it is decided how its refresh token is handed out."""

    user: User
    access_token: str
    refresh_token: str
    expires_at: datetime
    seconds_left: int
    """How long the session still lasts."""


class Origin(msgspec.Struct, frozen=True):
    """Where a request comes from."""

    address: str
    agent: str


class Session(Record):
    """One of a person's sessions."""

    id: UUID
    device: str
    """What the browser or program calls itself."""
    address: str
    created_at: datetime
    last_used_at: datetime
    current: bool


class Ended(Record):
    """How many sessions were ended."""

    ended: int


# What is sent


class NewAccount(Record, kw_only=True):
    """Somebody who wants to join."""

    email: Email | None = None
    phone: Phone | None = None
    password: Password
    first_name: Name
    last_name: Name
    role: Annotated[str, Meta(min_length=1, max_length=40)]
    language: Language | None = None
    timezone: Timezone | None = None


class Credentials(Record, kw_only=True):
    """Somebody who wants to come in: by e-mail or by phone."""

    email: Annotated[str, Meta(max_length=320)] | None = None
    phone: Annotated[str, Meta(max_length=64)] | None = None
    password: str
    code: Annotated[str, Meta(max_length=40, description="The second factor's code, or a recovery code.")] | None = None


class Refresh(Record):
    """The refresh token, where it is not sent as a cookie."""

    refresh_token: Annotated[str, Meta(max_length=200)] | None = None


class Changes(Record, kw_only=True):
    """What a person changes about themselves. What is absent stays."""

    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET


class NewEmail(Record):
    """Another address, and the password that shows who asks."""

    email: Email
    password: str


class NewPassword(Record):
    """Another password, by who knows the present one."""

    current_password: str
    new_password: Password


class WantedRole(Record):
    """One more role."""

    role: Annotated[str, Meta(min_length=1, max_length=40)]


class ByLink(Record):
    """The token that a link carried."""

    token: Link


class Forgotten(Record):
    """Whose password is forgotten."""

    email: Annotated[str, Meta(min_length=1, max_length=320, examples=["ada@example.com"])]


class Reset(Record):
    """The token that a link carried, and the password to be."""

    token: Link
    password: Password


def user_of(person: Person) -> User:
    """A person, as they see themselves."""
    return User(
        person.id,
        person.email,
        person.phone,
        person.first_name,
        person.last_name,
        f"{person.first_name} {person.last_name}",
        person.roles[0],
        person.roles,
        person.status,
        person.email_verified_at is not None,
        person.phone_verified_at is not None,
        person.language,
        person.timezone,
        person.has_second_factor,
        person.created_at,
        person.last_login_at,
    )


def given(changes: Changes) -> dict[str, str]:
    """The fields that were sent."""
    return {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
