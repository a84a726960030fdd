"""Facts about profiles. They say which parts changed, never to what: whoever needs to know reads it, with what may be shown then."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.messages import Event, event


@event("profile.changed")
class ProfileChanged(Event):
    """Something that others may see of a person changed, or who may see it."""

    person_id: UUID
    revision: int
    fields: tuple[str, ...]
    """Fields of the profile by their names here; `privacy`, `status` and `erased` for what concerns all of it."""
