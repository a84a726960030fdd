"""The numbers of words: how texts are cut, and that the formulas are the known ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from io import BytesIO
from math import isclose, log, sqrt
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.modules.matching.counting import LARGE, Count, Counting, Fitted, apart, encode, fitted_by_reference, fitted_here, framed
from souk.modules.matching.words import (
    MOST_TERMS,
    Written,
    alike,
    fold,
    lexicon_of,
    rounded,
    skill_key,
    strongest,
    terms_of,
    vector_of,
    words,
)

TEXTS = st.text(alphabet="abc dé#+ÄßΩ.-_1", max_size=60)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Checkout, payments & cards!", ["checkout", "payments", "cards"]),
        ("C++ or C# or Node.js", ["c++", "or", "c#", "or", "node", "js"]),
        ("Café CAFE cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("Straße", ["strasse"]),
        ("a b c", []),
        ("ремонт квартир", ["ремонт", "квартир"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_a_text_is_cut_into_words(text: str, cut: list[str]) -> None:
    assert words(text) == cut


def test_a_skill_is_one_term_and_its_words() -> None:
    assert terms_of(Written(skills=("Machine  Learning",), skills_weight=2.0)) == {
        "#machine learning": 2.0,
        "machine": 2.0,
        "learning": 2.0,
    }
    assert skill_key("  Éclair ") == "eclair"


def test_a_word_said_again_counts_less_each_time_and_fields_have_their_weight() -> None:
    counted = terms_of(Written((("go go go", 1.0), ("go", 2.0))))
    assert counted == {"go": 1 + log(3) + 2}


def test_what_is_rare_weighs_more_and_what_is_too_rare_or_too_common_is_not_known() -> None:
    frequencies = {"the": 10, "figma": 5, "odd": 1}
    assert [term for term, _idf in lexicon_of(frequencies, 10, rare=2, common=0.5)] == ["figma"]
    everything = dict(lexicon_of(frequencies, 10))
    assert everything["odd"] > everything["figma"] > everything["the"] == 1.0


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_a_vector_has_length_one_and_is_most_like_itself(texts: list[str]) -> None:
    counted = [terms_of(Written(((text, 1.0),))) for text in texts]
    lexicon = {term: (n, idf) for n, (term, idf) in enumerate(lexicon_of(Counter(t for each in counted for t in each), len(texts)))}
    vectors = [vector_of(each, lexicon) for each in counted]
    for one in vectors:
        own = dict(zip(one.terms, one.weights, strict=True))
        if one.terms:
            assert isclose(sqrt(sum(weight * weight for weight in one.weights)), 1, abs_tol=1e-5)
            assert isclose(alike(own, one.terms, one.weights), 1, abs_tol=1e-5)
        for other in vectors:
            assert 0 <= alike(own, other.terms, other.weights) <= 1
        assert one.terms == sorted(one.terms)
        assert rounded(one.weights) == one.weights, "read again, it is the same"


def test_a_very_long_text_keeps_its_strongest_terms() -> None:
    counted = {f"w{n}": 1.0 + n for n in range(MOST_TERMS + 50)}
    lexicon = {term: (n, 1.0) for n, term in enumerate(counted)}
    vector = vector_of(counted, lexicon)
    assert len(vector.terms) == MOST_TERMS
    assert min(vector.terms) == 50
    assert strongest(vector, 1)[0][0] == MOST_TERMS + 49


@given(TEXTS)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert words(fold(text)) == words(text)


# The other process


async def test_another_process_counts_to_the_same_numbers() -> None:
    documents = [Written(((text, 1.0),), ("Figma",)) for text in ("the payment form", "the lawn", "payment by card", "the hedge")]
    counted = [terms_of(each) for each in documents]
    expected = fitted_here(counted, 1, 0.8)
    lexicon = {term: (number, idf) for number, (term, idf) in enumerate(expected.lexicon)}
    async with apart() as counting:
        await counting.learn(4, 1, 0.8)
        await counting.count(documents[:3])
        await counting.count(documents[3:])
        assert await counting.fit() == expected
        assert await counting.weigh(documents) == [vector_of(each, lexicon) for each in counted]
    async with apart() as another:
        await another.know(expected.lexicon)
        assert await another.weigh(documents[:1]) == [vector_of(counted[0], lexicon)]


async def test_many_documents_are_fitted_to_the_same_model() -> None:
    """By scikit-learn where it is installed, by the formulas here where it is not: nobody can tell."""
    written = documents(Random(5), LARGE)
    expected = fitted_here((terms_of(each) for each in written), 2, 0.5)
    async with apart() as counting:
        await counting.learn(LARGE, 2, 0.5)
        for first in range(0, LARGE, 300):
            await counting.count(written[first : first + 300])
        fitted = await counting.fit()
    assert fitted.documents == expected.documents == LARGE
    assert dict(fitted.lexicon) == pytest.approx(dict(expected.lexicon), rel=1e-12)
    assert [term for term, _idf in fitted.lexicon] == [term for term, _idf in expected.lexicon]


@pytest.mark.parametrize("texts", [["", "a"], ["one", "two"], []])
def test_where_no_word_is_left_the_model_is_empty_by_either_way(texts: list[str]) -> None:
    counted = [terms_of(Written(((text, 1.0),))) for text in texts]
    assert fitted_here(counted, 2, 0.5) == Fitted(len(texts), [])
    reference = pytest.importorskip("sklearn.feature_extraction.text")
    assert fitted_by_reference(reference, counted, 2, 0.5) == Fitted(len(texts), [])


async def test_a_process_that_ends_is_noticed() -> None:
    async with apart() as counting:
        counting._process.kill()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError, BrokenPipeError)):
            await counting.count([Written()])


def test_documents_out_of_turn_are_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        Counting(BytesIO(framed(encode(Count([])))), BytesIO()).run()


# Against the reference


def documents(random: Random, many: int) -> list[Written]:
    vocabulary = [f"word{n}" for n in range(60)] + ["c++", "c#", "café"]

    def said() -> str:
        return " ".join(random.choices(vocabulary, weights=[1 / (n + 1) for n in range(len(vocabulary))], k=random.randint(1, 40)))

    return [
        Written(((said(), 1.0), (said(), 2.5)), tuple(random.sample(["Figma", "Machine Learning", "Go"], random.randint(0, 3))))
        for _ in range(many)
    ]


@pytest.mark.parametrize(("rare", "common"), [(1, 1.0), (2, 0.5)])
def test_it_is_what_scikit_learn_computes(rare: int, common: float) -> None:
    """Needs the extra `ml`."""
    text: Any = pytest.importorskip("sklearn.feature_extraction.text")
    written = documents(Random(3), 80)
    counted = [terms_of(each) for each in written]
    own = lexicon_of(Counter(term for each in counted for term in each), len(written), rare=rare, common=common)

    def cut(document: Written) -> list[str]:
        return [token for text, _weight in document.texts for token in words(text)] + skill_tokens(document)

    def skill_tokens(document: Written) -> list[str]:
        return [term for skill in document.skills for term in ("#" + skill_key(skill), *words(skill))]

    how = {"analyzer": lambda tokens: tokens, "sublinear_tf": True, "smooth_idf": True, "norm": None}
    reference = text.TfidfVectorizer(min_df=rare, max_df=common, **how).fit([cut(each) for each in written])
    assert [term for term, _idf in own] == list(reference.get_feature_names_out())
    assert all(isclose(idf, theirs, rel_tol=1e-12) for (_term, idf), theirs in zip(own, reference.idf_, strict=True))

    lexicon = {term: (number, idf) for number, (term, idf) in enumerate(own)}
    for document, terms in zip(written, counted, strict=True):
        fields = [words(text) for text, _weight in document.texts] + [skill_tokens(document)]
        weights = [weight for _text, weight in document.texts] + [document.skills_weight]
        whole: Any = sum(weight * reference.transform([field]).toarray()[0] for field, weight in zip(fields, weights, strict=True))
        length = sqrt(float((whole * whole).sum()))
        vector = vector_of(terms, lexicon)
        assert [int(each) for each in whole.nonzero()[0]] == vector.terms
        assert all(isclose(weight, whole[term] / length, rel_tol=1e-6) for term, weight in zip(vector.terms, vector.weights, strict=True))


def test_one_plain_text_is_exactly_their_vector() -> None:
    text: Any = pytest.importorskip("sklearn.feature_extraction.text")
    said = ["the payment form", "the lawn and the hedge", "payment by card and card and card"]
    reference = text.TfidfVectorizer(analyzer=words, sublinear_tf=True, smooth_idf=True, norm="l2")
    matrix = reference.fit_transform(said).toarray()
    counted = [terms_of(Written(((each, 1.0),))) for each in said]
    own = lexicon_of(Counter(term for each in counted for term in each), len(said))
    lexicon = {term: (number, idf) for number, (term, idf) in enumerate(own)}
    for row, terms in zip(matrix, counted, strict=True):
        vector = vector_of(terms, lexicon)
        assert dict(zip(vector.terms, vector.weights, strict=True)) == pytest.approx(
            {n: float(w) for n, w in enumerate(row) if w}, rel=1e-6
        )
