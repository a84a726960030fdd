"""The engine that stands behind a search: PostgreSQL, with what it has itself.

A search is one statement, after one that asks what its words stand for, where that is not remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2, prod
from typing import Any, Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.search import lexemes, sql
from souk.modules.search.asking import Asked, Group, Vocabulary
from souk.modules.search.declaring import RELEVANCE, Document, Index
from souk.modules.search.finding import Plan, Rows, statement
from souk.modules.search.places import kilometres
from souk.modules.search.wanted import After, Found, Wanted
from souk.modules.search.words import placed, quoted, words

FEW: Final = 5
"""So many times its reach is ranked where all that match are looked at."""
TO_WALK: Final = 1.5
TO_LOOK_AT: Final = 2.5
TO_FIND: Final = 0.15
"""Microseconds for each document on the way, for each that matches, and for each entry of the rarest word: measured, roughly."""
FARTHEST: Final = 8_000
"""So many documents are walked through at most."""
PAGE: Final = 101
"""The longest page, and one more."""
COMMON: Final = 0.4
"""What so large a part of all documents has does not help to find them."""


class PostgreSQL:
    """Documents in a table, their words and filters in one GIN index, and the words that there are in another table."""

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()

    async def put(self, tx: Tx, index: Index, documents: Sequence[Document]) -> None:
        """Keep documents; what is there already in a newer revision stays."""
        if documents:
            rows = {each.id: row(index, each) for each in documents}
            await tx.run(sql.PUT, index.name, msgspec.json.encode(list(rows.values())).decode(), tx.now)

    async def remove(self, tx: Tx, index: Index, ids: Sequence[UUID]) -> None:
        """Forget documents."""
        if ids:
            await tx.run(sql.REMOVE, index.name, list(ids))

    async def counts(self, tx: Tx, index: Index) -> int:
        """How many documents there are."""
        return await tx.run(sql.COUNTS, index.name)

    async def begins(self, tx: Tx, index: Index, text: str, limit: int) -> list[str]:
        """Titles that begin so, the best first: every word but the last is whole, and all of them are of the title."""
        *whole, last = list(words(text))[:8] or [""]
        if len(last) < 2:
            return []
        wanted = [f"{quoted(word)}:A" for word in whole] + [f"{quoted(last)}:*A"]
        return await tx.run(sql.BEGINS, index.name, " & ".join([*wanted, quoted(lexemes.everything(index))]), limit)

    async def find(self, tx: Tx, index: Index, wanted: Wanted) -> Found:
        """Search, by the way that is shorter. Where walking did not find enough, all that match are looked at."""
        asked = await self.vocabulary.understand(tx, index, wanted)
        plan = planned(index, wanted, asked)
        rows = await self._run(tx, index, wanted, plan)
        if plan.walk and len(rows.items) <= wanted.limit and plan.walk < asked.everything and asked.groups:
            plan = _matching(index, wanted, asked)
            rows = await self._run(tx, index, wanted, plan)
        return _told(wanted, asked, plan, rows)

    @staticmethod
    async def _run(tx: Tx, index: Index, wanted: Wanted, plan: Plan) -> Rows:
        query, arguments = statement(index, wanted, plan)
        return await tx.run(query, *arguments)


# Which way


def estimated(asked: Asked) -> float:
    """How many documents match, if words stand together by chance."""
    everything = max(asked.everything, 1)
    return everything * prod(min(group.docs / everything, 1.0) for group in asked.groups)


def planned(index: Index, wanted: Wanted, asked: Asked) -> Plan:
    """All that match, or those on the way, whichever is sooner done."""
    counting = "nothing" if wanted.after is not None else ("all" if asked.everything and not asked.groups else "found")
    ranked = _ranked(wanted, asked)
    reach = index.reach if ranked or counting == "found" else PAGE
    guess = estimated(asked)
    way = reach * max(asked.everything, 1) / max(guess, 1)
    if asked.groups:
        matching = min(guess, index.reach * FEW) if ranked else guess
        rarest = min(group.docs for group in asked.groups)
        if way * TO_WALK >= matching * TO_LOOK_AT + rarest * TO_FIND:
            return _matching(index, wanted, asked)
    walk = min(FARTHEST, 1 << ceil(log2(1.5 * way + wanted.limit)))
    passes = [group for group in asked.groups if not group.measured]
    return Plan(passes=_query(passes), ranks=_ranks(asked), walk=walk, reach=reach, counting=counting, counted=reach)


def _matching(index: Index, wanted: Wanted, asked: Asked) -> Plan:
    """All that match, or, where they are ranked by their words, a good many of them."""
    helping = [each for each in asked.groups if not each.measured or each.docs < COMMON * asked.everything]
    of_the_index = [] if any(not group.text for group in helping) else [Group((lexemes.everything(index),), asked.everything)]
    reach = index.reach * FEW if _ranked(wanted, asked) else 0
    counting = "nothing" if wanted.after is not None else "found"
    return Plan(matches=_query([*helping, *of_the_index]), ranks=_ranks(asked), reach=reach, counting=counting, counted=index.reach * 2)


def _ranked(wanted: Wanted, asked: Asked) -> bool:
    """Whether words decide the order. Then only so many can be ranked; every other order can be read to its end."""
    return wanted.sort.key == RELEVANCE and any(group.text for group in asked.groups)


def _query(groups: Sequence[Group]) -> str:
    return " & ".join(group.query for group in groups)


def _ranks(asked: Asked) -> str:
    return _query([group for group in asked.groups if group.text])


# What is told


def _told(wanted: Wanted, asked: Asked, plan: Plan, rows: Rows) -> Found:
    more = len(rows.items) > wanted.limit
    if wanted.after is not None:
        total, exact = wanted.after.total, wanted.after.exact
    elif (not plan.reach or rows.found < plan.reach) and (not plan.walk or plan.walk >= asked.everything > 0):
        total, exact = rows.found, True
    else:
        total, exact = max(round(estimated(asked)), rows.found), False
    after = After(rows.keys[wanted.limit - 1], rows.ids[wanted.limit - 1], total, exact) if more else None
    counted = min(rows.found, plan.counted) if plan.counting == "found" else total
    counts = _counted(rows, total / counted if counted else 1.0) if wanted.after is None else None
    away = [round(kilometres(each), 3) for each in rows.away[: wanted.limit]] if wanted.around is not None else None
    return Found(rows.items[: wanted.limit], total, exact, after, counts, counted, asked.meant, away)


def _counted(rows: Rows, times: float) -> list[tuple[str, str, int]]:
    """Facets, name by name. Where they are of a part of what was found, they are told as if of all."""
    parts = ((term.partition("="), many) for term, many in zip(rows.terms, rows.counts, strict=True))
    return [(name, value, round(many * times)) for (name, _, value), many in parts]


# What is kept


def row(index: Index, document: Document) -> dict[str, Any]:
    """A document as it is kept. What its index does not declare is refused: nothing becomes public by mistake."""
    undeclared = [
        *(set(document.terms) - set(index.choices)),
        *(set(document.flags) - set(index.flags)),
        *(set(document.numbers) - set(index.slots)),
    ]
    if undeclared or type(document.shown) is not index.shows:
        what = ", ".join(undeclared) or type(document.shown).__name__
        raise TypeError(f"the index {index.name} declares no {what}")
    texts = (("A", document.title), ("B", document.keywords), ("C", document.text), ("D", document.more))
    found = placed(texts)
    numbers: list[float | None] = [None] * 6
    for name, value in document.numbers.items():
        numbers[index.slots[name] - 1] = value
    return {
        "id": document.id,
        "revision": document.revision,
        "language": document.language if document.language in index.languages else index.languages[0],
        "title": document.title[:200].replace("\0", ""),
        "words": list(found),
        "places": list(found.values()),
        "lexemes": list(dict.fromkeys(lexemes.lexemes(index, document))),
        "terms": lexemes.terms(index, document),
        "numbers": numbers,
        "point": document.place.point if document.place is not None else None,
        "boost": document.boost,
        "at": document.at.timestamp(),
        "shown": document.shown,
    }
