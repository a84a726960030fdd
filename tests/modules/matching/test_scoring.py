"""Scores and orders: within their bounds, monotone, always the same, and the same again when replayed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.modules import matching
from souk.modules.matching import OutOfRange, Pairing, Subject, Text
from souk.modules.matching.model import Match, Sought
from souk.modules.matching.parts import Part
from souk.modules.matching.recording import fitting
from souk.modules.matching.scoring import Asked, explained, ranked, reordered
from souk.modules.matching.words import lexicon_of, terms_of, vector_of
from tests.modules.matching.fair import PAIRING

NAMES = ("one", "two", "three")
SHARES = st.tuples(st.integers(1, 9_000), st.integers(1, 999)).map(lambda pair: (pair[0], pair[1], 10_000 - sum(pair)))
SCORE = st.integers(0, 10**6).map(lambda n: n / 10**6)
CANDIDATES = st.lists(st.tuples(SCORE, SCORE, SCORE, st.integers(0, 2)), min_size=1, max_size=12)
REQUEST = Subject(UUID(int=0))


def parts_of(shares: tuple[int, int, int]) -> tuple[Part, ...]:
    return tuple(matching.feature(name, Decimal(share) / 10_000) for name, share in zip(NAMES, shares, strict=True))


def subjects(rows: list[tuple[float, float, float, int]]) -> list[Subject]:
    return [Subject(UUID(int=n + 1), features=dict(zip(NAMES, row, strict=False)), ties=(row[3],)) for n, row in enumerate(rows)]


def asks(subject: Subject = REQUEST) -> Asked:
    return Asked(subject, Sought.CANDIDATE, None, {}, {}, frozenset())


def order(parts: tuple[Part, ...], of: list[Subject]) -> list[Match]:
    return [explained(asks(), parts, place, each) for place, each in enumerate(ranked(asks(), parts, (), of, {}), 1)]


@given(SHARES, CANDIDATES)
def test_every_score_lies_within_0_and_1_and_the_order_descends(shares: tuple[int, int, int], rows: list[Any]) -> None:
    found = order(parts_of(shares), subjects(rows))
    assert all(0 <= match.score <= 1 for match in found)
    keys = [(-match.score, match.ties, match.id) for match in found]
    assert keys == sorted(keys)


@given(SHARES, CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_they_came(shares: tuple[int, int, int], rows: list[Any], random: Any) -> None:
    parts, these = parts_of(shares), subjects(rows)
    shuffled = random.sample(these, len(these))
    assert order(parts, these) == order(parts, shuffled)


@given(SHARES, st.tuples(SCORE, SCORE, SCORE), st.sampled_from(NAMES), SCORE)
def test_a_better_part_never_makes_a_worse_total(shares: tuple[int, int, int], row: tuple[float, ...], name: str, better: float) -> None:
    before: dict[str, float] = dict(zip(NAMES, row, strict=True))
    after: dict[str, float] = {**before, name: max(before[name], better)}
    totals = [order(parts_of(shares), [Subject(UUID(int=1), features=each)])[0].score for each in (before, after)]
    assert totals[1] >= totals[0]
    assert totals[1] > totals[0] or round((after[name] - before[name]) * 10**6) == 0


@given(SHARES, CANDIDATES)
def test_a_replay_under_the_same_weights_is_the_same(shares: tuple[int, int, int], rows: list[Any]) -> None:
    parts = parts_of(shares)
    found = order(parts, subjects(rows))
    written = msgspec.json.decode(msgspec.json.encode(found), type=list[Match])
    assert reordered(written, {part.name: part.weight for part in parts}) == found


@given(SHARES, SHARES, CANDIDATES)
def test_a_replay_under_other_weights_is_what_those_would_have_given(one: Any, other: Any, rows: list[Any]) -> None:
    replayed = reordered(order(parts_of(one), subjects(rows)), {part.name: part.weight for part in parts_of(other)})
    assert replayed == order(parts_of(other), subjects(rows))


# Parts


def rate(part: Part, request: Subject, candidate: Subject) -> tuple[float, str]:
    assert part.of is not None
    return part.of(request, candidate)


def test_skills_count_by_how_many_of_those_wanted_somebody_has() -> None:
    part = matching.overlap(1)
    wants = Subject(UUID(int=1), skills=("Figma", "React", "Vue", "vue"))
    assert rate(part, wants, Subject(UUID(int=2), skills=("react ", "FIGMA", "Go"))) == (2 / 3, "skills: Figma, React")
    assert rate(part, wants, Subject(UUID(int=2))) == (0.0, "")


def test_who_wants_no_skills_is_rated_otherwise() -> None:
    part = matching.overlap(1, otherwise=lambda _request, _candidate: (0.5, "category: design"))
    assert rate(part, Subject(UUID(int=1)), Subject(UUID(int=2), skills=("Go",))) == (0.5, "category: design")
    assert rate(matching.overlap(1), Subject(UUID(int=1)), Subject(UUID(int=2), skills=("Go",))) == (0.0, "")


@pytest.mark.parametrize(("load", "score"), [(0, 1.0), (1, 0.8), (5, 0.0), (9, 0.0)])
def test_the_busier_the_worse_and_never_below_nothing(load: float, score: float) -> None:
    part = matching.feature("availability", 1, matching.falling(5), of="load")
    assert rate(part, REQUEST, Subject(UUID(int=2), features={"load": load}))[0] == pytest.approx(score)


def test_a_part_that_answers_no_score_is_named() -> None:
    part = matching.part("wild", 1, lambda _request, _candidate: (1.5, ""))
    with pytest.raises(OutOfRange, match="wild"):
        order((part,), [Subject(UUID(int=1))])
    with pytest.raises(OutOfRange, match="odd"):
        order((matching.part("odd", 1, lambda _request, _candidate: (float("nan"), "")),), [Subject(UUID(int=1))])


def test_only_public_words_are_named_of_either_side() -> None:
    request = Subject(UUID(int=1), {"open": Text("payment forms"), "closed": Text("divorce lawyer", public=False)})
    candidate = Subject(UUID(int=2), {"open": Text("forms and divorce"), "closed": Text("payment lawyer", public=False)})
    counted = [terms_of(each.written) for each in (request, candidate)]
    frequencies = {term: 1 for each in counted for term in each}
    lexicon = {term: (number, idf) for number, (term, idf) in enumerate(lexicon_of(frequencies, 2))}
    vectors = [vector_of(each, lexicon) for each in counted]
    asked = Asked(
        request,
        Sought.CANDIDATE,
        1,
        dict(zip(vectors[0].terms, vectors[0].weights, strict=True)),
        lexicon,
        frozenset(terms_of(request.told)),
    )
    (found,) = ranked(asked, (matching.likeness(1),), (), [candidate], {candidate.id: vectors[1]})
    assert explained(asked, (matching.likeness(1),), 1, found).reasons == ["words in common: forms"]
    assert found.ratings[0][0] == pytest.approx(1.0, abs=0.2), "all of them count"


# Declarations


@pytest.mark.parametrize("weights", [("0.5", "0.49"), ("0.5", "0.51"), ("0.40", "0.25", "0.15", "0.05", "0.10", "0.10")])
def test_weights_that_do_not_come_to_one_are_refused(weights: tuple[str, ...]) -> None:
    parts = tuple(matching.feature(f"part {n}", weight) for n, weight in enumerate(weights))
    with pytest.raises(TypeError, match=r"exactly 1\.00"):
        msgspec.structs.replace(PAIRING, parts=parts)


def test_weights_are_what_is_written_not_what_floats_make_of_them() -> None:
    weights = (0.40, 0.25, 0.15, 0.05, 0.10, 0.05)
    parts = tuple(matching.feature(f"part {n}", weight) for n, weight in enumerate(weights))
    assert sum(msgspec.structs.replace(PAIRING, parts=parts).weights(Sought.CANDIDATE).values()) == 1


@pytest.mark.parametrize("weight", [0, -0.1, 1.1, "0.12345", "much", "nan"])
def test_what_is_no_weight_is_refused(weight: Any) -> None:
    with pytest.raises(TypeError):
        matching.feature("rating", weight)


def test_other_faults_of_a_pairing_are_refused() -> None:
    half = matching.feature("rating", "0.5")
    for fault in ({"parts": (half, half)}, {"many": 0}, {"ask": matching.Asking("/x", matching.STAFF, "x", parameter="job_id")}):
        with pytest.raises(TypeError):
            msgspec.structs.replace(PAIRING, **fault)
    with pytest.raises(TypeError, match="one name"):
        matching.matches(PAIRING, PAIRING)
    assert isinstance(PAIRING, Pairing)


def test_a_replay_wants_a_weight_for_each_part_and_all_of_one() -> None:
    recorded = {"skills": 0.6, "rating": 0.4}
    assert fitting(recorded, {"skills": 1, "rating": 0}) == {"skills": Decimal(1), "rating": Decimal()}
    wrong: tuple[dict[str, Any], ...] = (
        {"skills": 1},
        {"skills": 0.5, "rating": 0.4},
        {"skills": 0.5, "rating": 0.5, "load": 0},
        {"skills": "x", "rating": 1},
    )
    for weights in wrong:
        with pytest.raises(matching.WeightsDoNotFit):
            fitting(recorded, weights)
