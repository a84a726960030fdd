"""No secret leaves by a log: neither by its name, nor by its look, nor deep inside of something else."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.telemetry import names_secret, redact, redact_text
from souk.kernel.telemetry.redaction import HIDDEN


class Login(msgspec.Struct):
    email: str
    password: str


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "newPassword",
        "PASSWORD",
        "password_hash",
        "token",
        "accessToken",
        "refresh_tokens",
        "X-Api-Key",
        "apiKey",
        "Authorization",
        "Cookie",
        "set-cookie",
        "clientSecret",
        "card",
        "card_number",
        "cardNumber",
        "CVC",
        "iban",
        "totp",
        "otp_code",
        "SOUK_SECRET",
        "privateKey",
        "signing_key",
        "recovery_codes",
        "jwt",
    ],
)
def test_a_name_that_says_secret_is_known(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "discard",
        "cardinality",
        "secretary",
        "tokenize",
        "keyboard",
        "author",
        "pinned",
        "passage",
        "order_id",
        "idempotency_key",
        "api",
        "monkey",
    ],
)
def test_a_name_that_only_looks_alike_is_left_alone(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2hunter2",
        "got bearer hunter2.hunter2-hunter2 from a client",
        "postgres://souk:hunter2@db:5432/souk refused",
        "GET /reset?token=hunter2&next=/",
        'body was {"email": "a@b.c", "password": "hunter2 with spaces", "n": 1}',
        "Login(email='a@b.c', password='hunter2 with spaces')",
        "Cookie: refresh=hunter2; theme=hunter2",
        "key sk_test_hunter2hunter2 is not valid",
        "whsec_hunter2hunter2",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2",
        "duplicate key: Key (email)=(hunter2@example.com) already exists.",
        "api_key=hunter2",
    ],
)
def test_a_text_that_holds_a_secret_loses_it(text: str) -> None:
    found = redact_text(text)
    assert "hunter2" not in found
    assert HIDDEN in found


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"])
def test_a_card_number_is_taken_out_of_a_text(number: str) -> None:
    assert redact_text(f"card {number} was declined") == f"card {HIDDEN} was declined"


@pytest.mark.parametrize(
    "text",
    [
        "order 0190a4c2-7e5b-7c3d-4242-424242424242 is done",
        "4242424242424243 is no card: its check digit is wrong",
        "1763683200000000000",
        "https://example.com/a:b@c",
        "Ann bears no ill will",
        "the market tulifo opened 12 tables in 3.5 ms",
    ],
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text


def test_secrets_are_found_at_any_depth() -> None:
    given_value = {"user": {"name": "Ann", "logins": [{"password": "hunter2"}, ("x", {"Set-Cookie": "hunter2"})]}}
    assert redact(given_value) == {"user": {"name": "Ann", "logins": [{"password": HIDDEN}, ["x", {"Set-Cookie": HIDDEN}]]}}


def test_a_struct_an_exception_and_bytes_are_looked_into_or_left_out() -> None:
    assert "hunter2" not in redact(Login("ann@example.com", "hunter2"))
    assert "hunter2" not in redact(ValueError("token=hunter2"))
    assert redact(b"hunter2") == "<7 bytes>"


def test_values_that_hold_no_text_pass_unchanged() -> None:
    for value in (None, True, 3, 2.5, Decimal("1.5"), UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC)):
        assert redact(value) is value


def test_an_empty_secret_is_shown_as_empty() -> None:
    assert redact({"token": "", "password": None}) == {"token": "", "password": None}


def test_what_cannot_be_printed_or_never_ends_still_makes_a_line() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "Broken that cannot be printed: RuntimeError" in redact(Broken())
    assert "…" in str(redact(endless))
    assert redact("x" * 30_000).endswith("(30000 characters)")
    assert len(redact(list(range(1000)))) == 100
    assert redact("lone \ud800 surrogate") == "lone ? surrogate"
    assert redact(2**70) == str(2**70)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(values)
def test_whatever_is_logged_can_be_written_as_json(value: Any) -> None:
    msgspec.json.encode(redact(value))


@given(st.text(), st.sampled_from(["password", "accessToken", "card_number"]))
def test_a_value_under_a_secret_name_never_shows(value: str, name: str) -> None:
    shown = str(redact([{name: f"hunter2{value}"}]))
    assert "hunter2" not in shown


def test_a_long_text_is_searched_in_no_time_to_speak_of() -> None:
    for text in ("a" * 20_000, "token" * 4_000, "Key (" * 4_000, "4 " * 10_000, "a.b-" * 5_000, "eyJ" * 6_000, "'" * 20_000):
        redact_text(text)
