"""Notify: one call, many channels. A market says what people are told; each person says how, and when not.

NOTICES = notify.notifies(
    notify.Kind("message.received", "messages", on=MessagePosted, to=lambda fact: fact.to, says=…, parameters=("name", "text")),
    *notify.from_processes(SALES.processes),
    templates=Path(__file__).parent / "notifications",
    languages=("en", "fr"),
)
Market(…, modules=(mail.MODULE, …, NOTICES), rules=(…, notify.Rules(blocked=profiles.blocked)))
"""

from souk.modules.notify.errors import DeviceNotFound, EndpointRefused, NotificationNotFound, UnsubscribeLinkInvalid
from souk.modules.notify.events import SAYS, NotificationGiven
from souk.modules.notify.kinds import EVERYWHERE, PHONES, Digest, Kind, WrongParameters
from souk.modules.notify.model import Card, Channel, Service, State, Urgency, Why
from souk.modules.notify.notifying import MODULE, notifies
from souk.modules.notify.processes import from_processes
from souk.modules.notify.routes import STAFF
from souk.modules.notify.rules import Rules
from souk.modules.notify.telling import tell
from souk.modules.notify.templates import BrokenTexts

__all__ = [
    "EVERYWHERE",
    "MODULE",
    "PHONES",
    "SAYS",
    "STAFF",
    "BrokenTexts",
    "Card",
    "Channel",
    "DeviceNotFound",
    "Digest",
    "EndpointRefused",
    "Kind",
    "NotificationGiven",
    "NotificationNotFound",
    "Rules",
    "Service",
    "State",
    "UnsubscribeLinkInvalid",
    "Urgency",
    "Why",
    "WrongParameters",
    "from_processes",
    "notifies",
    "tell",
]
