"""What HTTP itself refuses, before or around any operation. Markets and modules declare their own refusals beside their rules."""

from __future__ import annotations

import msgspec

from souk.kernel.errors import Refusal
from souk.kernel.http.limits import Verdict


class Problem(msgspec.Struct, frozen=True):
    """One wrong field: where it is ("items[2].price") and what would be right."""

    field: str
    problem: str


class Invalid(Refusal, status=422, retry_after=1, message="Some fields are wrong; details.fields says which and what is expected."):
    """The request was understood, but values in it are not what the operation takes. Every wrong field is named."""

    fields = ("fields",)

    def __init__(self, *, fields: list[Problem]) -> None:
        self.problems = fields
        super().__init__(fields=fields)

    def details(self) -> dict[str, object]:
        return {"fields": self.problems}


def invalid(field: str, problem: str) -> Invalid:
    """A refusal that names one wrong field."""
    return Invalid(fields=[Problem(field, problem)])


class MalformedBody(Refusal, status=400, message="The body cannot be read as JSON: {reason}."):
    """Not JSON, not UTF-8, or nested too deeply."""

    reason: str


class MalformedRequest(Refusal, status=400, message="This is not an HTTP request that can be understood."):
    """The request line or its headers break the protocol."""


class BodyCutShort(Refusal, status=400, message="The connection ended before the whole body had arrived."):
    """The client left; nobody will read this."""


class BodyTooLarge(Refusal, status=413, message="The body may have at most {limit} bytes."):
    """More was sent, or announced, than the operation takes."""

    limit: int


class BodyTooSlow(Refusal, status=408, message="The body did not arrive within {seconds} seconds."):
    """A body must keep coming: connections are not held for those who only begin."""

    seconds: int


class HeadersTooLarge(Refusal, status=431, message="The request's headers may have at most {limit} bytes."):
    """Larger than anything an honest client sends."""

    limit: int


class UnsupportedMediaType(Refusal, status=415, message="Send the body as {expected}."):
    """The body's Content-Type is not one this operation reads."""

    expected: str


class NotFound(Refusal, status=404, message="There is nothing here that you may see."):
    """The row does not exist, or the caller may not know that it does."""


class NoSuchPath(Refusal, status=404, message="Nothing answers at this path."):
    """No operation has this path."""


class MethodNotAllowed(Refusal, status=405, message="This path answers {allowed}."):
    """The path exists, the method does not."""

    allowed: str

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", self.allowed),)


class TooManyRequests(Refusal, status=429, message="Too many requests. Try again in {retryAfter} seconds."):
    """A rate limit was reached."""

    verdict: Verdict

    def details(self) -> dict[str, object]:
        return {"limit": self.verdict.limit, "retryAfter": self.verdict.reset}

    def headers(self) -> tuple[tuple[str, str], ...]:
        rate = ((name.decode(), value.decode()) for name, value in self.verdict.headers())
        return (("Retry-After", str(self.verdict.reset)), *rate)


class KeyInFlight(Refusal, status=409, message="A request with this Idempotency-Key is being answered. Ask again shortly."):
    """The first request of this key has not ended."""


class KeyReused(Refusal, status=422, message="This Idempotency-Key was used with another body. Use a new key for a new request."):
    """One key stands for one request."""


class InternalError(Refusal, status=500, message="Something broke here. It was logged; name the request id when you ask about it."):
    """A bug or a broken part. Says nothing of the inside."""

    request_id: str

    def details(self) -> dict[str, object]:
        return {"requestId": self.request_id}
