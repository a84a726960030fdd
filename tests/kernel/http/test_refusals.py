"""What HTTP refuses carries what the client needs: a status, a code, headers, and nothing of the inside."""

from __future__ import annotations

import msgspec
import pytest

from souk.kernel.errors import Refusal
from souk.kernel.http import refusals as no
from souk.kernel.http.answer import refused
from souk.kernel.http.limits import Verdict

ALL: list[tuple[Refusal, int, str]] = [
    (no.invalid("email", "is required: text"), 422, "INVALID"),
    (no.MalformedBody(reason="it is not UTF-8"), 400, "MALFORMED_BODY"),
    (no.MalformedRequest(), 400, "MALFORMED_REQUEST"),
    (no.BodyCutShort(), 400, "BODY_CUT_SHORT"),
    (no.BodyTooLarge(limit=10), 413, "BODY_TOO_LARGE"),
    (no.BodyTooSlow(seconds=20), 408, "BODY_TOO_SLOW"),
    (no.HeadersTooLarge(limit=10), 431, "HEADERS_TOO_LARGE"),
    (no.UnsupportedMediaType(expected="application/json"), 415, "UNSUPPORTED_MEDIA_TYPE"),
    (no.NotFound(), 404, "NOT_FOUND"),
    (no.NoSuchPath(), 404, "NO_SUCH_PATH"),
    (no.MethodNotAllowed(allowed="GET, HEAD"), 405, "METHOD_NOT_ALLOWED"),
    (no.TooManyRequests(verdict=Verdict(5, 0, 60, allowed=False)), 429, "TOO_MANY_REQUESTS"),
    (no.KeyInFlight(), 409, "KEY_IN_FLIGHT"),
    (no.KeyReused(), 422, "KEY_REUSED"),
    (no.InternalError(request_id="r-1"), 500, "INTERNAL_ERROR"),
]


@pytest.mark.parametrize(("refusal", "status", "code"), ALL, ids=[code for _, _, code in ALL])
def test_every_refusal_has_its_status_code_and_sentence(refusal: Refusal, status: int, code: str) -> None:
    answer = refused(refusal)
    error = msgspec.json.decode(answer.body)["error"]
    assert (answer.status, error["code"]) == (status, code)
    assert "{" not in error["message"]


def test_a_405_says_what_is_allowed() -> None:
    assert (b"allow", b"GET, HEAD") in refused(no.MethodNotAllowed(allowed="GET, HEAD")).headers


def test_a_429_says_when_to_come_back() -> None:
    answer = refused(no.TooManyRequests(verdict=Verdict(5, 0, 60, allowed=False)))
    assert dict(answer.headers)[b"retry-after"] == b"60"
    assert dict(answer.headers)[b"ratelimit-remaining"] == b"0"
    assert msgspec.json.decode(answer.body)["error"]["details"] == {"limit": 5, "retryAfter": 60}


def test_a_422_names_the_fields() -> None:
    body = msgspec.json.decode(refused(no.invalid("email", "is required: text")).body)
    assert body["error"]["details"] == {"fields": [{"field": "email", "problem": "is required: text"}]}


def test_a_500_tells_only_the_request_id() -> None:
    assert msgspec.json.decode(refused(no.InternalError(request_id="r-1")).body)["error"]["details"] == {"requestId": "r-1"}
