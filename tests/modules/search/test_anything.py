"""Whatever is typed gets an answer or a refusal; whatever is declared, nothing else ever comes out."""

from __future__ import annotations

import string
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from souk.kernel.assembly import Market, Module
from souk.kernel.clock import Clock
from souk.kernel.db import Database, Pool, Tx
from souk.kernel.http.guards import Role
from souk.kernel.ids import new_id
from souk.kernel.messages import Catalogue, Outbox
from souk.kernel.record import Record
from souk.modules import search
from tests.modules.search.conftest import BEGAN, Bazaar

NASTY = [
    *("'", '"', "\\", "a'b", "' & !", "a:*", "a & | ! b", "<->", "((", "a' | 'b", "$1", "%", "_", "--", ";drop table search_documents"),
    *(
        "\0",
        "a\0b",
        "😀",
        "👩‍👩‍👧",
        "سباك",
        "ﷺ",
        "the of and",
        "x" * 300,
        "e" * 60,
        "ё" * 100,
        "\u202eabc",
        "\ufeff",
        "İ",
        "ß",
        "ǆ",
        "1e400",
    ),
    *(
        "=workers",
        "~skills=Go",
        "' <-> '",
        "\U0001d54f\U0001d54f",
        "٣٤",
        "a" * 59 + "\u0301" * 5,
        "c++ c# f#",
        "\ud7ff",
        "\uffff",
        "\U0010ffff",
    ),
]


@pytest.mark.parametrize("q", [*NASTY, "x" * 10_000, "'" * 10_000])
async def test_nasty_words_are_answered_or_refused(bazaar: Bazaar, q: str) -> None:
    await bazaar.craftsman("Ada 'the \\ great'", q.replace("\0", ""), "Go's", "a\\b")
    client = await bazaar.client()
    more: list[dict[str, str]] = [{"q": q, "skills": q, "location": q, "sort": "newest"}] if len(q) < 1_000 else []
    for query in ({"q": q}, {"skills": q}, *more):
        answer = await client.get("/search/workers", params=query)
        assert answer.status_code in (200, 422), answer.text
    answer = await client.get("/search/workers/suggestions", params={"q": q})
    assert answer.status_code in (200, 422), answer.text
    assert await bazaar.do("select count(*) from search_documents") == [(1,)]


async def test_values_with_quotes_are_found_by_themselves(bazaar: Bazaar) -> None:
    await bazaar.craftsman("Ada", "", "Go's \\ 'best'")
    assert await bazaar.names(skills="go's \\ 'best'") == ["Ada"]
    assert await bazaar.names(skills="go's") == []


TYPED = (
    st.text(max_size=300) | st.text(alphabet="'\"\\&|!():*<>-= ab\0\u0301سف", max_size=60) | st.lists(st.sampled_from(NASTY)).map(" ".join)
)


def story(runtime_dsn: str, catalogue: Catalogue, market: Market, tell: Callable[[Bazaar], Awaitable[None]]) -> None:
    """One story on a database that many share."""

    async def told() -> None:
        closing: list[Callable[[], Awaitable[object]]] = []
        pool, clock = Pool(runtime_dsn, size=2, wait=5), Clock()
        bazaar = Bazaar(market, Database(pool, clock, lambda tx: Outbox(catalogue, tx)), catalogue, clock, runtime_dsn)
        bazaar.closing = closing.append
        try:
            await tell(bazaar)
        finally:
            for close in reversed(closing):
                await close()
            await pool.close()

    uvloop.run(told())


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(typed=st.lists(TYPED, min_size=30, max_size=30))
def test_anything_typed_is_answered_or_refused(runtime_dsn: str, catalogue: Catalogue, market: Market, typed: list[str]) -> None:
    async def tell(bazaar: Bazaar) -> None:
        await bazaar.craftsman("Ada", "".join(each for each in typed if "\0" not in each), "Go")
        client = await bazaar.client()
        for q in typed:
            for query in ({"q": q}, {"q": f"go {q}", "skills": q, "sort": "best"}, {"location": [q, "Paris"]}):
                answer = await client.get("/search/workers", params=query)
                assert answer.status_code in (200, 422), (query, answer.text)

    story(runtime_dsn, catalogue, market, tell)


