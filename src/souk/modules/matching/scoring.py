"""From candidates to a ranking: every part, the total, and an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from souk.modules.matching.model import EXACT, SHARES, Match, Rated, Sought, Subject
from souk.modules.matching.parts import Filter, Part, Rating, checked, likeness_reason
from souk.modules.matching.words import Vector, alike, terms_of


class Asked(msgspec.Struct, frozen=True):
    """One that asks, with its vector."""

    subject: Subject
    seeks: Sought
    model: int | None
    """The model that knows its words; None where none of them is known."""
    weights: dict[int, float]
    """Its vector, by the numbers of terms."""
    names: dict[str, tuple[int, float]]
    """Its terms, as the model has them."""
    told: frozenset[str]
    """Those that everybody may be told of."""

    def pair(self, other: Subject) -> tuple[Subject, Subject]:
        """The request and the candidate, whichever of the two asks."""
        return (self.subject, other) if self.seeks is Sought.CANDIDATE else (other, self.subject)

    def shared(self, other: Subject, vector: Vector) -> list[str]:
        """Words that both show everybody, the one that says most first."""
        theirs = dict(zip(vector.terms, vector.weights, strict=True))
        both = {term: number for term, (number, _idf) in self.names.items() if number in theirs and number in self.weights}
        if not other.all_public:
            public = terms_of(other.told)
            both = {term: number for term, number in both.items() if term in public}
        strongest_first = sorted(both, key=lambda term: (-self.weights[both[term]] * theirs[both[term]], term))
        return [term for term in strongest_first if term in self.told]


class Scored(msgspec.Struct, frozen=True):
    """One with the ratings of its parts; reasons of the likeness come last, for those few that are shown."""

    subject: Subject
    vector: Vector | None
    ratings: list[Rating]
    total: int

    @property
    def place(self) -> tuple[int, tuple[float, ...], UUID]:
        return -self.total, self.subject.ties, self.subject.id


def exact(score: float) -> int:
    """A score in whole millionths."""
    return round(score * EXACT)


def total_of(shares: Iterable[int], scores: Iterable[float]) -> int:
    """The weighted sum, in whole numbers."""
    return sum(share * exact(score) for share, score in zip(shares, scores, strict=True))


def shown(total: int) -> float:
    """A total as 0..1."""
    return total / (EXACT * SHARES)


def score(asked: Asked, parts: Sequence[Part], shares: Sequence[int], other: Subject, vector: Vector | None) -> Scored:
    """All parts of one pair."""
    pair = asked.pair(other)
    like = alike(asked.weights, vector.terms, vector.weights) if vector is not None else 0.0
    ratings = [checked(each, each.of(*pair) if each.of is not None else (like, "")) for each in parts]
    return Scored(other, vector, ratings, total_of(shares, [rating[0] for rating in ratings]))


def ranked(
    asked: Asked, parts: Sequence[Part], filters: Sequence[Filter], others: Iterable[Subject], vectors: Mapping[UUID, Vector]
) -> list[Scored]:
    """Those that come into question, best first. Equal totals go by the ties, then by the id."""
    shares = [part.share for part in parts]
    passed = (each for each in others if all(every.passes(*asked.pair(each)) for every in filters))
    return sorted((score(asked, parts, shares, each, vectors.get(each.id)) for each in passed), key=lambda each: each.place)


def explained(asked: Asked, parts: Sequence[Part], place: int, found: Scored) -> Match:
    """One with every part, its weight, score and reason."""
    rated = []
    for each, (value, reason) in zip(parts, found.ratings, strict=True):
        said = reason
        if each.of is None and found.vector is not None:
            said = likeness_reason(each, asked.shared(found.subject, found.vector))
        rated.append(Rated(each.name, float(each.weight), exact(value) / EXACT, said, each.public))
    subject = found.subject
    return Match(subject.id, place, shown(found.total), rated, list(subject.ties), dict(subject.features))


def reordered(matches: Sequence[Match], weights: Mapping[str, Decimal]) -> list[Match]:
    """The same candidates under other weights, from their scores as they are written down."""
    shares = {name: int(weight * SHARES) for name, weight in weights.items()}
    totals = {match.id: total_of((shares[part.name] for part in match.parts), (part.score for part in match.parts)) for match in matches}
    best_first = sorted(matches, key=lambda match: (-totals[match.id], tuple(match.ties), match.id))
    return [_moved(match, place, totals[match.id], weights) for place, match in enumerate(best_first, 1)]


def _moved(match: Match, place: int, total: int, weights: Mapping[str, Decimal]) -> Match:
    parts = [msgspec.structs.replace(part, weight=float(weights[part.name])) for part in match.parts]
    return msgspec.structs.replace(match, place=place, score=shown(total), parts=parts)
