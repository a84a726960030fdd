"""What mail refuses."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class AddressUnusable(Refusal, status=422, message="This is not an address that mail can be sent to."):
    """Wrongly formed, or with characters that no address has."""


class NumberUnusable(Refusal, status=422, message="This is not a telephone number; write it with its country, like +33612345678."):
    """Not in the international form."""


class NotBounced(Refusal, status=404, message="Mail to this address is not held back."):
    """There is nothing to clear."""


class NoBounceReports(Refusal, status=404, message="No reports of bounces are taken here: SOUK_MAIL_WEBHOOK_SECRET is not set."):
    """Without a secret nobody can prove that a report is true."""


class BounceReportRefused(Refusal, status=401, message="The report is not believed: {reason}."):
    """Its signature does not fit, or it is too old."""

    reason: str
