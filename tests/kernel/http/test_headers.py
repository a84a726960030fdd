"""Security headers and CORS: made at start, the same for everyone they are meant for, nothing for others."""

from __future__ import annotations

import pytest

from souk.kernel.http.cors import Cors
from souk.kernel.http.headers import API_HEADERS, api_headers, page_headers


def test_api_answers_allow_a_browser_nothing() -> None:
    headers = dict(API_HEADERS)
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"vary"] == b"Authorization, Origin, Accept-Encoding"
    assert b"strict-transport-security" not in headers


def test_pages_run_scripts_from_here_only() -> None:
    policy = dict(page_headers(production=False))[b"content-security-policy"].decode()
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "http" not in policy


def test_production_insists_on_tls() -> None:
    for headers in (api_headers(production=True), page_headers(production=True)):
        assert int(dict(headers)[b"strict-transport-security"].split(b"=")[1].split(b";")[0]) >= 31536000


def test_names_are_lower_case_and_stand_once() -> None:
    for headers in (api_headers(production=True), page_headers(production=True)):
        names = [name for name, _ in headers]
        assert names == [name.lower() for name in names]
        assert len(names) == len(set(names))


ASK = {b"origin": b"https://tulifo.example", b"access-control-request-method": b"POST"}


def test_a_listed_origin_may_call_with_its_cookies() -> None:
    headers = dict(Cors(["https://tulifo.example"]).headers(b"https://tulifo.example"))
    assert headers[b"access-control-allow-origin"] == b"https://tulifo.example"
    assert headers[b"access-control-allow-credentials"] == b"true"
    assert b"X-Request-Id" in headers[b"access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [b"null", b"*", b"", b"https://evil.example", b"http://tulifo.example", b"https://tulifo.example.evil", b"https://tulifo.example:8443"],
)
def test_any_other_origin_gets_nothing(origin: bytes) -> None:
    cors = Cors(["https://tulifo.example"])
    assert cors.headers(origin) == ()
    assert cors.preflight({**ASK, b"origin": origin}, "GET, POST").headers == [(b"allow", b"GET, POST")]


def test_a_preflight_is_told_what_the_path_answers() -> None:
    answer = Cors(["https://tulifo.example"]).preflight(ASK, "GET, OPTIONS, POST")
    headers = dict(answer.headers)
    assert answer.status == 204
    assert headers[b"access-control-allow-methods"] == b"GET, OPTIONS, POST"
    assert b"Idempotency-Key" in headers[b"access-control-allow-headers"]


def test_options_without_a_preflight_only_lists_the_methods() -> None:
    assert Cors(["https://tulifo.example"]).preflight({b"origin": b"https://tulifo.example"}, "GET").headers == [(b"allow", b"GET")]


@pytest.mark.parametrize(
    "origin", ["*", "null", "tulifo.example", "https://tulifo.example/", "https://Tulifo.example", "https://*.example", ""]
)
def test_what_is_no_origin_is_refused_at_start(origin: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        Cors([origin])
