"""Somebody looks for work, or for somebody who does it, and finds them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.modules.search.conftest import Bazaar, facet


async def test_words_of_a_name_weigh_more_than_words_of_a_text(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "Paints fences, and knows a plumber.")
    await bazaar.craftsman("Bo the plumber", "Pipes.")
    await bazaar.craftsman("Cy", "Bakes bread.")
    assert await bazaar.names("plumber") == ["Bo the plumber", "Ada"]


async def test_all_words_have_to_be_there(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "Paints fences.")
    await bazaar.craftsman("Bo", "Paints walls.")
    assert await bazaar.names("paints walls") == ["Bo"]


@pytest.mark.parametrize(
    ("language", "text", "q"),
    [
        ("en", "Painting old houses", "paint house"),
        ("en", "The best in town", "the best"),
        ("fr", "Réparation de chaudières à Orléans", "reparations chaudiere"),
        ("fr", "J'installe des cuisines", "installer cuisine"),
        ("ar", "تصليح السيارات القديمة", "تصليح سيارات"),
        ("ar", "مُعَلِّم اللغة العربيّة", "معلم"),
        ("simple", "Zmrzlina", "ZMRZLINA"),
        ("en", "Smørrebrød & crème brûlée", "smorrebrod creme brulee"),
        ("en", "C++ and C# since 1998", "c++"),
        ("en", "flat ٤٢", "42"),
    ],
)
async def test_words_are_found_in_their_languages(bazaar: Bazaar, language: str, text: str, q: str) -> None:
    await bazaar.craftsman("Ada", text, language=language)
    await bazaar.craftsman("Bo", "Something else")
    assert await bazaar.names(q) == ["Ada"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [("pyhton", "python"), ("pythn", "python"), ("pythoon", "python"), ("electrcan", "electrician"), ("plumbre", "plumber")],
)
async def test_typos_are_forgiven_and_told(bazaar: Bazaar, given: str, meant: str) -> None:
    await bazaar.craftsman("Ada", "Writes Python.")
    await bazaar.craftsman("Bo", "An electrician.")
    await bazaar.craftsman("Cy", "A plumber.")
    found = await bazaar.search(q=given)
    assert len(found["items"]) == 1
    assert meant in found["meant"][given]


async def test_the_last_word_may_be_unfinished(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "An old electrician.")
    await bazaar.craftsman("Bo", "Elephants.")
    assert await bazaar.names("old elec") == ["Ada"]
    assert await bazaar.names("elec old") == []


async def test_synonyms_are_one_word_in_any_language(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "plombier à Paris", language="fr")
    await bazaar.craftsman("Bo", "سباك", language="ar")
    await bazaar.craftsman("Cy", "a painter")
    assert sorted(await bazaar.names("plumber")) == ["Ada", "Bo"]


async def test_words_that_say_nothing_are_no_question(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada")
    await bazaar.craftsman("Bo")
    assert len(await bazaar.names("the of and")) == 2


async def test_suggestions_are_titles_that_begin_so(bazaar: Bazaar) -> None:
    for name in ("Ada Byron", "Adam Smith", "Bo Adler"):
        await bazaar.craftsman(name, "adamant")
    answer = await (await bazaar.client()).get("/search/workers/suggestions", params={"q": "ad"})
    assert answer.json()["data"] == ["Ada Byron", "Adam Smith", "Bo Adler"]
    answer = await (await bazaar.client()).get("/search/workers/suggestions", params={"q": "ada by"})
    assert answer.json()["data"] == ["Ada Byron"]


# Filters and facets


async def three(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "builds", "Python", "Django", rating=4.8, remote=True)
    await bazaar.craftsman("Bo", "builds", "Python", rating=3.9, city="Orléans")
    await bazaar.craftsman("Cy", "builds", "Café: crème, brûlée", city="Lyon")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"skills": "python"}, "Ada Bo"),
        ({"skills": ["django", "Go"]}, "Ada"),
        ({"skills": "django,python"}, "Ada Bo"),
        ({"knows": "django,python"}, "Ada"),
        ({"skills": "nothing"}, ""),
        ({"location": "ORLEANS"}, "Bo"),
        ({"location": "Lyon", "skills": "python"}, ""),
        ({"minRating": 4}, "Ada"),
        ({"minRating": 3.9}, "Ada Bo"),
        ({"minRating": 4.81}, ""),
        ({"remote": "true"}, "Ada"),
        ({"remote": "false"}, "Bo Cy"),
        ({"q": "builds", "remote": "false", "skills": "python"}, "Bo"),
        ({}, "Ada Bo Cy"),
    ],
)
async def test_filters(bazaar: Bazaar, query: dict[str, Any], found: str) -> None:
    await three(bazaar)
    assert sorted(await bazaar.names(**query)) == found.split()


async def test_facets_count_what_was_found(bazaar: Bazaar) -> None:
    await three(bazaar)
    found = await bazaar.search(q="builds")
    assert facet(found, "skills") == {"Python": 2, "Django": 1, "Café: crème, brûlée": 1}
    assert facet(found, "city") == {"Lyon": 1, "Orléans": 1, "Paris": 1}
    assert found["total"] == {"count": 3, "exact": True}
    assert facet(await bazaar.search(skills="django"), "skills") == {"Python": 1, "Django": 1}
    assert facet(await bazaar.search(), "city") == {"Lyon": 1, "Orléans": 1, "Paris": 1}
    assert set(found["facets"]) == {"skills", "city"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"minBudget": 100}, "b c"),
        ({"maxBudget": 100}, "a b z"),
        ({"minBudget": 50, "maxBudget": 5000}, "b"),
        ({"maxBudget": -1}, "z"),
        ({"minBudget": -10, "maxBudget": 0}, "z"),
        ({"minBudget": 2e6}, "c"),
        ({"minBudget": 200, "maxBudget": 100}, ""),
    ],
)
async def test_ranges_are_measured(bazaar: Bazaar, query: dict[str, Any], found: str) -> None:
    await bazaar.errands(("a", "paint", 10), ("b", "paint", 100), ("c", "move", 5e6), ("z", "odd", -5))
    items = (await bazaar.search("projects", **query))["items"]
    assert sorted(item["title"] for item in items) == found.split()


# Orders and pages


async def test_sorts(bazaar: Bazaar) -> None:
    for name, rating in (("Ada", 4.0), ("Bo", 5.0), ("Cy", None), ("Di", 3.0)):
        await bazaar.craftsman(name, "builds", rating=rating)
    assert await bazaar.names(sort="best") == ["Bo", "Ada", "Di"]
    assert await bazaar.names(sort="worst") == ["Di", "Ada", "Bo"]
    assert await bazaar.names("builds", sort="newest") == ["Di", "Cy", "Bo", "Ada"]


@pytest.mark.parametrize(
    "query",
    [
        {"q": "builds"},
        {},
        {"sort": "newest"},
        {"sort": "best"},
        {"sort": "worst"},
        {"q": "builds", "sort": "worst"},
        {"lat": 48.8, "lng": 2.3, "sort": "distance", "radius": 400},
        {"lat": 48.8, "lng": 2.3, "radius": 400, "skills": "go"},
    ],
)
async def test_pages_follow_each_other_without_gap_or_double(bazaar: Bazaar, query: dict[str, Any]) -> None:
    for i in range(11):
        place = {"lat": 48.8 + i % 5 / 10, "lng": 2.3}
        await bazaar.craftsman(f"W{i}", "builds " * (1 + i % 3), "Go", rating=float(i % 4), work=False, **place)
    await bazaar.work()
    seen: list[str] = []
    cursor = ""
    for page in range(4):
        found = await bazaar.search(**query, limit=4, cursor=cursor)
        assert (found["facets"] is not None) == (page == 0)
        assert found["total"]["count"] == 11
        seen += [item["name"] for item in found["items"]]
        cursor = found["nextCursor"] or ""
        if not cursor:
            break
    assert sorted(seen) == sorted(f"W{i}" for i in range(11))
    assert seen == await bazaar.names(**query)


# Distance

PARIS, VERSAILLES, LYON = (48.8566, 2.3522), (48.8049, 2.1204), (45.7640, 4.8357)


async def test_distance_filters_sorts_and_is_told(bazaar: Bazaar) -> None:
    for name, (lat, lng) in (("Lyon", LYON), ("Versailles", VERSAILLES), ("Paris", PARIS)):
        await bazaar.craftsman(name, "builds", lat=lat, lng=lng)
    await bazaar.craftsman("Nowhere", "builds")
    there: dict[str, Any] = {"lat": 48.8566, "lng": 2.3522, "sort": "distance"}
    found = await bazaar.search(**there, radius=450)
    assert [item["name"] for item in found["items"]] == ["Paris", "Versailles", "Lyon"]
    assert [round(km) for km in found["distances"]] == [0, 18, 391]
    assert await bazaar.names(**there) == ["Paris", "Versailles"]
    assert await bazaar.names("builds", **there, radius=5) == ["Paris"]


@pytest.mark.parametrize(
    ("lat", "lng", "there"), [(0, 179.95, (0, -179.95)), (65, -180, (65.02, 180)), (89.5, 0, (89.5, 170)), (-33, 151, (-33.1, 151.1))]
)
async def test_the_map_closes(bazaar: Bazaar, lat: float, lng: float, there: tuple[float, float]) -> None:
    await bazaar.craftsman("Ada", lat=float(there[0]), lng=float(there[1]))
    assert await bazaar.names(lat=lat, lng=lng, radius=150) == ["Ada"]


# What is refused


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"minRating": "good"}, "minRating"),
        ({"sort": "price"}, "sort"),
        ({"sort": "distance"}, "lat"),
        ({"lat": 1}, "lng"),
        ({"radius": 1}, "lat"),
        ({"lat": 91, "lng": 0}, "lat"),
        ({"q": "x" * 301}, "q"),
        ({"limit": 101}, "limit"),
        ({"colour": "red"}, "colour"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"skills": ",".join(map(str, range(60)))}, "skills"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_name(bazaar: Bazaar, query: dict[str, Any], field: str) -> None:
    refused = await bazaar.search(**query, status=422)
    assert refused["details"]["fields"][0]["field"] == field
