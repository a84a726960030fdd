"""What notify announces."""

from __future__ import annotations

from uuid import UUID

from souk.kernel.live import Says, user_room
from souk.kernel.messages import Event, event
from souk.modules.notify.model import Card


@event("notification.given", aggregate="person_id")
class NotificationGiven(Event):
    """A person has a notification, or one more thing that an earlier one stands for."""

    person_id: UUID
    notification_id: UUID
    notification: Card | None = None


SAYS = Says("notification", NotificationGiven, to=lambda fact: [user_room(fact.person_id)], what=lambda fact: fact.notification)
"""For a namespace of the market's `Live`: heard by its person alone, as `GET /notifications` shows it."""