# Only what is declared


class Shown(Record):
    """What of a thing is shown."""

    id: UUID
    fields: dict[str, str]


def declared(roles: dict[str, str]) -> Market:
    """A market whose things have these fields, each with its part: shown, facet, choice, title, text or private."""
    things = [new_id() for _ in range(3)]

    def of(thing: UUID, *parts: str) -> dict[str, str]:
        return {name: f"{part}{name}{thing.hex}" for name, part in roles.items() if part in parts}

    async def load(_tx: Tx, ids: list[UUID]) -> list[search.Document]:
        return [
            search.Document(
                id=thing,
                revision=1,
                at=BEGAN,
                title=" ".join(("thing", *of(thing, "title").values())),
                text=" ".join(of(thing, "text").values()),
                terms={name: [value] for name, value in of(thing, "facet", "choice").items()},
                shown=Shown(thing, of(thing, "shown")),
            )
            for thing in ids
        ]

    async def every(_tx: Tx, after: UUID | None, limit: int) -> list[UUID]:
        return [thing for thing in sorted(things) if after is None or thing > after][:limit]

    index = search.Index(
        "things",
        path="/search/things",
        suggests="/search/things/suggestions",
        shows=Shown,
        load=load,
        every=every,
        facets=tuple(search.Facet(name) for name, part in roles.items() if part == "facet"),
        filters=tuple(search.Choice(name) for name, part in roles.items() if part == "choice"),
    )
    empty = Module("empty", Path(__file__).parent / "nothing")
    return Market("sample", "/test", "Anything", (Role("member"),), (empty, search.searches(index)))


PARTS = ("shown", "facet", "choice", "title", "text", "private")
ROLES = st.dictionaries(
    st.text(alphabet=string.ascii_lowercase, min_size=5, max_size=9).map("f".__add__), st.sampled_from(PARTS), max_size=8
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(roles=ROLES)
def test_nothing_but_what_is_declared_comes_out(runtime_dsn: str, roles: dict[str, str]) -> None:
    market = declared(roles)

    async def tell(bazaar: Bazaar) -> None:
        await bazaar.do("delete from search_documents")
        await bazaar.database.write(lambda tx: search.rebuild(tx, "things"))
        await bazaar.work()
        found = await bazaar.search("things", q="thing")
        assert len(found["items"]) == 3
        told = str(found)
        assert {name for name, part in roles.items() if part in told and f"{part}{name}" in told} == {
            name for name, part in roles.items() if part in ("shown", "facet")
        }
        assert set(found["facets"]) == {name for name, part in roles.items() if part == "facet"}
        for name, part in roles.items():
            seen = await bazaar.search("things", q=f"{part}{name}"[:20])
            assert bool(seen["items"]) == (part in ("title", "text"))
        answer = await (await bazaar.client()).get("/search/things/suggestions", params={"q": "thing"})
        assert not any(f"{part}{name}" in answer.text for name, part in roles.items() if part != "title")

    story(runtime_dsn, Catalogue(market.modules), market, tell)


async def test_what_is_not_declared_is_refused(bazaar: Bazaar) -> None:
    index: Any = bazaar.indexes.named("projects")
    given: dict[str, Any] = {"id": new_id(), "revision": 1, "at": BEGAN, "shown": Shown(new_id(), {})}
    with pytest.raises(TypeError, match="declares no Shown"):
        await bazaar.database.write(lambda tx: bazaar.indexes.engine.put(tx, index, [search.Document(**given)]))
    with pytest.raises(TypeError, match="declares no secret"):
        await bazaar.database.write(lambda tx: bazaar.indexes.engine.put(tx, index, [search.Document(**given, terms={"secret": ["x"]})]))
