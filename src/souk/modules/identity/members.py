"""People as staff see them, and what staff send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from souk.kernel.http import Paging
from souk.kernel.record import Record
from souk.modules.identity.model import PersonStatus

RoleName = Annotated[str, Meta(min_length=1, max_length=40)]


class Member(Record):
    """A person, for staff."""

    id: UUID
    email: str | None
    phone: str | None
    first_name: str
    last_name: str
    roles: tuple[str, ...]
    status: PersonStatus
    suspended_for: str | None
    email_verified: bool
    phone_verified: bool
    second_factor: bool
    created_at: datetime
    last_login_at: datetime | None


class MembersQuery(Paging, kw_only=True):
    """Which people are wanted."""

    q: (
        Annotated[
            str,
            Meta(min_length=2, max_length=100, description="How an e-mail address, first or last name begins, or a whole phone number."),
        ]
        | None
    ) = None
    role: RoleName | None = None
    status: PersonStatus | None = None


class Suspension(Record):
    """Why somebody is shut out. They read it too."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class WantedRoles(Record):
    """All the roles that somebody shall have."""

    roles: Annotated[tuple[RoleName, ...], Meta(min_length=1, max_length=20)]
