# ruff: noqa: RUF001 - people write all of these signs
"""What leads elsewhere is found, however it is disguised; what people write about work is left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from souk.modules import chat
from souk.modules.chat.errors import ContentRefused
from souk.modules.chat.policy import judge
from souk.modules.chat.policy import masked as mask

KIND = chat.HintKind
FOUND = [
    # what is written                                          what it is
    ("write to ada@example.com please", KIND.EMAIL),
    ("ada.byron+work@mail.example.co.uk", KIND.EMAIL),
    ("name at mail dot com", KIND.EMAIL),
    ("ada (at) mail (dot) fr", KIND.EMAIL),
    ("ada[at]gmail.com", KIND.EMAIL),
    ("ada@ gmail . com", KIND.EMAIL),
    ("ＡＤＡ＠ｅｘａｍｐｌｅ．ｃｏｍ", KIND.EMAIL),
    ("\u0430d\u0430@m\u0430il.\u0441om", KIND.EMAIL),
    ("a\u200bd\u200ba@ex\u200bample.com", KIND.EMAIL),
    ("06 12 34 56 78", KIND.PHONE),
    ("0612345678", KIND.PHONE),
    ("call me on 5551234", KIND.PHONE),
    ("+33 6 12 34 56 78", KIND.PHONE),
    ("+44-7911-123456", KIND.PHONE),
    ("(415) 555-0123", KIND.PHONE),
    ("415.555.0123", KIND.PHONE),
    ("0 6 1 2 3 4 5 6 7 8", KIND.PHONE),
    ("０６１２３４５６７８", KIND.PHONE),
    ("٠٦١٢٣٤٥٦٧٨", KIND.PHONE),
    ("zero six one two three four five six", KIND.PHONE),
    ("see https://example.com/me?x=1", KIND.LINK),
    ("hxxps://example.com", KIND.LINK),
    ("www.example.org", KIND.LINK),
    ("look at ada.dev", KIND.LINK),
    ("example dot com", KIND.LINK),
    ("t.me/ada_byron", KIND.LINK),
    ("whatsapp: ada_b", KIND.HANDLE),
    ("my telegram is adabyron", KIND.HANDLE),
    ("text me on WhatsApp", KIND.HANDLE),
    ("add me on telegram", KIND.HANDLE),
    ("find me: @ada_lovelace", KIND.HANDLE),
]
INNOCENT = [
    "I would do it for 12 500 EUR.",
    "€12,500.00 or $ 1 250 000",
    "12.500,00 €, that is 1'250'000 cents",
    "between 1 000 and 25 000 000 credits",
    "On 2026-11-21 at 14:30, or 21/11/2026 14h30",
    "21.11.2026 - 24.11.2026",
    "2026-11-21T14:30:00",
    "order 12345678, invoice 2026-00012345",
    "order #20261121 and ticket #1234567890",
    "commande n° 0612345678",
    "It is 1920x1080 and 3.14159265",
    "the server at 192.168.0.1 answers in 12 ms",
    "version 1.25.300",
    "0199b2c6-7a40-7d1c-9e57-0b1f4f3f6a11",
    "I know ASP.NET, socket.io and Node.js",
    "I can build a telegram bot and a WhatsApp integration",
    "we meet at noon.in the evening we go",
    "I arrive at 5.Call me then",
    "file main.py, README.md and report.pdf",
    "1 2 3 4 5 6 7 8 9",
    "100% of 30-40 hours, 8:00-17:30",
    "npm i @angular/core",
    "2019-2026",
    "Смотри сам. Сом вкусный.",
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_what_leads_elsewhere_is_found(text: str, kind: chat.HintKind) -> None:
    assert [hint.kind for hint in chat.hints_of(text)] == [kind]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_about_work_is_left_alone(text: str) -> None:
    assert chat.hints_of(text) == []


@given(st.integers(1, 9_999_999), st.sampled_from(["{} EUR", "€ {}", "${}", "{} credits", "order {}", "#{}", "invoice {}"]))
def test_no_price_and_no_number_of_an_order_is_a_telephone(number: int, form: str) -> None:
    for written in (str(number), f"{number:,}", f"{number:,}".replace(",", " ")):
        assert chat.hints_of(form.format(written)) == []


@given(st.dates(), st.times(), st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"]))
def test_no_date_is_a_telephone(day: object, hour: object, form: str) -> None:
    assert chat.hints_of(f"on {day:{form}} at {hour:%H:%M}") == []


@given(st.lists(st.integers(0, 9), min_size=8, max_size=8), st.sampled_from(["", " ", "-", ".", " - "]))
def test_a_french_mobile_number_is_found_in_any_grouping(digits: list[int], gap: str) -> None:
    number = "06" + "".join(map(str, digits))
    if len(set(number)) < 3:
        return
    grouped = gap.join(number[at : at + 2] for at in range(0, 10, 2))
    assert [hint.kind for hint in chat.hints_of(f"it is {grouped} ok")] == [KIND.PHONE]


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_what_is_found_stands_where_it_is_said(text: str) -> None:
    hints = chat.hints_of(text)
    assert all(text[hint.start : hint.end] == hint.text for hint in hints)
    assert len(mask(text, hints)) <= len(text) + 3 * len(hints)


@pytest.mark.parametrize("piece", ["a.", "0 ", "@", "a@", "at ", "dot ", "1-", "www.", "add me ", "six ", "((", "a-", "#1"])
def test_the_worst_text_is_read_quickly(piece: str) -> None:
    text = (piece * 4000)[:4000]
    begun = time.perf_counter()
    chat.hints_of(text)
    assert time.perf_counter() - begun < 1.0


WORDS = {"en": frozenset({"scoundrel"}), "fr": frozenset({"vaurien", "bête noire"})}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("you SCOUNDREL!", "SCOUNDREL"),
        ("you sc\u043eundrel", "sc\u043eundrel"),
        ("quel vaurien", "vaurien"),
        ("ma bete noire", "bete noire"),
        ("scoundrels", None),
        ("a good person", None),
    ],
)
def test_forbidden_words_are_found_as_whole_words(text: str, found: str | None) -> None:
    def refuse(_matter: chat.Matter, _found: chat.Hint) -> chat.Action:
        return chat.Action.REFUSE

    if found is None:
        assert judge(refuse, WORDS, chat.Matter(None), text).content == text
        return
    with pytest.raises(ContentRefused) as refused:
        judge(refuse, WORDS, chat.Matter(None), text)
    assert refused.value.details()["found"] == [{"kind": "word", "text": found}]


def test_what_is_masked_is_told_and_kept_apart() -> None:
    judged = judge(lambda _matter, _found: chat.Action.MASK, {}, chat.Matter(None), "Call 06 12 34 56 78 or ada@example.com!")
    assert judged.content == "Call ••• or •••!"
    assert judged.original == "Call 06 12 34 56 78 or ada@example.com!"
    assert [(each.kind, each.done) for each in judged.warnings] == [("phone", "masked"), ("email", "masked")]
    assert judged.flags == ["phone", "email"]
