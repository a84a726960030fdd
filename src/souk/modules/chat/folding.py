# ruff: noqa: RUF001 - letters that look alike are what this file is about
"""One way of reading text, however it is written: without case, accents, invisible characters, and letters that only look like others.

Detection looks at what is folded and points at what was written; searching compares what is folded on both sides.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

import msgspec

LOOKALIKES: Final = {
    ord(each): letter
    for letter, alike in {
        "a": "аαɑ",
        "b": "вβ",
        "c": "сϲ",
        "d": "ԁđ",
        "e": "еεҽ",
        "g": "ɡ",
        "h": "һнհ",
        "i": "іιı",
        "j": "ј",
        "k": "кκ",
        "l": "ӏłⅼ",
        "m": "м",
        "n": "ոη",
        "o": "оοօøо",
        "p": "рρ",
        "q": "ԛ",
        "r": "г",
        "s": "ѕ",
        "t": "тτ",
        "u": "υս",
        "v": "ѵν",
        "w": "ԝ",
        "x": "хχ",
        "y": "уγү",
        "z": "з",
        "ae": "æ",
        "oe": "œ",
        ".": "。․‧•∙⋅",
        "@": "＠",
    }.items()
    for each in alike
}
"""Cyrillic, Armenian, Greek and other letters that are taken for Latin ones. Text that is really in those letters loses nothing by it:
it is compared with what was folded in the same way."""

INVISIBLE: Final = frozenset(("Mn", "Me", "Cf"))
"""Accents that combine, the frame of a keycap, and what is not seen at all."""


class Folded(msgspec.Struct, frozen=True):
    """Text as it is read, and where each of its characters was written."""

    text: str
    origins: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Which characters of the original stand behind these."""
        return self.origins[start], self.origins[end - 1] + 1


@lru_cache(8192)
def _letters(character: str) -> str:
    """What one character is read as: nothing, itself, or several."""
    if character < "\x7f":
        return character.lower()
    wide = unicodedata.normalize("NFKD", character).casefold().translate(LOOKALIKES)
    return "".join(_plain(each) for each in wide if unicodedata.category(each) not in INVISIBLE)


def _plain(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return str(digit) if digit is not None else " " if character.isspace() else character


def folded(text: str) -> Folded:
    """Read text character by character."""
    letters: list[str] = []
    origins: list[int] = []
    for at, character in enumerate(text):
        for letter in _letters(character):
            letters.append(letter)
            origins.append(at)
    return Folded("".join(letters), origins)


WORDS: Final = re.compile(r"\w+")
MOST_WORDS: Final = 16


def searchable(text: str) -> str:
    """Text as it is kept for searching."""
    return folded(text).text


def sought(text: str) -> str:
    """A query in PostgreSQL's words: all of these, each of which may go on."""
    return " & ".join(f"{word}:*" for word in WORDS.findall(folded(text).text)[:MOST_WORDS])
