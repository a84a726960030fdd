"""Words as numbers: a text's terms, how rare each is, and how alike two texts are.

TF-IDF by the formulas of scikit-learn's `TfidfVectorizer(sublinear_tf=True, smooth_idf=True, norm="l2")`: a test compares both. Written out
here because documents come page by page, have fields of different weight, and only a few words of a request are ever looked up.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import fsum, log, sqrt
from typing import Final

import msgspec

TOKEN: Final = re.compile(r"[^\W_]+(?:\+\+|#)?")
"""A word: letters and digits of any script, and what ends in ++ or #."""
LONGEST: Final = 50_000
"""Letters of a text that are read; what lies behind them says nothing new."""
MOST_TERMS: Final = 512
"""Terms of a vector: the strongest."""
SKILL: Final = "#"
"""What a skill's own term begins with: `#machine learning` is more than two words."""

Lexicon = Mapping[str, tuple[int, float]]
"""The terms of a model: the number of each, and its inverse document frequency."""


class Written(msgspec.Struct, frozen=True):
    """What is written about somebody or something: texts with their weights, and skills with theirs."""

    texts: tuple[tuple[str, float], ...] = ()
    skills: tuple[str, ...] = ()
    skills_weight: float = 2.0


class Vector(msgspec.Struct, frozen=True):
    """A sparse vector of length 1: numbers of terms, ascending, and the weight of each, as exact as the database keeps it."""

    terms: list[int]
    weights: list[float]


def fold(text: str) -> str:
    """Without case and accents: `Café` and `cafe` are one word."""
    plain = text[:LONGEST].casefold()
    if plain.isascii():
        return plain
    return "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """Its words in their order; single letters are none, but `c#` is."""
    return [word for word in TOKEN.findall(fold(text)) if len(word) > 1]


@lru_cache(1 << 16)
def skill_key(name: str) -> str:
    """What two spellings of one skill have in common."""
    return " ".join(fold(name).split())


def skill_terms(name: str) -> list[str]:
    """A skill's own term, and its words, which other texts may have as well."""
    return [SKILL + skill_key(name), *words(name)]


def terms_of(written: Written) -> dict[str, float]:
    """How much each term counts: in every field 1 + ln(how often), times the field's weight."""
    found: dict[str, float] = {}
    fields = [(words(text), weight) for text, weight in written.texts]
    fields.append(([term for skill in written.skills for term in skill_terms(skill)], written.skills_weight))
    for tokens, weight in fields:
        for term, times in Counter(tokens).items():
            found[term] = found.get(term, 0.0) + weight * (1.0 + log(times))
    return found


def lexicon_of(frequencies: Mapping[str, int], documents: int, *, rare: int = 1, common: float = 1.0) -> list[tuple[str, float]]:
    """The vocabulary in order, with ln((1 + documents) / (1 + documents that have it)) + 1. Left out is what fewer than `rare`
    documents have, or more than the share `common` of them.
    """
    most = common * documents
    kept = sorted(term for term, frequency in frequencies.items() if rare <= frequency <= most)
    return [(term, log((1 + documents) / (1 + frequencies[term])) + 1.0) for term in kept]


def vector_of(terms: Mapping[str, float], lexicon: Lexicon) -> Vector:
    """Its vector under a model; terms that the model does not have are left out."""
    known = [(*lexicon[term], count) for term, count in terms.items() if term in lexicon]
    weighed = sorted((number, count * idf) for number, idf, count in known)
    if len(weighed) > MOST_TERMS:
        weighed = sorted(sorted(weighed, key=lambda each: (-each[1], each[0]))[:MOST_TERMS])
    length = sqrt(sum(weight * weight for _number, weight in weighed))
    return Vector([number for number, _weight in weighed], rounded(weight / length for _number, weight in weighed))


def rounded(weights: Iterable[float]) -> list[float]:
    """Weights as a column of single precision keeps them, so that what is read is what was written."""
    return array("f", weights).tolist()


def strongest(vector: Vector, most: int) -> list[tuple[int, float]]:
    """The terms that say most, strongest first."""
    return sorted(zip(vector.terms, vector.weights, strict=True), key=lambda each: (-each[1], each[0]))[:most]


def alike(one: Mapping[int, float], terms: Sequence[int], weights: Sequence[float]) -> float:
    """The cosine of two vectors, the first by its terms."""
    other = dict(zip(terms, weights, strict=True))
    return min(1.0, fsum(one[term] * other[term] for term in one.keys() & other.keys()))
