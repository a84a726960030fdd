"""`?fields=` chooses what an answer holds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from souk.kernel.http.answer import Reply, envelope, paged_envelope
from souk.kernel.http.fields import fields_of, select
from souk.kernel.http.paging import CursorPage, Page, Pagination
from souk.kernel.http.refusals import Invalid
from souk.kernel.record import Record


class Lot(Record):
    id: int
    start_price: int
    seller: str | None = None


LOTS = [Lot(1, 100), Lot(2, 200, "ada")]


def chosen(body: bytes, query: bytes, known: tuple[str, ...] = ()) -> Any:
    return msgspec.json.decode(select(body, query, known))


def test_one_thing_is_cut_to_the_fields_asked_for_in_that_order() -> None:
    body = envelope(LOTS[0], "Here it is.")
    assert select(body, b"fields=startPrice,id") == b'{"success":true,"message":"Here it is.","data":{"startPrice":100,"id":1}}'


def test_each_item_of_a_list_is_cut_and_the_pagination_stays() -> None:
    body = paged_envelope(LOTS, Pagination(1, 20, 2, 1))
    found = chosen(body, b"page=1&fields=id&fields=seller")
    assert found["data"] == [{"id": 1, "seller": None}, {"id": 2, "seller": "ada"}]
    assert found["pagination"]["total"] == 2


def test_an_unknown_field_is_refused_naming_the_nearest() -> None:
    with pytest.raises(Invalid) as caught:
        select(envelope(LOTS), b"fields=id,start_price,color")
    assert [p.problem for p in caught.value.problems] == [
        "start_price is not a field here; did you mean startPrice?",
        "color is not a field here; known are id, startPrice, seller",
    ]


def test_an_empty_list_still_knows_its_fields_by_the_answers_type() -> None:
    assert chosen(envelope([]), b"fields=whatever")["data"] == []
    with pytest.raises(Invalid):
        select(envelope([]), b"fields=whatever", fields_of(list[Lot]))


@pytest.mark.parametrize("data", [7, "text", None, [1, 2]])
def test_what_has_no_fields_cannot_be_cut(data: object) -> None:
    with pytest.raises(Invalid):
        select(envelope(data), b"fields=id")


@pytest.mark.parametrize("query", [b"", b"fields=", b"page=1", b"fields=,"])
def test_asking_for_nothing_gives_everything(query: bytes) -> None:
    assert select(envelope(LOTS), query) == envelope(LOTS)


@pytest.mark.parametrize("answers", [Lot, list[Lot], tuple[Lot, ...], Page[Lot], CursorPage[Lot], Reply[Lot], Reply[list[Lot]]])
def test_the_fields_of_an_answer_are_those_of_its_struct_or_items(answers: Any) -> None:
    assert fields_of(answers) == ("id", "startPrice", "seller")


@pytest.mark.parametrize("answers", [None, int, dict[str, Lot], Lot | None, list[int]])
def test_an_answer_without_a_struct_has_none(answers: Any) -> None:
    assert fields_of(answers) == ()
