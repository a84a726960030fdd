"""What is asked for, as the index understands it: words with their stems, synonyms, endings, and what a misspelt one was meant to be."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from souk.kernel.db import Tx
from souk.modules.search import lexemes, sql
from souk.modules.search.declaring import Index
from souk.modules.search.wanted import Wanted
from souk.modules.search.words import fold, quoted, words

MOST_WORDS: Final = 12
LONG: Final = 20.0
SHORT: Final = 1.0
"""Seconds that is remembered what a word stands for, and that there is none: a new one is found soon."""
MOST_KEPT: Final = 20_000

Looked = tuple[sql.Looked, ...]


class Group(msgspec.Struct, frozen=True):
    """Lexemes of which one is enough, and in how many documents one is."""

    lexemes: tuple[str, ...]
    docs: int
    measured: bool = False
    """Whether a row is measured for it anyway."""
    text: bool = False

    @property
    def query(self) -> str:
        found = " | ".join(map(quoted, self.lexemes))
        return f"({found})" if len(self.lexemes) > 1 else found


class Asked(msgspec.Struct, frozen=True):
    """A search, understood."""

    groups: list[Group]
    everything: int
    """How many documents the index has."""
    meant: dict[str, list[str]]


class Vocabulary:
    """What words stand for, remembered for a while: counts of documents only say which way is the shorter."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, bool], tuple[Looked, float]] = {}

    async def understand(self, tx: Tx, index: Index, wanted: Wanted) -> Asked:
        """Everything that is asked for. Most of it is remembered; the rest takes one statement."""
        text = list(dict.fromkeys(words(wanted.q)))[:MOST_WORDS]
        folded = fold(wanted.q)
        open_word = text[-1] if text and len(text[-1]) > 1 and folded.endswith(text[-1]) else None
        spans = [(lexemes.steps(index, name, least, most)) for name, least, most in wanted.bounds]
        near = lexemes.around(index, wanted.around.place, wanted.around.km) if wanted.around is not None else ()
        measured = [*spans, *([near] if near else [])]
        all_of_it = lexemes.everything(index)
        given = [*text, *(alike for word in text for alike in index.alike.get(word, ()))]
        filters = [all_of_it, *(each for group in (*wanted.groups, *measured) for each in group)]
        known = await self._look_up(tx, index, given, open_word, filters)
        groups, meant = _of_text(index, text, known)
        groups += [_of_filter(group, known, measured=False) for group in wanted.groups]
        groups += [_of_filter(group, known, measured=True) for group in measured]
        return Asked(groups, max(known[all_of_it][0].docs, 0), meant)

    async def _look_up(
        self, tx: Tx, index: Index, given: Sequence[str], unfinished: str | None, filters: Iterable[str]
    ) -> dict[str, Looked]:
        now, found, missing = time.monotonic(), dict[str, Looked](), list[str]()
        for word in dict.fromkeys((*given, *filters)):
            known = self._known.get((index.name, word, word == unfinished))
            if known is not None and known[1] > now:
                found[word] = known[0]
            else:
                missing.append(word)
        if missing:
            rows = await tx.run(
                sql.LOOK_UP,
                index.name,
                [each for each in index.languages if each != "simple"],
                [word for word in missing if word[0] != "="],
                unfinished,
                [word for word in missing if word[0] == "="],
            )
            if len(self._known) > MOST_KEPT:
                self._known.clear()
            for word in missing:
                looked = tuple(row for row in rows if row.word == word)
                sure = all(row.docs > 0 and row.how in ("known", "filter") for row in looked)
                found[word] = looked
                self._known[index.name, word, word == unfinished] = looked, now + (LONG if sure else SHORT)
        return found


def _of_text(index: Index, text: Sequence[str], known: dict[str, Looked]) -> tuple[list[Group], dict[str, list[str]]]:
    """A group for each word that says something."""
    groups: list[Group] = []
    meant: dict[str, list[str]] = {}
    for word in text:
        looked = known[word]
        if looked[0].how == "stop":
            continue
        alike = [row for other in index.alike.get(word, ()) for row in known[other] if row.how == "known"]
        if looked[0].how == "meant" and not alike:
            meant[word] = [row.lexeme for row in looked]
        rows = [row for row in looked if row.how != "meant" or not alike]
        found = tuple(dict.fromkeys((*(row.lexeme for row in (*rows, *alike)), word)))
        groups.append(Group(found, sum(max(row.docs, 0) for row in (*rows, *alike)), text=True))
    return groups, meant


def _of_filter(group: tuple[str, ...], known: dict[str, Looked], *, measured: bool) -> Group:
    """Those of its lexemes that there are. Where there is none, one stays: then nothing is found."""
    rows = [known[each][0] for each in group]
    there = [row for row in rows if row.docs >= 0] or rows[:1]
    return Group(tuple(row.lexeme for row in there), sum(max(row.docs, 0) for row in there), measured=measured)
