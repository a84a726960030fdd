"""What a market lets people write to each other: what was found in a message, and what follows from it.

    def before_payment(matter: Matter, found: Hint) -> Action:
        return Action.MASK if matter.state in ("open", "accepted") else Action.ALLOW

A policy is a pure function of the conversation's matter and of one finding. The strictest answer counts for refusing; each finding
is masked or warned about by its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from souk.modules.chat.errors import ContentRefused
from souk.modules.chat.folding import Folded, folded
from souk.modules.chat.hints import Hint, HintKind, found_in
from souk.modules.chat.model import About, Warned

MASK: Final = "•••"


class Action(IntEnum):
    """What follows from something that was found, the mildest first."""

    ALLOW = 0
    WARN = 1
    """The message stays; its author is told, and staff can find it."""
    MASK = 2
    """What was found is not shown to anybody but staff."""
    REFUSE = 3
    """Nothing is sent."""


class Matter(msgspec.Struct, frozen=True):
    """In which conversation something is said: what it is about, and in which state that is."""

    about: About | None
    state: str | None = None


Policy = Callable[[Matter, Hint], Action]
Words = Mapping[str, frozenset[str]]
"""Forbidden words by language. Each is looked for as a whole word, in whatever disguise."""


def allow_all(_matter: Matter, _found: Hint) -> Action:
    """Whatever it is: grown-ups may say it."""
    return Action.ALLOW


class Judged(msgspec.Struct, frozen=True):
    """What becomes of a text."""

    content: str
    warnings: tuple[Warned, ...] = ()
    original: str | None = None
    """What it said before it was masked."""

    @property
    def flags(self) -> list[str]:
        """What was found and let pass, or masked, in a word each."""
        return list(dict.fromkeys(warned.kind for warned in self.warnings))


def judge(policy: Policy, words: Words, matter: Matter, text: str) -> Judged:
    """Look at a text as the market wants it. What it refuses is named, so that it can be left out."""
    if policy is allow_all:
        return Judged(text)
    read = folded(text)
    found = [(hint, policy(matter, hint)) for hint in (*found_in(text, read), *forbidden(words, text, read))]
    if refused := [hint for hint, action in found if action is Action.REFUSE]:
        raise ContentRefused(found=[{"kind": str(hint.kind), "text": hint.text} for hint in refused])
    warnings = tuple(
        Warned(str(hint.kind), hint.text, "masked" if action is Action.MASK else "warned")
        for hint, action in found
        if action is not Action.ALLOW
    )
    content = masked(text, [hint for hint, action in found if action is Action.MASK])
    return Judged(content, warnings, text if content != text else None)


def masked(text: str, hidden: list[Hint]) -> str:
    """The text with these taken out. From the end, so that the places of the others stay true; of two that overlap, both."""
    reached = len(text)
    for hint in sorted(hidden, key=lambda hint: hint.end, reverse=True):
        end = min(hint.end, reached)
        if hint.start < end:
            text = text[: hint.start] + MASK + text[end:]
            reached = hint.start
    return text


def forbidden(words: Words, text: str, read: Folded) -> Iterator[Hint]:
    """The forbidden words of every language: nobody says in which one they write."""
    for listed in words.values():
        for word in _as_read(listed):
            at = read.text.find(word)
            while at >= 0:
                end = at + len(word)
                if not _goes_on(read.text, at - 1) and not _goes_on(read.text, end):
                    first, last = read.span(at, end)
                    yield Hint(HintKind.WORD, first, last, text[first:last])
                at = read.text.find(word, end)


@lru_cache(64)
def _as_read(words: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(filter(None, (folded(word).text for word in words))))


def _goes_on(text: str, at: int) -> bool:
    return 0 <= at < len(text) and text[at].isalnum()
