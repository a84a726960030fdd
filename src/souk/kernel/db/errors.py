"""What the database layer refuses, and how a caller goes on from there."""

from __future__ import annotations

from souk.kernel.errors import Refusal


class DatabaseUnavailable(
    Refusal, status=503, message="The database cannot be reached at the moment; nothing was changed. Try again shortly."
):
    """No connection could be made, or it broke before anything was committed."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "1"),)


class DatabaseBusy(Refusal, status=503, message="All database connections are in use; nothing was changed. Try again shortly."):
    """No connection became free in time."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "1"),)


class DatabaseExhausted(Refusal, status=503, message="The database has run out of disk or memory; nothing was changed. Try again later."):
    """The server refused a statement for want of something that only its operator can give it."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "30"),)


class OutcomeUnknown(
    Refusal,
    status=503,
    message="The connection broke while the change was being committed: it may or may not have happened. "
    "Repeat the request with the same Idempotency-Key.",
):
    """The commit was sent and its answer never came."""


class TooSlow(Refusal, status=503, message="The request took longer than it may; nothing was changed."):
    """A statement, lock or idle time-out of the database."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "5"),)


class Contended(Refusal, status=409, message="Others are changing the same thing; nothing was changed. Try again."):
    """Serialisation failures or deadlocks that did not go away by retrying."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "1"),)


class Unstorable(Refusal, status=422, message="A value cannot be stored: {reason}."):
    """Text with a NUL byte, a number outside its column's range: nothing that validation knows of."""

    reason: str
