"""Finding matches: a few hundred from the lists of the request's strongest words, all parts for each of those, the best of them.

However many there are, a request reads a bounded number of postings and loads a bounded number of candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from souk.kernel.db import Tx
from souk.modules.matching import sql
from souk.modules.matching.model import Matches, Sought, Subject
from souk.modules.matching.pairing import Pairing, Side
from souk.modules.matching.scoring import Asked, Scored, explained, ranked
from souk.modules.matching.words import Vector, strongest, terms_of, vector_of

STRONGEST: Final = 12
"""Terms of a request whose lists are read."""
LIST: Final = 2_000
"""How far down a list is read."""
POOL: Final = 200
"""So many are scored exactly."""
WIDER: Final = 5
"""Where filters leave too few of them, so many times more are looked at, once."""
FULL: Final = 32767


async def matches_for(tx: Tx, pairing: Pairing, request_id: UUID, *, many: int | None = None, back: bool = False) -> Matches:
    """The best for a request, for the market's own processes: nobody's permission is asked. None where there is no such request."""
    seeks = Sought.REQUEST if back else Sought.CANDIDATE
    found = {subject.id: subject for subject in await pairing.asker(seeks).load(tx, [request_id])}
    if request_id not in found:
        return Matches(pairing.name, seeks, request_id, None, weights_of(pairing, seeks), [])
    return await best(tx, pairing, seeks, found[request_id], many)


async def best(tx: Tx, pairing: Pairing, seeks: Sought, subject: Subject, many: int | None = None) -> Matches:
    """The best for one that asks."""
    asked = await asked_by(tx, pairing, seeks, subject)
    wanted, parts = many or pairing.many, pairing.parts_of(seeks)
    found: list[Scored] = []
    for most in (POOL, POOL * WIDER):
        vectors = await _pool(tx, pairing, asked, most, wanted)
        others = await _loaded(tx, pairing.side(seeks), subject, list(vectors))
        known = {each: vector for each, vector in vectors.items() if vector is not None}
        found = ranked(asked, parts, pairing.filters, others, known)
        if len(found) >= wanted or len(vectors) < most:
            break
    matches = [explained(asked, parts, place, each) for place, each in enumerate(found[:wanted], 1)]
    return Matches(pairing.name, seeks, subject.id, asked.model, weights_of(pairing, seeks), matches)


async def _loaded(tx: Tx, side: Side, asker: Subject, ids: Sequence[UUID]) -> list[Subject]:
    """What is true of them now; those whom the one that asks does not meet are not among them."""
    left = set(ids)
    if side.bars is not None:
        left.difference_update(await side.bars(tx, asker, ids))
    return [each for each in await side.load(tx, [each for each in ids if each in left]) if each.id in left]


def weights_of(pairing: Pairing, seeks: Sought) -> dict[str, float]:
    """The weights as they are written down."""
    return {name: float(weight) for name, weight in pairing.weights(seeks).items()}


async def asked_by(tx: Tx, pairing: Pairing, seeks: Sought, subject: Subject) -> Asked:
    """The one that asks, with its vector under the model that is current: one statement says which that is and knows its words."""
    terms = terms_of(subject.written)
    known = await tx.run(sql.CURRENT_TERMS, pairing.name, list(terms))
    lexicon = {each.term: (each.number, each.idf) for each in known}
    vector = vector_of(terms, lexicon)
    model = known[0].model if known else None
    return Asked(subject, seeks, model, dict(zip(vector.terms, vector.weights, strict=True)), lexicon, frozenset(terms_of(subject.told)))


async def _pool(tx: Tx, pairing: Pairing, asked: Asked, most: int, wanted: int) -> Mapping[UUID, Vector | None]:
    """Those that are looked at more closely: who has the most of the request's strongest words, and where those are too few, the newest."""
    rows: Sequence[sql.Pooled] = []
    if asked.model is not None:
        vector = Vector(list(asked.weights), list(asked.weights.values()))
        terms = strongest(vector, STRONGEST)
        weights = [round(weight * FULL) for _term, weight in terms]
        rows = await tx.run(sql.POOL, asked.model, asked.seeks, [term for term, _weight in terms], weights, LIST * most // POOL, most)
    if len(rows) < wanted:
        rows = [*rows, *await tx.run(sql.NEWEST, pairing.name, asked.seeks, asked.model, most)]
    return {row.id: row.vector for row in rows if row.id != asked.subject.id}
