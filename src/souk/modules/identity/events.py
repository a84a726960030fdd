"""Facts about people. They hold ids and roles, never addresses, names or secrets."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.messages import Event, event


@event("user.registered")
class UserRegistered(Event):
    """Somebody joined the market."""

    person_id: UUID
    roles: tuple[str, ...]


@event("user.suspended")
class UserSuspended(Event):
    """Staff shut somebody out."""

    person_id: UUID


@event("user.reinstated")
class UserReinstated(Event):
    """Staff let somebody in again."""

    person_id: UUID


@event("user.erased")
class UserErased(Event):
    """Somebody left, and is forgotten."""

    person_id: UUID


@event("device.seen")
class DeviceSeen(Event):
    """Somebody who had signed in before did so from another device."""

    person_id: UUID
    device_id: UUID
    session_id: UUID


@event("session.reused")
class SessionReused(Event):
    """A refresh token came a second time: somebody has a copy, and the session was ended."""

    person_id: UUID
    session_id: UUID
