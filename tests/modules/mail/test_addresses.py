"""Addresses and messages: whom one can write to, and that nobody can write into a header."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.modules import mail
from souk.modules.mail.addresses import address_key, usable, usable_number
from souk.modules.mail.smtp import composed
from souk.modules.mail.templates import one_line
from souk.modules.mail.transports import Parcel, Sender
from tests.modules.mail.conftest import PostOffice
from tests.modules.mail.servers import Server, serving

ID = UUID(int=1)
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.L+news@Example.COM", "Ada.L+news@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ada@müller.example", "ada@xn--mller-kva.example"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
        ("jürgen@example.com", "jürgen@example.com"),
        ("root@localhost", "root@localhost"),
        ("a@" + "b" * 63 + ".example", "a@" + "b" * 63 + ".example"),
    ],
)
def test_an_address_is_told_to_a_server_with_its_domain_in_ascii(address: str, told: str) -> None:
    assert usable(address) == told


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "a..b@example.com",
        ),
        *(
            "ada@example.com\nBcc: bo@example.com",
            "ada\r\nRCPT TO:<bo@example.com>@example.com",
            "ada@example.com\r\nDATA",
            "ada\0@example.com",
        ),
        *(
            "<ada@example.com>",
            "Ada <ada@example.com>",
            "ada@example.com,bo@example.com",
            'a"b@example.com',
            "ada@[127.0.0.1]",
            "ada@exa_mple.com",
        ),
        *("ada\u202e@example.com", "ada\u2028@example.com", "ada@straße.example", "ada@-a.example", "ada@" + "b" * 64 + ".example"),
        *("a" * 65 + "@example.com", "ada@" + ".".join(["b" * 60] * 5), "ada@example..com", "ada@.example.com"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_written(address: str) -> None:
    with pytest.raises(mail.AddressUnusable):
        usable(address)


@pytest.mark.parametrize(
    ("number", "good"), [("+33612345678", True), ("0612345678", False), ("+33 6", False), ("+3361234567890123", False)]
)
def test_a_number_is_in_its_international_form(number: str, *, good: bool) -> None:
    if good:
        assert usable_number(number) == number
    else:
        with pytest.raises(mail.NumberUnusable):
            usable_number(number)


def test_spellings_of_one_address_have_one_key() -> None:
    assert len({address_key(each) for each in ("Ada@Müller.example", "ada@MÜLLER.example", "ada@xn--mller-kva.example")}) == 1


@given(st.text(max_size=40))
def test_whatever_passes_as_an_address_cannot_end_a_line_or_a_command(text: str) -> None:
    try:
        told = usable(f"{text}@example.com")
    except mail.AddressUnusable:
        return
    assert not set(told) & set(' \t\r\n\0<>,;:"\\()[]')
    assert told.count("@") == 1


def parcel(to: str = "ada@example.com", subject: str = "Hello", text: str = "Hello\n", name: str = "Sample") -> Parcel:
    sender = Sender(name, "no-reply@souk.example")
    return Parcel(ID, sender, to, mail.Rendered(subject, text, f"<p>{text}</p>", "en"), AT)


@given(subject=st.text(max_size=300), text=st.text(max_size=2000), name=st.text(max_size=60))
def test_no_subject_name_or_text_adds_a_header(subject: str, text: str, name: str) -> None:
    made = composed(parcel(subject=one_line(subject), text=text.encode("utf-8", "replace").decode(), name=one_line(name))).as_bytes()
    read = message_from_bytes(made, policy=policy.default)
    expected = ["From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "MIME-Version", "Content-Type"]
    assert sorted(read.keys()) == sorted(expected)
    assert str(read["To"]) == "ada@example.com"


@pytest.mark.parametrize("wrong", ["Hello\nBcc: bo@example.com", "Hello\r\n\r\nbody"])
def test_a_header_with_a_line_break_is_refused_even_if_it_got_so_far(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"CR|linefeed"):
        composed(parcel(subject=wrong))
    with pytest.raises(ValueError, match=r"CR|linefeed"):
        composed(parcel(name=wrong))
    with pytest.raises(ValueError, match=r"CR|linefeed"):
        composed(parcel(to=f"{wrong}@example.com"))


def test_a_message_is_the_same_byte_for_byte_at_every_attempt() -> None:
    first, second = (composed(parcel(text="Zoë مرحبا 你好\n" * 50)).as_bytes() for _ in range(2))
    assert first == second
    assert first.isascii()
    assert max(len(line) for line in first.split(b"\r\n")) <= 998
    assert b"Message-ID: <00000000-0000-0000-0000-000000000001@souk.example>" in first
    assert b"Date: Sat, 21 Nov 2026 12:00:00 +0000" in first


async def test_an_international_address_is_written_to_where_the_server_can(office: PostOffice) -> None:
    server = Server()
    async with serving(server, enable_SMTPUTF8=True) as port:
        office.smtp(port)
        await office.send("jürgen@müller.example")
        await office.deliver()
    assert server.recipients == ["jürgen@xn--mller-kva.example"]
    assert await office.states() == ["sent"]


async def test_an_international_address_fails_clearly_where_the_server_cannot(office: PostOffice) -> None:
    async with serving(Server()) as port:
        office.smtp(port)
        await office.send("jürgen@example.com")
        await office.deliver()
    ((state, error),) = await office.rows("select state::text, error from mails")
    assert state == "failed"
    assert "SMTPUTF8" in error
    assert await office.rows("select 1 from bounced_addresses") == []


async def test_a_domain_in_another_script_needs_nothing_special(office: PostOffice) -> None:
    server = Server()
    async with serving(server) as port:
        office.smtp(port)
        await office.send("ada@müller.example")
        await office.deliver()
    assert server.recipients == ["ada@xn--mller-kva.example"]
