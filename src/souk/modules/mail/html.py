"""HTML for those who only wrote a text: paragraphs, line breaks, and links that were meant as links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from markupsafe import Markup, escape

RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})
ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`{}|\\^]+", re.IGNORECASE)
AROUND: Final = ".,;:!?)]"
"""What may stand behind an address in a sentence and does not belong to it."""


def direction(language: str) -> str:
    """Which way the language is written."""
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def is_address(text: str) -> bool:
    """Whether a text is a web address and nothing else: what a link may lead to."""
    try:
        return ADDRESS.fullmatch(text) is not None and bool(urlsplit(text).hostname)
    except ValueError:
        return False


def addresses_in(text: str) -> list[str]:
    """Every web address in a text, in its order."""
    return list(dict.fromkeys(found[0].rstrip(AROUND) for found in ADDRESS.finditer(text)))


def paragraphs(text: str, links: Iterable[str]) -> Markup:
    """A text as HTML. Only these links can be clicked: one in somebody's name or message is not ours to recommend."""
    known = sorted({link for link in links if is_address(link)}, key=len, reverse=True)
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    return Markup("\n").join(Markup("<p>{}</p>").format(_lines(block, known)) for block in blocks)


def _lines(block: str, links: list[str]) -> Markup:
    return Markup("<br>\n").join(_linked(line, links) for line in block.strip().splitlines())


def _linked(line: str, links: list[str]) -> Markup:
    """The line, escaped, with the links in it. A longer address that only begins like one of them is none of them."""
    if not links:
        return escape(line)
    found = re.compile(rf"({'|'.join(map(re.escape, links))})(?![\w/?#&=%~@+-]|[.:][\w/])")
    parts = found.split(line)
    return Markup("").join(Markup('<a href="{0}">{0}</a>').format(part) if i % 2 else escape(part) for i, part in enumerate(parts))
