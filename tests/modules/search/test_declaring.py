"""What can be declared, what every statement has to fit, and what is told of it all."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from souk.kernel.db import QUERIES, Query
from souk.kernel.db.checks import check_statements
from souk.kernel.http.openapi import describe
from souk.kernel.ids import new_id
from souk.modules import search
from souk.modules.search.finding import Plan, statement
from tests.modules.search.bazaar import MARKET, PROJECTS, WORKERS

PLANS = (
    Plan(matches="'a'", counted=10),
    Plan(matches="'a'", ranks="'a'", reach=10),
    Plan(passes="'a'", ranks="'a'", walk=16, reach=10),
    Plan(walk=16, reach=10, counting="all"),
    Plan(passes="'a'", walk=16, reach=10, counting="nothing"),
)


def shapes() -> list[Query[Any]]:
    """Statements of every kind of search."""
    after = search.After(1.0, new_id(), 1, True)
    around = search.Around(search.Place(1, 2), 3)
    found = [
        statement(WORKERS, search.Wanted(sort, 5, bounds=bounds, around=near, after=begins), plan)[0]
        for sort, plan, bounds, near, begins in product(
            WORKERS.sorts, PLANS, ((), (("rating", 1.0, None),), (("rating", 1.0, 2.0),)), (None, around), (None, after)
        )
        if sort.key != "distance" or near is not None
    ]
    return list(dict.fromkeys(found))


async def test_statements_fit_the_schema_and_what_they_answer(runtime_dsn: str) -> None:
    own = [query for query in QUERIES if query.home.startswith("souk.modules.search.")]
    assert len(own) > 5
    made = shapes()
    assert len(made) > 80
    assert await check_statements(runtime_dsn, [*own, *made]) == []


def test_parameters_are_described_under_the_names_that_the_market_gave() -> None:
    operations = [operation for module in MARKET.modules for operation in module.operations]
    paths = describe(MARKET.title, MARKET.base, operations, MARKET.roles)["paths"]
    told = {each["name"]: each for each in paths["/search/workers"]["get"]["parameters"]}
    assert {"q", "skills", "knows", "location", "remote", "minRating", "lat", "lng", "radius", "sort", "cursor", "limit"} <= set(told)
    assert told["sort"]["schema"]["enum"] == ["best", "distance", "newest", "relevance", "worst"]
    assert told["sort"]["schema"]["default"] == "relevance"
    assert all(told[name].get("description") for name in ("q", "skills", "remote", "minRating", "lat", "radius", "sort"))
    assert {"minBudget", "maxBudget"} <= {each["name"] for each in paths["/search/projects"]["get"]["parameters"]}
    assert "/search/workers/suggestions" in paths
    assert "/search/projects/suggestions" not in paths


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ({"name": "Work ers"}, "its name"),
        ({"languages": ("xx",)}, "language xx"),
        ({"languages": ()}, "needs a language"),
        ({"sorts": ()}, "needs a language and an order"),
        ({"synonyms": (("two words", "one"),)}, "no single word"),
        ({"facets": (search.Facet("q"),)}, "parameter q"),
        ({"facets": (search.Facet("skills"), search.Facet("other", parameter="skills"))}, "parameter skills"),
        ({"facets": (search.Facet("my-skills"),)}, "cannot be the name"),
        ({"filters": tuple(search.Range(f"n{i}", least=f"min{i}") for i in range(7))}, "at most 6"),
        ({"sorts": (search.Sort("distance"),)}, "needs `Near`"),
    ],
)
def test_what_cannot_work_is_refused_at_once(how: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        replace(PROJECTS, **how)


def test_two_indexes_cannot_have_one_name() -> None:
    with pytest.raises(TypeError, match="two indexes"):
        search.searches(PROJECTS, PROJECTS)
