"""Words as an index keeps them: without capitals and accents, whatever the script. Documents and questions go through the same door."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final
from unicodedata import category, normalize

LONGEST_WORD: Final = 60
LONGEST_VALUE: Final = 200
MOST_PLACES: Final = 16_000
"""Further on, PostgreSQL counts no more places of words."""

WORD: Final = re.compile(r"[^\W_]+(?:\+\+|#)?")
LETTERS: Final = str.maketrans(
    dict(
        zip("øłđıæœþð", ("o", "l", "d", "i", "ae", "oe", "th", "d"), strict=True),
    )
    # Arabic: one letter for the forms of alef, yeh, kaf and teh marbuta; no tatweel.
    | dict(zip("\u0671\u0649\u0629\u06a9\u06cc\u0640", ("\u0627", "\u064a", "\u0647", "\u0643", "\u064a", ""), strict=True))
    | {chr(zero + i): str(i) for zero in (0x0660, 0x06F0) for i in range(10)}
    | {"\0": ""}
)


def fold(text: str) -> str:
    """Text without capitals, accents and marks: `Café` and `cafe` are one."""
    if text.isascii():
        return text.lower().replace("\0", "")
    apart = normalize("NFKD", text.casefold())
    return "".join(each for each in apart if category(each) != "Mn").translate(LETTERS).casefold()


def words(text: str) -> Iterator[str]:
    """The words of a text. `C++` and `C#` are words, too."""
    for found in WORD.finditer(fold(text)):
        word = found[0]
        if word[-1] in "+#":
            word = word.replace("++", "plusplus").replace("#", "sharp")
        yield word[:LONGEST_WORD]


def placed(texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Every word of these weighted texts with its places: `{"paint": "1A,7C"}`."""
    found: dict[str, list[str]] = {}
    place = 0
    for weight, text in texts:
        for word in islice(words(text), MOST_PLACES - place):
            place += 1
            found.setdefault(word, []).append(f"{place}{weight}")
    return {word: ",".join(places[:200]) for word, places in found.items()}


def value_of(text: str) -> str:
    """What can be filtered by, in the form in which it is compared."""
    return " ".join(fold(text).split())[:LONGEST_VALUE]


def quoted(lexeme: str) -> str:
    """A lexeme as PostgreSQL's searches write it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
