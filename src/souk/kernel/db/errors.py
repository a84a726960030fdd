"""What the database layer refuses, and how a caller goes on from there."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class DatabaseUnavailable(
    Refusal, status=503, retry_after=1, message="The database cannot be reached at the moment; nothing was changed. Try again shortly."
):
    """No connection could be made, or it broke before anything was committed."""


class DatabaseBusy(
    Refusal, status=503, retry_after=1, message="All database connections are in use; nothing was changed. Try again shortly."
):
    """No connection became free in time."""


class DatabaseExhausted(
    Refusal, status=503, retry_after=30, message="The database has run out of disk or memory; nothing was changed. Try again later."
):
    """The server refused a statement for want of something that only its operator can give it."""


class OutcomeUnknown(
    Refusal,
    status=503,
    message="The connection broke while the change was being committed: it may or may not have happened. "
    "Repeat the request with the same Idempotency-Key.",
):
    """The commit was sent and its answer never came."""


class TooSlow(Refusal, status=503, retry_after=5, message="The request took longer than it may; nothing was changed."):
    """A statement, lock or idle time-out of the database."""


class Contended(Refusal, status=409, retry_after=1, message="Others are changing the same thing; nothing was changed. Try again."):
    """Serialisation failures or deadlocks that did not go away by retrying."""


class Unstorable(Refusal, status=422, message="A value cannot be stored: {reason}."):
    """Text with a NUL byte, a number outside its column's range: nothing that validation knows of."""

    reason: str
