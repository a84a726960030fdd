"""Keeping vectors and postings: whatever changes is weighed again at once, under every model that is or becomes current.

Whoever writes locks the candidate first and loads what is there second. So facts that arrive late, or together, or twice, all end in what
is true now; an old vector cannot come back, and one who is gone stays gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from souk.kernel.db import Tx
from souk.modules.matching import sql
from souk.modules.matching.model import Sought
from souk.modules.matching.pairing import Pairing
from souk.modules.matching.words import Vector, strongest, terms_of, vector_of

POSTED: Final = 32
"""Terms by which one can be found: the strongest. All of them count once one is."""
FULL: Final = 32767
AT_ONCE: Final = 200
"""So many are weighed in one transaction."""

Vectors = Mapping[int, Vector]
"""By the numbers of candidates."""


def impact(weight: float) -> int:
    """A weight as it stands in postings."""
    return max(1, round(weight * FULL))


def posted(vectors: Vectors) -> tuple[list[int], list[int], list[int]]:
    """Terms, impacts and candidates of all their postings."""
    rows = [(term, impact(weight), number) for number, vector in vectors.items() for term, weight in strongest(vector, POSTED)]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def packed(vectors: Vectors) -> str:
    """Vectors on their way into the table."""
    rows = [{"candidate": number, "terms": vector.terms, "weights": vector.weights} for number, vector in vectors.items()]
    return msgspec.json.encode(rows).decode()


async def index(tx: Tx, pairing: Pairing, seeks: Sought, ids: Sequence[UUID]) -> bool:
    """Look at these again: weigh what is written of them now, and forget those that cannot be matched any more.

    Answers whether there is a model yet by which to weigh.
    """
    await tx.run(sql.SHARE_LOCK, pairing.name)
    numbers = {row.id: row.number for row in await tx.run(sql.KNOWN, pairing.name, seeks, list(dict.fromkeys(ids)), tx.now)}
    subjects = {subject.id: subject for subject in await pairing.side(seeks).load(tx, list(numbers)) if subject.id in numbers}
    gone = [number for each, number in numbers.items() if each not in subjects]
    models = [live.id for live in await tx.run(sql.LIVE, pairing.name)]
    kept = await tx.run(sql.VECTORS, list(numbers.values()))
    if gone:
        await remove(tx, seeks, gone, [each for each in kept if each.candidate in set(gone)])
    terms = {numbers[each]: terms_of(subject.written) for each, subject in subjects.items()}
    lexicons = await _lexicons(tx, models, terms)
    changed: set[int] = set() if models else set(terms)
    for model in models:
        now = {number: vector_of(each, lexicons[model]) for number, each in terms.items()}
        before = {each.candidate: each.vector for each in kept if each.model == model}
        new = {number: vector for number, vector in now.items() if before.get(number) != vector}
        if new:
            await _put(tx, model, seeks, {number: before[number] for number in new if number in before}, new)
        changed.update(new)
    if changed:
        await tx.run(sql.CHANGED, sorted(changed), tx.now)
    return bool(models)


async def remove(tx: Tx, seeks: Sought, numbers: Sequence[int], kept: Sequence[sql.Kept]) -> None:
    """Forget these, under every model."""
    for model in sorted({each.model for each in kept}):
        vectors = {each.candidate: each.vector for each in kept if each.model == model}
        await tx.run(sql.DROP_POSTINGS, model, seeks, *posted(vectors))
    await tx.run(sql.REMOVE, list(numbers))


async def _lexicons(tx: Tx, models: Sequence[int], terms: Mapping[int, Mapping[str, float]]) -> dict[int, dict[str, tuple[int, float]]]:
    found: dict[int, dict[str, tuple[int, float]]] = {model: {} for model in models}
    wanted = sorted({term for each in terms.values() for term in each})
    if models and wanted:
        for known in await tx.run(sql.TERMS_OF, list(models), wanted):
            found[known.model][known.term] = (known.number, known.idf)
    return found


async def _put(tx: Tx, model: int, seeks: Sought, before: Vectors, new: Vectors) -> None:
    """Other vectors for candidates that are locked."""
    if before:
        await tx.run(sql.DROP_POSTINGS, model, seeks, *posted(before))
    await tx.run(sql.PUT_VECTORS, model, packed(new))
    await tx.run(sql.ADD_POSTINGS, model, seeks, *posted(new))


async def erase(tx: Tx, person: UUID) -> None:
    """Forget a person: nobody finds them any more, and no recorded match names them."""
    rows = await tx.run(sql.OF_PERSON, person)
    if rows:
        kept = await tx.run(sql.VECTORS, [row.number for row in rows])
        for row in rows:
            await remove(tx, row.side, [row.number], [each for each in kept if each.candidate == row.number])
    await tx.run(sql.FORGET_ENTRIES, person)
    await tx.run(sql.FORGET_REQUESTS, person)
