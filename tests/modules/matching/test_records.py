"""Matches that were acted upon: as they were, whatever happens later, until somebody is forgotten."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from souk.modules import matching
from tests.modules.matching.conftest import Fair
from tests.modules.matching.fair import PAIRING, SECRETIVE


async def test_a_record_is_what_was_found(fair: Fair) -> None:
    await fair.crowd()
    job = await fair.job("Checkout with payment", "figma", "react")
    found = await fair.finds(job)
    record_id = await fair.recorded(job)
    record = await fair.database.read(partial(matching.read, record_id=record_id))
    assert record.matches == found.found
    assert (record.model, record.weights, record.request_id) == (found.model, found.weights, job.id)
    await fair.lawful()


async def test_a_replay_knows_nothing_of_what_came_later(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Checkout with payment", "figma", "react")
    record_id = await fair.recorded(job)
    weights = {"skills": 0, "words": 0, "availability": 0, "rating": 1}
    replay = partial(matching.replay, record_id=record_id, weights=weights)
    before = await fair.database.read(replay)
    await fair.put(replace(people["cy"], rating=1.0, bio="Checkout with payment", skills=["Figma"]))
    await fair.hide(people["ada"])
    await fair.refit()
    assert await fair.database.read(replay) == before
    assert before[0].id == people["cy"].id, "the best rated as they were rated then"
    assert [match.place for match in before] == [1, 2, 3, 4]


async def test_matches_of_another_request_are_not_written_down_under_this_one(fair: Fair) -> None:
    await fair.crowd()
    found = await fair.finds(await fair.job("Checkout"))
    for pairing, request in ((PAIRING, uuid4()), (SECRETIVE, found.request_id)):
        with pytest.raises(ValueError, match="not of"):
            await fair.database.write(partial(matching.record, pairing=pairing, request_id=request, matches=found))


async def test_a_match_that_found_nobody_is_recorded_as_well(fair: Fair) -> None:
    job = await fair.job("Checkout")
    record = await fair.database.read(partial(matching.read, record_id=await fair.recorded(job)))
    assert record.matches == []


async def test_a_person_takes_along_where_they_stood_and_why_but_nothing_private(fair: Fair) -> None:
    people = await fair.crowd()
    job = await fair.job("Checkout with payment", "figma", "react")
    await fair.recorded(job, SECRETIVE)
    export = matching.MODULE.export
    assert export is not None
    told: Any = await fair.database.read(lambda tx: export(tx, people["ada"].id))
    assert [(each["place"], each["reasons"]) for each in told] == [
        (1, ["skills: figma, react", "words in common: figma, react, payment"]),
    ]
    assert set(told[0]) == {"pairing", "madeAt", "place", "reasons"}


async def test_a_person_who_leaves_is_found_by_nobody_and_named_by_no_record(fair: Fair) -> None:
    people = await fair.crowd()
    ada = people["ada"]
    job = await fair.job("Checkout", "figma")
    record_id = await fair.recorded(job)
    erase = matching.MODULE.erase
    assert erase is not None
    await fair.do("delete from fair_workers where id = $1", ada.id)
    await fair.database.write(lambda tx: erase(tx, ada.id))
    assert await fair.rows("select 1 from match_candidates where id = $1", ada.id) == []
    record = await fair.database.read(partial(matching.read, record_id=record_id))
    assert ada.id not in [match.id for match in record.matches]
    assert len(record.matches) == 3
    await fair.lawful()
    await fair.database.write(lambda tx: erase(tx, job.id))  # whoever asked may be a person, too
    with pytest.raises(matching.NoSuchRecord):
        await fair.database.read(partial(matching.read, record_id=record_id))
