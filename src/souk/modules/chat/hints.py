"""What in a message leads elsewhere: e-mail addresses, telephone numbers, links, names at messengers, however they are disguised.

    hints_of("write to ada (at) mail dot com")  # [Hint(EMAIL, 9, 30, "ada (at) mail dot com")]

Prices, dates, times, sizes, versions and numbers of orders are none. Where a sign alone would not do (ten digits without a gap, a
name behind `@`), a word beside it decides. Nothing here is certain: a market's policy says what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum, auto
from typing import Final

import msgspec

from souk.modules.chat.folding import Folded, folded
from souk.modules.chat.numbers import numbers


class HintKind(StrEnum):
    """What was found."""

    EMAIL = auto()
    PHONE = auto()
    LINK = auto()
    HANDLE = auto()
    WORD = auto()
    """One that the market has forbidden."""


class Hint(msgspec.Struct, frozen=True):
    """Something that was found, and where it was written."""

    kind: HintKind
    start: int
    end: int
    text: str


WORDY: Final = "in is it to be so my at am no us as do by la me se es md py sh rs pl id ma sa im an"
"""Country codes that are words or endings of files: a full stop without a space behind it makes no link of them."""
ENDINGS: Final = (
    "com net org edu gov info biz name shop store online site app dev page link club life live chat email group team agency studio "
    "design work works world xyz top io ai co tv cc gg to fm ly so eu uk de fr nl ch at it es pt ie dk fi hu cz sk ro bg gr tr ru ua "
    "by kz us ca mx br ar cl pe au nz jp cn hk tw kr sg my ph vn th pk bd lk ae il eg ng ke za tn dz me in is no se pl be id ma sa"
)
_WORDY: Final = frozenset(WORDY.split(" "))
SURE: Final = "|".join(ending for ending in dict.fromkeys(ENDINGS.split(" ")) if ending not in _WORDY)
ANY: Final = "|".join(dict.fromkeys(ENDINGS.split(" ")))

NO_PAGES: Final = frozenset({"asp.net", "vb.net", "ado.net", "ml.net", "socket.io", "draw.io", "node.io", "paint.net"})
"""Products whose names look like addresses."""
PATHS: Final = r"(?:/[^\s<>\"]{0,500})?"
AT: Final = r"\s{0,3}(?:@|[(\[{<]\s?(?:at|a|@|arobase|arroba)\s?[)\]}>])\s{0,3}"
AT_WORD: Final = r"\s{1,3}(?:at|arobase|arroba)\s{1,3}"
DOT: Final = r"(?:\s?\.\s?|\s{0,3}[(\[{<]\s?(?:dot|point|punkt|punto|\.)\s?[)\]}>]\s{0,3}|\s{1,3}(?:dot|point|punkt|punto)\s{1,3})"
DOT_WORD: Final = r"(?:\s{0,3}[(\[{<]\s?(?:dot|point|punkt|punto|\.)\s?[)\]}>]\s{0,3}|\s{1,3}(?:dot|point|punkt|punto)\s{1,3})"
LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
LOCAL: Final = r"(?<![\w.+%-])[a-z0-9][\w.+%-]{0,63}"

EMAILS: Final = (
    re.compile(rf"{LOCAL}@(?:{LABEL}\.){{1,4}}[a-z]{{2,24}}(?![\w-])"),
    re.compile(rf"{LOCAL}{AT}{LABEL}(?:{DOT}{LABEL}){{0,3}}{DOT}(?:{ANY})(?![\w-])"),
    re.compile(rf"{LOCAL}{AT_WORD}{LABEL}(?:{DOT}{LABEL}){{0,2}}{DOT_WORD}(?:{ANY})(?![\w-])"),
)
LINKS: Final = (
    re.compile(r"(?<![\w])h(?:tt|xx)ps?\s?:\s?/\s?/\s?[^\s<>\"]{2,500}"),
    re.compile(r"(?<![\w.@])www\s?\.\s?[a-z0-9-]{1,63}[^\s<>\"]{0,500}"),
    re.compile(rf"(?<![\w.@/-])(?:{LABEL}\.){{1,4}}(?:{SURE})(?![\w@-]|\.\w){PATHS}"),
    re.compile(rf"(?<![\w.@/-])(?:{LABEL}\.){{1,4}}(?:{ANY})/[^\s<>\"]{{1,500}}"),
    re.compile(rf"(?<![\w.@-]){LABEL}{DOT_WORD}(?:{SURE})(?![\w-]){PATHS}"),
)
SERVICE: Final = (
    r"(?:whats\s?app|wh?ats?ap|telegram|viber|we\s?chat|weixin|skype|insta(?:gram)?|snap(?:chat)?|discord|"
    r"facebook|fb|messenger|signal|kik|zalo|tiktok|linkedin)"
)
ABBREVIATED: Final = r"(?:wa|tg|ig|fb|line\s?id|wechat\s?id|icq)"
HANDLES: Final = (
    re.compile(
        rf"\b{SERVICE}\s{{0,3}}(?:(?:id|name|nick|user\s?name|handle|number)\s{{0,3}})?(?::|=|@|\bis\b)\s{{0,3}}@?[a-z0-9][\w.-]{{2,31}}"
    ),
    re.compile(rf"\b{ABBREVIATED}\s{{0,2}}(?::|=|@)\s{{0,2}}@?[a-z0-9][\w.-]{{2,31}}"),
    re.compile(
        r"\b(?:add|text|message|msg|write|call|contact|find|ping|dm|reach|ajoute|contacte|ecris)(?:[\s-](?:to|me|moi|us|nous)){0,2}"
        rf"\s{{1,3}}(?:on|at|via|over|by|through|sur|par)\s{{1,3}}(?:my\s|mon\s)?{SERVICE}\b"
    ),
    re.compile(r"(?<![\w.@/-])@[a-z][a-z0-9_]{2,30}[a-z0-9](?![\w/(@]|\.\w)"),
)


def hints_of(text: str) -> list[Hint]:
    """Everything in the text that leads elsewhere, in its order; where two overlap, the one that was looked for first."""
    return found_in(text, folded(text))


def found_in(text: str, read: Folded) -> list[Hint]:
    """The same, of what was folded already."""
    found: list[Hint] = []
    taken = [False] * len(read.text)
    for kind, start, end in _all(read.text):
        if not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            first, last = read.span(start, end)
            found.append(Hint(kind, first, last, text[first:last]))
    return sorted(found, key=lambda hint: hint.start)


def _all(text: str) -> Iterator[tuple[HintKind, int, int]]:
    for pattern in EMAILS:
        yield from ((HintKind.EMAIL, *match.span()) for match in pattern.finditer(text))
    for pattern in LINKS:
        yield from ((HintKind.LINK, *match.span()) for match in pattern.finditer(text) if match[0].rstrip("./") not in NO_PAGES)
    yield from ((HintKind.PHONE, *span) for span in numbers(text))
    for pattern in HANDLES:
        yield from ((HintKind.HANDLE, *match.span()) for match in pattern.finditer(text))
