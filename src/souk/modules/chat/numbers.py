# ruff: noqa: RUF001 - people write all of these signs
"""Telephone numbers among all the other numbers that people write to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

Span = tuple[int, int]

MONEY: Final = r"(?:€|\$|£|¥|₹|eur(?:os?)?|usd|gbp|chf|cad|aud|mad|dollars?|credits?|crd|k\b|%)"
NUMBER: Final = r"\d[\d .,'’]{0,18}"
DATE: Final = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))"
TIME: Final = r"\d{1,2}[:h]\d{2}(?::\d{2})?"

NUMBERED: Final = (
    r"(?:#|\bn[°o]\.?|\bno\.|\b(?:order|commande|bestellung|invoice|facture|ref(?:erence)?|ticket|project|booking|parcel|tracking|"
    r"id|nr|number|iban|vat|siret|issue|pr|isbn|version|v)\b[\s:.#°-]{0,4}(?:n[°o]\.?\s?)?)\s?[a-z]{0,4}-?\d[\d-]{2,30}(?![\d])"
)
INNOCENT: Final = re.compile(
    "|".join(
        (
            rf"(?<!\d)(?<!\d[-/.]){DATE}(?:[t ]{{1,2}}{TIME})?(?![-/.]?\d)",
            rf"(?<!\d){TIME}(?!\d)",
            rf"{MONEY}\s?{NUMBER}",
            rf"(?<![\d+]){NUMBER}\s?{MONEY}",
            NUMBERED,
            r"\b[a-z]{2,6}-\d[\d-]{3,30}",
            r"(?<!\d)\d{2,5}\s?[x×*]\s?\d{2,5}(?:\s?[x×*]\s?\d{2,5})?(?!\d)",
            r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
            r"(?<![\d.])\d+\.\d+(?![\d.])",
            r"(?<![\w-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![\w-])",
            r"(?<!\d)(?:19|20)\d{2}\s?[-–/]\s?(?:19|20)\d{2}(?!\d)",
            r"(?<!\d)[1-9]\d{0,2}(?:[.,'’]\d{3})+(?:[.,]\d{1,2})?(?![.,]?\d)",
        )
    )
)
"""Dates, times, prices, numbers of orders, sizes, addresses of machines, fractions, ids, years, thousands."""

CUE: Final = re.compile(
    r"\b(?:call|phone|tel|telephone|mobile|cell|whats\s?app|sms|text me|ring|dial|reach me|my number|numero|portable|appel\w*|joindre|"
    r"handy|anruf\w*|telefon\w*|viber|signal)\b[^\d]{0,30}$"
)
BETWEEN: Final = r"[ \-./_()*~|]{0,3}"
GROUPED: Final = re.compile(rf"(?<![\w.,#-])(?:\+\s?|00\s?)?\(?\d(?:{BETWEEN}\d){{6,15}}(?!\d)(?![-.]\d)(?![a-z])")

SPOKEN: Final = {
    **dict.fromkeys(("zero", "oh", "null", "cero"), "0"),
    **dict.fromkeys(("one", "un", "eins", "uno"), "1"),
    **dict.fromkeys(("two", "deux", "zwei", "dos"), "2"),
    **dict.fromkeys(("three", "trois", "drei", "tres"), "3"),
    **dict.fromkeys(("four", "quatre", "vier", "cuatro"), "4"),
    **dict.fromkeys(("five", "cinq", "funf", "cinco"), "5"),
    **dict.fromkeys(("six", "sechs", "seis"), "6"),
    **dict.fromkeys(("seven", "sept", "sieben", "siete"), "7"),
    **dict.fromkeys(("eight", "huit", "acht", "ocho"), "8"),
    **dict.fromkeys(("nine", "neuf", "neun", "nueve"), "9"),
}
ONE_SPOKEN: Final = rf"(?:{'|'.join(SPOKEN)}|\d)"
DICTATED: Final = re.compile(rf"(?<![\w]){ONE_SPOKEN}(?:[ \-._*]{{1,3}}{ONE_SPOKEN}){{6,15}}(?![\w])")


def numbers(text: str) -> Iterator[Span]:
    """Where telephone numbers stand in text that was folded."""
    for match in DICTATED.finditer(text):
        digits = [SPOKEN.get(word[0], word[0]) for word in re.finditer(ONE_SPOKEN, match[0])]
        if not _counts_up(digits):
            yield match.span()
    blank = INNOCENT.sub(lambda match: "\x00" * len(match[0]), text)
    for match in GROUPED.finditer(blank):
        if _is_phone(match[0], text[max(0, match.start() - 60) : match.start()]):
            yield match.span()


def _is_phone(written: str, before: str) -> bool:
    """Whether digits in this form, behind these words, are a telephone number."""
    groups = re.findall(r"\d+", written)
    digits = "".join(groups)
    if CUE.search(before):
        return True
    if written[0] == "+" or (digits.startswith("00") and len(digits) > 9):
        return len(digits) >= 8
    if _counts_up(groups) or len(set(digits)) < 3:
        return False
    if len(groups) == 1:
        return digits[0] == "0" and 9 <= len(digits) <= 12
    return 9 <= len(digits) <= 12 and (digits[0] == "0" or written[0] == "(" or _is_grouped(groups))


def _is_grouped(groups: list[str]) -> bool:
    """Whether digits are put together as telephone numbers are, and thousands are not."""
    lengths = [len(group) for group in groups]
    return lengths in ([3, 3, 3], [3, 3, 4], [3, 4, 4], [1, 3, 3, 4], [1, 3, 3, 3]) or max(lengths) <= 2 or lengths == [5, 6]


def _counts_up(groups: list[str]) -> bool:
    """1 2 3 4 5 6 7: somebody who counts."""
    return len(groups) > 1 and all(int(second) - int(first) == 1 for first, second in pairwise(groups))
