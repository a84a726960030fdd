"""The index is as new as what it is about, whatever comes in which order, and can be built anew while it is used."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from msgspec.structs import replace

from souk.kernel.db import Tx
from souk.kernel.ids import new_id
from souk.modules import search
from souk.modules.search.keeping import AT_ONCE
from tests.modules.search.bazaar import WORKERS, craftsmen
from tests.modules.search.conftest import BEGAN, Bazaar


async def test_a_change_is_found_and_what_was_before_is_not(bazaar: Bazaar) -> None:
    ada = await bazaar.craftsman("Ada", "paints fences", "Painting")
    await bazaar.craftsman("Ada", "bakes bread", "Baking", id=ada)
    assert await bazaar.names("paints") == await bazaar.names(skills="Painting") == []
    assert await bazaar.names("bakes") == await bazaar.names(skills="Baking") == ["Ada"]


async def test_who_is_not_loaded_any_more_is_removed(bazaar: Bazaar) -> None:
    ada = await bazaar.craftsman("Ada", "paints")
    await bazaar.craftsman("Ada", "paints", id=ada, visible=False)
    assert await bazaar.names("paints") == await bazaar.names() == []
    assert await bazaar.do("select count(*) from search_words where docs > 0") == [(0,)]


async def test_an_old_revision_never_replaces_a_newer_one(bazaar: Bazaar) -> None:
    ada = await bazaar.craftsman("Ada", "paints", revision=7)

    async def late(tx: Tx) -> None:
        (now,) = await craftsmen(tx, [ada])
        for revision, text in ((6, "sings"), (7, "bakes")):
            old = search.Document(id=now.id, revision=revision, at=now.at, title="Ada", text=text, shown=now.shown)
            await bazaar.indexes.engine.put(tx, WORKERS, [old])

    await bazaar.database.write(late)
    assert await bazaar.names("sings") == []
    assert await bazaar.names("bakes") == ["Ada"]


async def test_changes_at_once_leave_the_newest(bazaar: Bazaar) -> None:
    ada = await bazaar.craftsman("Ada", "paints")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(tx: Tx, ids: list[UUID]) -> list[search.Document]:
        found = await craftsmen(tx, ids)
        begun.set()
        await go_on.wait()
        return found

    slow = replace(WORKERS, load=slowly)
    first = asyncio.create_task(bazaar.database.write(lambda tx: search.refresh(tx, bazaar.indexes, slow, [ada])))
    await begun.wait()
    await bazaar.do("update craftsmen set visible = false where id = $1", ada)
    second = asyncio.create_task(bazaar.database.write(lambda tx: search.refresh(tx, bazaar.indexes, WORKERS, [ada])))
    await asyncio.sleep(0.1)
    assert not second.done()
    go_on.set()
    await asyncio.gather(first, second)
    assert await bazaar.names("paints") == []


async def test_a_rebuild_finds_what_no_event_told_and_forgets_what_is_gone(bazaar: Bazaar) -> None:
    gone = [await bazaar.craftsman(f"gone {i}", "paints", work=False) for i in range(3)]
    await bazaar.work()
    await bazaar.do("delete from craftsmen where id = any($1)", gone)
    ids = [new_id() for _ in range(AT_ONCE * 2 + 1)]
    await bazaar.do(
        """insert into craftsmen select id, 'new ' || id, 'paints', '', 'en', '{Go}', 'Paris', null, false, null, null, true, 1, $2
           from unnest($1::uuid[]) id""",
        ids,
        BEGAN,
    )
    await bazaar.database.write(lambda tx: search.rebuild(tx, "workers"))
    await bazaar.work()
    assert await bazaar.database.read(lambda tx: bazaar.indexes.engine.counts(tx, WORKERS)) == len(ids)
    found = await bazaar.search(q="paints", limit=1)
    assert found["total"]["count"] == len(ids)
    assert await bazaar.names("gone") == []


async def test_nobody_can_rebuild_what_is_not_declared(bazaar: Bazaar) -> None:
    with pytest.raises(search.NoSuchIndex):
        bazaar.indexes.named("nothing")


async def test_words_are_counted_as_documents_have_them(bazaar: Bazaar) -> None:
    for text in ("paints red", "paints blue", "bakes"):
        await bazaar.craftsman("Ada", text)
    ada = await bazaar.craftsman("Bo", "paints")
    await bazaar.craftsman("Bo", "sings", id=ada)
    kept = await bazaar.do("select word, docs from search_words where docs > 0 order by word")
    counted = await bazaar.do(
        """select word collate "C", count(*)::int from search_documents,
           unnest(tsvector_to_array(vector) || array(select '~' || t from unnest(terms) t)) word group by 1 order by 1"""
    )
    assert kept == counted


async def test_many_at_once_are_loaded_together(bazaar: Bazaar) -> None:
    await bazaar.errands(*((f"paint {i}", "painting", float(i)) for i in range(30)))
    found = await bazaar.search("projects", q="paint", sort="cheapest", limit=3)
    assert [item["budget"] for item in found["items"]] == [0, 1, 2]
    assert found["total"]["count"] == 30
