"""Where very many match, an index walks through them in order, and says that it has not counted them all."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from souk.kernel.assembly import Market
from souk.modules import search
from tests.modules.search.bazaar import BAZAAR, MARKET, PROJECTS, WORKERS
from tests.modules.search.conftest import Bazaar, facet

MANY = 60


@pytest.fixture
def market() -> Market:
    """A market whose indexes look at very few documents."""
    return replace(MARKET, modules=(BAZAAR, search.searches(replace(WORKERS, reach=3), PROJECTS)))


async def crowd(bazaar: Bazaar) -> None:
    for i in range(MANY):
        place = {"lat": 48.8 + i / 1000, "lng": 2.3}
        colour = "red" if i % 2 else "blue"
        await bazaar.craftsman(f"W{i}", f"builds {colour}", "Go", work=False, rating=float(i % 7), remote=i % 3 == 0, **place)
    await bazaar.work()


async def test_totals_and_facets_are_told_in_proportion(bazaar: Bazaar) -> None:
    await crowd(bazaar)
    found = await bazaar.search(q="builds", limit=2)
    assert len(found["items"]) == 2
    assert found["total"] == {"count": MANY, "exact": False}
    assert found["counted"] == 3
    assert facet(found, "skills") == {"Go": MANY}
    red = await bazaar.search(q="red", limit=2)
    assert 20 <= red["total"]["count"] <= MANY


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"q": "builds", "sort": "newest"}, range(MANY)),
        ({"q": "red", "sort": "newest"}, range(1, MANY, 2)),
        ({"q": "builds", "sort": "worst"}, range(MANY)),
        ({"skills": "go", "sort": "best"}, range(MANY)),
        ({"skills": "go", "minRating": 3, "sort": "newest"}, [i for i in range(MANY) if i % 7 >= 3]),
        ({"remote": "true", "sort": "newest"}, range(0, MANY, 3)),
        ({"skills": "go"}, range(MANY)),
        ({"q": "builds", "lat": 48.8, "lng": 2.3, "sort": "distance", "radius": 50}, range(MANY)),
        ({"lat": 48.8, "lng": 2.3, "sort": "distance", "radius": 1}, range(9)),
    ],
)
async def test_every_page_is_there_however_far_one_reads(bazaar: Bazaar, query: dict[str, Any], wanted: Any) -> None:
    await crowd(bazaar)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        found = await bazaar.search(**query, limit=7, cursor=cursor)
        seen += [item["name"] for item in found["items"]]
        cursor = found["nextCursor"]
    assert sorted(seen) == sorted(f"W{i}" for i in wanted)
    if query.get("sort") == "distance":
        assert seen == [f"W{i}" for i in wanted]


async def test_words_that_never_stand_together_are_not_walked_after_for_ever(bazaar: Bazaar) -> None:
    await crowd(bazaar)
    found = await bazaar.search(q="red blue")
    assert found["items"] == []
    assert found["total"] == {"count": 0, "exact": True}


async def test_more_of_a_boost_is_looked_at_first(bazaar: Bazaar) -> None:
    await crowd(bazaar)
    await bazaar.do("update search_documents set boost = 0.5 where title = 'W30'")
    assert (await bazaar.names("builds", limit=1)) == ["W30"]
