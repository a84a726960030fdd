"""Addresses: all spellings of one are one, and what cannot be seen is in none."""

from __future__ import annotations

import unicodedata

import pytest

from souk.kernel.http import Invalid
from souk.modules.identity.addresses import email_address, phone_number


@pytest.mark.parametrize(
    "variant",
    [
        "jörg@bücher.example",
        "JÖRG@BÜCHER.EXAMPLE",
        " jörg@bücher.example ",
        "jörg@xn--bcher-kva.example",
        "jörg@XN--BCHER-KVA.EXAMPLE",
        unicodedata.normalize("NFD", "jörg@bücher.example"),
        "\uff4aörg@bücher\uff0eexample",
    ],
)
def test_spellings_of_one_address_share_a_key(variant: str) -> None:
    assert email_address(variant).key == "jörg@xn--bcher-kva.example"


def test_it_is_kept_as_its_owner_writes_it() -> None:
    assert email_address("Ada.Byron+market@Example.com").written == "Ada.Byron+market@Example.com"
    assert email_address("Ada.Byron+market@Example.com").key == "ada.byron+market@example.com"


def test_names_that_differ_are_others() -> None:
    keys = {
        email_address(each).key
        for each in ("ada@example.com", "ada+1@example.com", "a.da@example.com", "ada@example.org", "\u0430da@example.com")
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@example..com",
        "ada@-example.com",
        "ada@127.0.0.1",
        "ada@[127.0.0.1]",
        "a da@example.com",
        "ada\u200b@example.com",
        "ada\u202e@example.com",
        "ada\u2066@example.com",
        "ada\ufeff@example.com",
        "ada\u00ad@example.com",
        "ada\x00@example.com",
        "ada\n@example.com",
        "ada@exam\u200bple.com\u202e",
        "ada@ex ample.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "a@b@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a." * 126 + "com",
        "ada@" + "a" * 64 + ".com",
    ],
)
def test_what_is_no_address_is_refused_and_named(wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        email_address(wrong)
    assert [(each.field, "name@example.com" in each.problem) for each in refused.value.problems] == [("email", True)]


@pytest.mark.parametrize(
    "number", ["+33612345678", "+33 6 12 34 56 78", "0033 6-12-34-56-78", "+33 (6) 12.34.56.78", "\uff0b33612345678", " +33612345678 "]
)
def test_spellings_of_one_number_are_one(number: str) -> None:
    assert phone_number(number) == "+33612345678"


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0612345678",
        "+0612345678",
        "+33",
        "+336123456789012345",
        "+33 6 12 34 x6 78",
        "+\u0663\u0663\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
    ],
)
def test_what_is_no_number_is_refused_and_named(number: str) -> None:
    with pytest.raises(Invalid) as refused:
        phone_number(number)
    assert [(each.field, "+33 6" in each.problem) for each in refused.value.problems] == [("phone", True)]
