"""Query parameters become the Struct that an operation declared."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote, quote_plus, urlencode
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.paging import Paging
from souk.kernel.http.parameters import pairs, query_reader, reader
from souk.kernel.http.refusals import Invalid
from souk.kernel.http.request import Request
from souk.kernel.record import Record


class Phase(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Lots(Paging):
    phase: Phase | None = None
    seller_id: UUID | None = None
    since: datetime | None = None
    cheap: bool = False
    sizes: tuple[int, ...] = ()
    text: str = ""


class Search(Record):
    text: str


def wrong(kind: type[msgspec.Struct], query: bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        reader(kind)(query)
    return {p.field: p.problem for p in caught.value.problems}


def test_text_is_read_as_what_each_field_is() -> None:
    found = reader(Lots)(
        b"page=2&limit=50&phase=open&sellerId=00000000-0000-0000-0000-000000000007&since=2026-11-21T09:30:00Z&cheap=true&sizes=1&sizes=2&text=a"
    )
    assert (found.page, found.limit, found.offset, found.phase, found.seller_id) == (2, 50, 50, Phase.OPEN, UUID(int=7))
    assert found.since.isoformat() == "2026-11-21T09:30:00+00:00"
    assert (found.cheap, found.sizes, found.text) == (True, (1, 2), "a")


def test_an_empty_query_is_the_one_value_made_at_start() -> None:
    take = query_reader(Lots)
    empty = Request("GET", "/", b"", {}, (), "")
    assert take(empty) is take(empty)
    assert take(empty) == Lots()
    assert take(Request("GET", "/", b"page=3", {}, (), "")).page == 3


def test_a_query_with_a_required_parameter_has_no_default() -> None:
    with pytest.raises(Invalid) as caught:
        query_reader(Search)(Request("GET", "/", b"", {}, (), ""))
    assert [(p.field, p.problem) for p in caught.value.problems] == [("text", "is required: text")]


def test_every_wrong_parameter_is_named_and_the_nearest_known_one() -> None:
    assert wrong(Lots, b"page=0&limit=101&phase=shut&cheap=maybe&sizes=x&seler_id=7&text=a&text=b") == {
        "page": "must be a whole number from 1 to 1000000",
        "limit": "must be a whole number from 1 to 100",
        "phase": "must be one of open, closed or null",
        "cheap": "must be true or false",
        "sizes[0]": "must be a whole number",
        "seler_id": "is not known here; did you mean sellerId?",
        "text": "was given more than once",
    }


def test_parameters_of_the_layer_itself_are_left_to_it() -> None:
    assert reader(Lots)(b"fields=id,phase&dry_run=true") == Lots()


@pytest.mark.parametrize("query", [b"text=%ff", b"text=\xff", b"%ff=1", b"\xff=1"])
def test_what_is_not_utf_8_is_refused(query: bytes) -> None:
    assert "is not UTF-8" in wrong(Lots, query).values()


def test_a_thousand_parameters_are_refused_unread() -> None:
    assert "at most 100" in wrong(Lots, b"&".join([b"sizes=1"] * 1000))[""]


def test_a_struct_that_could_be_changed_is_not_shared() -> None:
    class Loose(msgspec.Struct):
        page: int = 1

    with pytest.raises(TypeError, match="frozen"):
        query_reader(Loose)


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=8), st.sampled_from([quote, quote_plus]))
def test_whatever_was_encoded_is_decoded_again(given_pairs: list[tuple[str, str]], quoting: Any) -> None:
    assert pairs(urlencode(given_pairs, quote_via=quoting).encode()) == given_pairs


@given(st.binary(max_size=60))
def test_no_query_string_does_more_than_be_refused(query: bytes) -> None:
    with suppress(Invalid):
        assert isinstance(reader(Lots)(query), Lots)
