"""What notify refuses."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class NotificationNotFound(Refusal, status=404, message="There is no such notification, or it is not yours."):
    """One answer for both."""


class DeviceNotFound(Refusal, status=404, message="There is no such device, or it is not yours."):
    """One answer for both."""


class EndpointRefused(Refusal, status=422, message="Pushes cannot be sent there: {reason}."):
    """Browsers give addresses; only public ones by https are called."""

    reason: str


class UnsubscribeLinkInvalid(Refusal, status=404, message="This link is not good, or not whole. Open it again from the mail."):
    """Its signature does not fit."""
